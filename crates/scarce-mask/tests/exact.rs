//! What holds for every mask that can be drawn.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::Array2;
use proptest::prelude::*;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{MaskError, PatchMask, Policy, RegionGrid, Rounding, sample};

fn draw(
    cells: Array2<bool>,
    policy: Policy,
    rounding: Rounding,
    seed: u64,
) -> Result<PatchMask, MaskError> {
    let key = StreamKey {
        epoch: 0,
        sample_id: "scan",
        purpose: "mask",
    };
    let grid = RegionGrid::new(cells).unwrap();
    sample(&grid, &policy, rounding, Seed(seed), key)
}

/// Integer arithmetic says the count: n · permille / 1000, halves up.
#[test]
fn every_grid_up_to_4096_cells_hides_the_nearest_count() {
    for permille in [200, 290, 600, 750] {
        let ratio = permille as f64 / 1000.0;
        for n in 1..=4096usize {
            let cells = Array2::from_elem((1, n), false);
            let drawn = draw(cells, Policy::Random { ratio }, Rounding::Nearest, 7);
            let hidden = (2 * n * permille + 1000) / 2000;
            if hidden == 0 || hidden == n {
                let refused = MaskError::Degenerate { hidden, cells: n };
                assert_eq!(drawn.unwrap_err(), refused);
            } else {
                let got = drawn.unwrap().hidden.iter().filter(|h| **h).count();
                assert_eq!(got, hidden, "{n} cells at {permille}/1000");
            }
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
        let mask = draw(Array2::from_elem((2, 5), true), policy, rounding, 0).unwrap();
        assert_eq!(mask.audit.hidden, expected, "{ratio} {rounding:?}");
    }
}

fn policies() -> impl Strategy<Value = Policy> {
    let share = || 0.0f64..=1.0;
    prop_oneof![
        share().prop_map(|ratio| Policy::Random { ratio }),
        (share(), share()).prop_map(|(a, b)| Policy::Region {
            high: a.max(b),
            low: a.min(b)
        }),
        (share(), share()).prop_map(|(ratio, contrast)| Policy::Overall { ratio, contrast }),
    ]
}

proptest! {
    #[test]
    fn the_audit_tells_what_the_mask_is(
        rows in 1usize..12,
        bits in prop::collection::vec(any::<bool>(), 12 * 9),
        policy in policies(),
        truncate in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let cells = Array2::from_shape_fn((rows, 9), |(r, c)| bits[r * 9 + c]);
        let rounding = if truncate { Rounding::TruncateKept } else { Rounding::Nearest };
        let n = cells.len();
        let region = cells.iter().filter(|v| **v).count();
        let asked = match policy {
            Policy::Random { ratio } | Policy::Overall { ratio, .. } => rounding.hidden(n, ratio),
            Policy::Region { high, low } => {
                rounding.hidden(region, high) + rounding.hidden(n - region, low)
            }
        };
        let drawn = draw(cells.clone(), policy, rounding, seed);
        if asked == 0 || asked == n {
            prop_assert_eq!(drawn, Err(MaskError::Degenerate { hidden: asked, cells: n }));
            return Ok(());
        }
        let mask = drawn.unwrap();
        let hidden = mask.hidden.iter().filter(|h| **h).count();
        let in_region = mask.hidden.iter().zip(&cells).filter(|(h, v)| **h && **v).count();
        let audit = &mask.audit;
        prop_assert_eq!(hidden, asked);
        prop_assert_eq!(
            (audit.cells, audit.region_cells, audit.hidden, audit.hidden_region),
            (n, region, hidden, in_region)
        );
        prop_assert_eq!(audit.hidden_background, hidden - in_region);
        for share in [audit.asked, audit.asked_region, audit.asked_background] {
            prop_assert!((0.0..=1.0).contains(&share), "{}", share);
        }
        // Whole cells: truncation hides up to one more in each part.
        if !matches!(policy, Policy::Random { .. }) {
            prop_assert!((audit.asked - audit.achieved).abs() * (n as f64) < 2.0 + 1e-6);
        }
        if let Policy::Region { high, .. } = policy {
            prop_assert_eq!(in_region, rounding.hidden(region, high));
        }
        prop_assert_eq!(draw(cells, policy, rounding, seed).unwrap(), mask);
    }
}
