//! Every count is the stated rule's, and every audit tells what the mask is.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array2, Array3, Dimension};
use proptest::prelude::*;
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{
    CellMap, Guard, Guide, MaskConfig, MaskError, PartGrid, PatchMask, Policy, Ranked, RegionGrid,
    Rounding,
};

const KEY: StreamKey<'_> = StreamKey {
    epoch: 0,
    sample_id: "scan",
    purpose: "mask",
};

fn unguarded(policy: Policy, rounding: Rounding) -> MaskConfig {
    MaskConfig {
        rounding,
        guard: Guard::Allow,
        ..MaskConfig::new(policy)
    }
}

/// In integers: n · k / 20, halves up.
fn nearest(n: usize, k: usize) -> usize {
    (2 * n * k + 20) / 40
}

#[test]
fn every_count_up_to_4096_cells_is_the_rules() {
    (1..=4096usize).into_par_iter().for_each(|n| {
        let grid = RegionGrid::without_region([1, n]).unwrap();
        for k in 0..=20 {
            let ratio = k as f64 / 20.0;
            for (rounding, expected) in [
                (Rounding::Nearest, nearest(n, k)),
                // Held against Python's count for count where the rounding is.
                (
                    Rounding::TruncateKept,
                    Rounding::TruncateKept.hidden(n, ratio),
                ),
            ] {
                let config = unguarded(Policy::Random { ratio }, rounding);
                let mask = config.sample(&grid, Seed(7), KEY).unwrap();
                let hidden = mask.hidden.iter().filter(|h| **h).count();
                assert_eq!(hidden, expected, "{n} cells at {k}/20, {rounding:?}");
                assert_eq!(mask.audit.hidden, hidden);
                assert_eq!(mask.audit.warnings.is_empty(), hidden > 0 && hidden < n);
            }
        }
    });
}

/// Regions of no cell, one, some and all, on flat and deep grids.
#[test]
fn region_counts_are_the_rules_for_every_share() {
    for (shape, n) in [([1, 7, 7], 49), ([1, 1, 1], 1), ([4, 5, 6], 120)] {
        for region in [0, 1, n / 2, n - 1, n] {
            let mut left = region;
            let cells = Array3::from_shape_fn(shape, |_| {
                let inside = left > 0;
                left -= usize::from(inside);
                inside
            });
            let grid = RegionGrid::new(cells).unwrap();
            for high in 0..=20 {
                for low in 0..=high {
                    let policy = Policy::Region {
                        high: high as f64 / 20.0,
                        low: low as f64 / 20.0,
                    };
                    let config = unguarded(policy, Rounding::Nearest);
                    let audit = config.sample(&grid, Seed(3), KEY).unwrap().audit;
                    let got = (
                        audit.region_cells,
                        audit.hidden_region,
                        audit.hidden_background,
                    );
                    let expected = (region, nearest(region, high), nearest(n - region, low));
                    assert_eq!(got, expected, "{shape:?}, {high}/20 and {low}/20");
                }
            }
        }
    }
}

/// Kept and hidden by `int(n1 * (1 - high)) + int(n0 * (1 - low))` in Python, for a region of n1 of
/// 49 cells: the overall shares of MWM's three presets.
///
/// ```python
/// for h, l in [(.8, .4), (.7, .3), (.6, .2)]:
///     print([49 - int(n * (1 - h)) - int((49 - n) * (1 - l)) for n in (0, 4, 9, 16, 25, 36, 49)])
/// ```
#[test]
fn the_papers_presets_hide_as_the_released_code() {
    let sizes = [0, 4, 9, 16, 25, 36, 49];
    for ([high, low], expected) in scarce_mask::PAPER_RATIOS.into_iter().zip([
        [20, 22, 24, 27, 31, 35, 40],
        [15, 17, 19, 22, 26, 30, 35],
        [10, 12, 14, 17, 20, 25, 30],
    ]) {
        for (region, expected) in sizes.into_iter().zip(expected) {
            let cells = Array2::from_shape_fn((7, 7), |(y, x)| y * 7 + x < region);
            let grid = RegionGrid::new(cells).unwrap();
            let config = MaskConfig::paper(high, low);
            let mask = config.sample(&grid, Seed(1), KEY).unwrap();
            assert_eq!(mask.audit.hidden, expected, "{high}/{low}, {region} of 49");
        }
    }
}

/// `10 - int(10 * (1 - ratio))` in Python for what truncation hides.
#[test]
fn ten_cells() {
    for (ratio, rounding, expected) in [
        (0.2, Rounding::Nearest, 2),
        (0.2, Rounding::TruncateKept, 2),
        (0.8, Rounding::Nearest, 8),
        (0.8, Rounding::TruncateKept, 9),
    ] {
        let policy = Policy::Region {
            high: ratio,
            low: ratio,
        };
        let grid = RegionGrid::new(Array2::from_elem((2, 5), true)).unwrap();
        let mask = unguarded(policy, rounding).sample(&grid, Seed(0), KEY);
        assert_eq!(mask.unwrap().audit.hidden, expected, "{ratio} {rounding:?}");
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let share = || 0.0f64..=1.0;
    let pair = (share(), share());
    prop_oneof![
        share().prop_map(|ratio| Policy::Random { ratio }),
        (share(), 1usize..9, 1.0..4.0).prop_map(|(ratio, min_cells, max_aspect)| Policy::Block {
            ratio,
            min_cells,
            max_aspect
        }),
        pair.clone().prop_map(|(a, b)| Policy::Region {
            high: a.max(b),
            low: a.min(b)
        }),
        pair.clone()
            .prop_map(|(ratio, contrast)| Policy::RegionBudget { ratio, contrast }),
        prop::collection::vec(share(), 4).prop_map(|ratios| Policy::Graded { ratios }),
        pair.clone()
            .prop_map(|(ratio, floor)| Policy::Heat { ratio, floor }),
        pair.clone()
            .prop_map(|(ratio, whole)| Policy::SemParts { ratio, whole }),
        pair.clone()
            .prop_map(|(ratio, share)| Policy::LossGuided { ratio, share }),
        (pair, any::<bool>()).prop_map(|((ratio, show), high)| Policy::Attention {
            ratio,
            hide: if high {
                Ranked::Highest
            } else {
                Ranked::Lowest
            },
            show
        }),
    ]
}

/// How many cells a policy has to hide.
fn asked(policy: &Policy, rounding: Rounding, region: &[bool], parts: &[u16]) -> usize {
    let n = region.len();
    let inside = region.iter().filter(|v| **v).count();
    match policy {
        Policy::Region { high, low } => {
            rounding.hidden(inside, *high) + rounding.hidden(n - inside, *low)
        }
        Policy::Graded { ratios } => (0..4)
            .map(|part| {
                let of_part = parts.iter().filter(|p| **p == part).count();
                rounding.hidden(of_part, ratios[usize::from(part)])
            })
            .sum(),
        Policy::Random { ratio }
        | Policy::Block { ratio, .. }
        | Policy::RegionBudget { ratio, .. }
        | Policy::Heat { ratio, .. }
        | Policy::SemParts { ratio, .. }
        | Policy::LossGuided { ratio, .. }
        | Policy::Attention { ratio, .. } => rounding.hidden(n, *ratio),
    }
}

fn check_audit<D: Dimension>(mask: &PatchMask<D>, region: &[bool], parts: &[u16]) {
    let audit = &mask.audit;
    let count = |keep: &dyn Fn(usize) -> bool| {
        let hidden = mask.hidden.iter().enumerate();
        hidden.filter(|(k, hidden)| **hidden && keep(*k)).count()
    };
    let inside = region.iter().filter(|v| **v).count();
    assert_eq!((audit.cells, audit.region_cells), (region.len(), inside));
    assert_eq!(audit.hidden, count(&|_| true));
    assert_eq!(audit.hidden_region, count(&|k| region[k]));
    assert_eq!(audit.hidden_background, count(&|k| !region[k]));
    for part in &audit.parts {
        let cells = parts.iter().filter(|p| **p == part.part).count();
        assert_eq!(part.cells, cells);
        assert_eq!(part.hidden, count(&|k| parts[k] == part.part));
    }
    let of_parts: usize = audit.parts.iter().map(|part| part.cells).sum();
    assert_eq!(of_parts, region.len());
    let shares = [
        Some(audit.asked),
        audit.asked_region,
        audit.asked_background,
    ];
    for share in shares.into_iter().flatten() {
        assert!((0.0..=1.0 + 1e-12).contains(&share), "{share}");
    }
}

proptest! {
    #[test]
    fn the_audit_tells_what_the_mask_is(
        rows in 1usize..12,
        bits in prop::collection::vec((any::<bool>(), 0u16..4, 0f32..1.0), 12 * 9),
        policy in policies(),
        truncate in any::<bool>(),
        deep in any::<bool>(),
        guard in prop_oneof![Just(Guard::KeepOne), Just(Guard::Refuse), Just(Guard::Allow)],
        seed in any::<u64>(),
    ) {
        let shape = if deep { [rows, 3, 3] } else { [1, rows, 9] };
        let n = rows * 9;
        let bits = &bits[..n];
        let region: Vec<bool> = bits.iter().map(|b| b.0).collect();
        let parts: Vec<u16> = bits.iter().map(|b| b.1).collect();
        let map: Vec<f32> = bits.iter().map(|b| b.2).collect();
        let rounding = if truncate { Rounding::TruncateKept } else { Rounding::Nearest };
        let asked = asked(&policy, rounding, &region, &parts);

        let grid = RegionGrid::new(Array3::from_shape_vec(shape, region.clone()).unwrap()).unwrap();
        let part_grid = PartGrid::new(Array3::from_shape_vec(shape, parts.clone()).unwrap());
        let cell_map = CellMap::new(Array3::from_shape_vec(shape, map).unwrap()).unwrap();
        let guide = Guide::new(&grid).with_parts(&part_grid).unwrap().with_map(&cell_map).unwrap();
        let config = MaskConfig { rounding, guard, ..MaskConfig::new(policy) };
        let drawn = config.sample(guide, Seed(seed), KEY);
        let degenerate = asked == 0 || asked == n;
        if degenerate && (guard == Guard::Refuse || guard == Guard::KeepOne && drawn.is_err()) {
            prop_assert_eq!(drawn, Err(MaskError::Degenerate { hidden: asked, cells: n }));
            return Ok(());
        }
        let mask = drawn.unwrap();
        check_audit(&mask, &region, &parts);
        let expected = match guard {
            Guard::KeepOne => asked.clamp(1, n - 1),
            Guard::Refuse | Guard::Allow => asked,
        };
        prop_assert_eq!(mask.audit.hidden, expected);
        if degenerate {
            prop_assert!(!mask.audit.warnings.is_empty());
        }
        prop_assert_eq!(config.sample(guide, Seed(seed), KEY).unwrap(), mask);
    }
}
