//! What is wrong with a region, a policy or a map, and what is to come of it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array2, array};
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{
    CellMap, Guard, Guide, MaskConfig, MaskError, PartGrid, PartRule, PatchMask, PatchRule, Policy,
    Pooling, Quantisation, Ranked, RegionGrid, Rounding, sample,
};

fn key(epoch: u64, sample_id: &str) -> StreamKey<'_> {
    StreamKey {
        epoch,
        sample_id,
        purpose: "mask",
    }
}

fn region(inside: impl Fn(usize, usize) -> bool) -> Array2<bool> {
    Array2::from_shape_fn((100, 70), |(y, x)| inside(y, x))
}

/// Regions of every odd kind, on grids whose cells don't divide the pixels.
#[test]
fn any_region_on_any_grid_gives_a_mask_with_the_counts_of_its_cells() {
    let regions = [
        ("empty", region(|_, _| false), 0),
        ("full", region(|_, _| true), 1),
        ("one pixel", region(|y, x| (y, x) == (57, 31)), 1),
        ("out of the image", region(|y, x| y > 120 && x > 90), 0),
        ("at the border", region(|y, x| y < 3 || x > 66), 1),
        ("in the last corner", region(|y, x| (y, x) == (99, 69)), 1),
        ("several", region(|y, x| y % 40 < 5 && x % 30 < 5), 9),
    ];
    for (name, region, lesions) in &regions {
        for grid in [[1, 1], [1, 3], [7, 7], [13, 11], [100, 70]] {
            let n = grid[0] * grid[1];
            for config in [MaskConfig::default(), MaskConfig::paper(0.8, 0.4)] {
                let cells = config.region_grid(region.view(), grid).unwrap();
                let drawn = config.sample(&cells, Seed(1), key(0, name));
                if n == 1 && config.guard == Guard::KeepOne {
                    // One cell can't be both.
                    assert!(matches!(drawn, Err(MaskError::Degenerate { cells: 1, .. })));
                    continue;
                }
                let audit = drawn.unwrap().audit;
                let inside = cells.region_cells();
                let rounding = config.rounding;
                let counts = (
                    rounding.hidden(inside, 0.8),
                    rounding.hidden(n - inside, 0.4),
                );
                let got = (audit.hidden_region, audit.hidden_background);
                if config.guard == Guard::Allow || (1..n).contains(&(counts.0 + counts.1)) {
                    assert_eq!(got, counts, "{name} on {grid:?}");
                }
                let kept = Quantisation::of(region.view(), &cells).unwrap();
                assert_eq!(kept.lesions, *lesions, "{name}");
                if config.patch_rule == PatchRule::AnyOverlap {
                    assert_eq!((kept.lesions_lost, kept.pixels_outside), (0, 0), "{name}");
                    assert_eq!(inside > 0, *lesions > 0, "{name} on {grid:?}");
                }
                // Nothing passes in silence: an image without a region to hide says so.
                assert_eq!(
                    audit.warnings.is_empty(),
                    inside > 0 && (1..n).contains(&audit.hidden)
                );
                assert_eq!(audit.region_vanished, inside == 0 && *lesions > 0);
            }
        }
    }
}

#[test]
fn shares_that_are_none_are_refused() {
    let grid = RegionGrid::new(Array2::from_shape_fn((7, 7), |(y, _)| y < 2)).unwrap();
    let region = |high, low| Policy::Region { high, low };
    for (policy, part) in [
        (Policy::Random { ratio: f64::NAN }, "ratio is NaN"),
        (Policy::Random { ratio: 1.1 }, "ratio is 1.1"),
        (region(f64::NAN, 0.2), "high is NaN"),
        (region(0.2, 0.4), "high to be at least low"),
        (Policy::Random { ratio: 1.0 }, "49 of 49"),
        (Policy::Random { ratio: 0.0 }, "0 of 49"),
        (region(0.0, 0.0), "0 of 49"),
        (region(1.0, 1.0), "49 of 49"),
    ] {
        let drawn = sample(&grid, &policy, Rounding::Nearest, Seed(1), key(0, "scan"));
        let message = drawn.unwrap_err().to_string();
        assert!(message.contains(part), "{message} lacks {part}");
    }
    // Asked for by name, all and nothing are drawn.
    for (ratio, hidden) in [(0.0, 0), (1.0, 49)] {
        let config = MaskConfig {
            guard: Guard::Allow,
            ..MaskConfig::new(Policy::Random { ratio })
        };
        let audit = config.sample(&grid, Seed(1), key(0, "scan")).unwrap().audit;
        assert_eq!(audit.hidden, hidden);
        assert_eq!(audit.warnings, [format!("{hidden} of 49 cells are hidden")]);
    }
}

/// Images that a policy in order would hide wholly, or not at all.
#[test]
fn one_cell_stays_visible_and_one_hidden_or_it_is_said_why_not() {
    let full = RegionGrid::new(Array2::from_elem((3, 3), true)).unwrap();
    let some = RegionGrid::new(Array2::from_shape_fn((3, 3), |(y, _)| y == 0)).unwrap();
    let none = RegionGrid::without_region([3, 3]).unwrap();
    let region = |high, low| Policy::Region { high, low };
    for (grid, policy, hidden, in_region) in [
        (&full, region(1.0, 0.5), 8, 8),
        (&some, region(1.0, 0.95), 8, 3),
        (&some, region(0.1, 0.0), 1, 1),
        (&none, region(1.0, 0.0), 1, 0),
        (&none, Policy::Random { ratio: 0.03 }, 1, 0),
    ] {
        let config = MaskConfig::new(policy.clone());
        for epoch in 0..20 {
            let audit = config.sample(grid, Seed(1), key(epoch, "")).unwrap().audit;
            assert_eq!(
                (audit.hidden, audit.hidden_region),
                (hidden, in_region),
                "{policy:?}"
            );
            let told = audit
                .warnings
                .iter()
                .any(|w| w.contains("against the count"));
            assert!(told, "{:?}", audit.warnings);
        }
        let strict = MaskConfig {
            guard: Guard::Refuse,
            ..config
        };
        let refused = strict.sample(grid, Seed(1), key(0, ""));
        assert!(matches!(
            refused,
            Err(MaskError::Degenerate { cells: 9, .. })
        ));
    }
}

fn every_policy() -> Vec<Policy> {
    vec![
        Policy::Random { ratio: 0.5 },
        Policy::block(0.5),
        Policy::Region {
            high: 0.8,
            low: 0.4,
        },
        Policy::RegionBudget {
            ratio: 0.5,
            contrast: 0.4,
        },
        Policy::Graded {
            ratios: vec![0.2, 0.5, 0.9],
        },
        Policy::Heat {
            ratio: 0.5,
            floor: 0.1,
        },
        Policy::SemParts {
            ratio: 0.5,
            whole: 0.5,
        },
        Policy::LossGuided {
            ratio: 0.5,
            share: 0.5,
        },
        Policy::Attention {
            ratio: 0.5,
            hide: Ranked::Highest,
            show: 0.1,
        },
    ]
}

/// What stands in a mask's way to be the same everywhere: threads, splits of a batch, ranks, and the
/// order in which samples come.
#[test]
fn a_mask_is_a_function_of_seed_epoch_and_sample() {
    let ids: Vec<String> = (0..97).map(|k| format!("patient-{k}")).collect();
    let regions: Vec<Array2<bool>> = (0..ids.len())
        .map(|k| region(|y, x| y.abs_diff(k) < 12 && x.abs_diff(k / 2) < 9))
        .collect();
    let parts = PartGrid::new(Array2::from_shape_fn((10, 7), |(y, x)| {
        ((y + x) % 3) as u16
    }));
    let map = CellMap::new(Array2::from_shape_fn((10, 7), |(y, x)| (y * x % 5) as f32)).unwrap();
    for policy in every_policy() {
        let config = MaskConfig::new(policy);
        let one = |k: usize| -> PatchMask {
            let cells = config.region_grid(regions[k].view(), [10, 7]).unwrap();
            let guide = Guide::new(&cells).with_parts(&parts).unwrap();
            let guide = guide.with_map(&map).unwrap();
            config.sample(guide, Seed(11), key(4, &ids[k])).unwrap()
        };
        let expected: Vec<PatchMask> = (0..ids.len()).map(one).collect();
        for threads in [1, 2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let masks: Vec<PatchMask> = pool
                .build()
                .unwrap()
                .install(|| (0..ids.len()).into_par_iter().map(one).collect());
            assert_eq!(masks, expected, "{threads} threads, {:?}", config.policy);
        }
        // Other samples, epochs and seeds have other masks.
        let distinct = expected.windows(2).filter(|w| w[0].hidden != w[1].hidden);
        assert!(distinct.count() > 90, "{:?}", config.policy);
    }
    let config = MaskConfig::default();
    let batch: Vec<_> = regions
        .iter()
        .zip(&ids)
        .map(|(region, id)| (region.view(), key(4, id)))
        .collect();
    let whole = config.sample_batch(&batch, [10, 7], Seed(11)).unwrap();
    for size in [1, 2, 3, 16, 50] {
        let split: Vec<PatchMask> = batch
            .chunks(size)
            .flat_map(|part| config.sample_batch(part, [10, 7], Seed(11)).unwrap())
            .collect();
        assert_eq!(split, whole, "batches of {size}");
    }
    for ranks in [2, 3] {
        for rank in 0..ranks {
            let mine: Vec<_> = batch.iter().skip(rank).step_by(ranks).copied().collect();
            let masks = config.sample_batch(&mine, [10, 7], Seed(11)).unwrap();
            let theirs = whole.iter().skip(rank).step_by(ranks);
            assert!(masks.iter().eq(theirs), "rank {rank} of {ranks}");
        }
    }
    for (seed, epoch) in [(12, 4), (11, 5)] {
        let other = config.sample(
            &config.region_grid(regions[0].view(), [10, 7]).unwrap(),
            Seed(seed),
            key(epoch, &ids[0]),
        );
        assert_ne!(other.unwrap().hidden, whole[0].hidden);
    }
    // Which sample is at fault is told, whoever finds it first.
    let mut batch = batch;
    batch[40].0 = regions[40].slice_each_axis(|_| ndarray::Slice::from(..5));
    batch[60].0 = batch[40].0;
    let (first, error) = config.sample_batch(&batch, [10, 7], Seed(11)).unwrap_err();
    assert_eq!(first, 40);
    assert!(matches!(error, MaskError::Grid { .. }));
}

/// Nearest down-sampling loses a lesion that lies between the pixels it looks at; the default never
/// does, wherever the lesion is.
#[test]
fn a_lesion_of_any_size_marks_a_cell() {
    let mut vanished = 0;
    for y in (0..100).step_by(3) {
        for x in (0..70).step_by(3) {
            for size in [1, 4, 14] {
                let lesion =
                    region(|p, q| (y..y + size).contains(&p) && (x..x + size).contains(&q));
                let cells = RegionGrid::from_mask(lesion.view(), [7, 5], PatchRule::default());
                let cells = cells.unwrap();
                assert!(cells.region_cells() > 0, "{size} pixels at {y}, {x}");
                assert_eq!(
                    Quantisation::of(lesion.view(), &cells)
                        .unwrap()
                        .lesions_lost,
                    0
                );
                let nearest = RegionGrid::from_mask(lesion.view(), [7, 5], PatchRule::TopLeft);
                let nearest = nearest.unwrap();
                let lost = Quantisation::of(lesion.view(), &nearest)
                    .unwrap()
                    .lesions_lost;
                assert_eq!(lost, usize::from(nearest.vanished()));
                vanished += lost;
            }
        }
    }
    assert!(vanished > 800, "{vanished}");
    let labels = Array2::from_shape_fn((100, 70), |(y, x)| {
        2 * u16::from((y, x) == (57, 31)) + u16::from(y > 50)
    });
    let parts = PartGrid::from_labels(labels.view(), [7, 5], PartRule::default()).unwrap();
    assert!(parts.cells().iter().any(|part| *part == 3));
}

/// What a model hands over to guide a mask may be missing, of another shape, or not finite; and two
/// threads may use one map at once (they do above).
#[test]
fn maps_that_cannot_guide_are_refused_by_name() {
    let grid = RegionGrid::without_region([2, 3]).unwrap();
    for policy in &every_policy()[4..] {
        let drawn = MaskConfig::new(policy.clone()).sample(&grid, Seed(1), key(0, "scan"));
        let message = drawn.unwrap_err().to_string();
        assert!(message.contains(policy.kind()), "{message}");
        assert!(message.contains("the guide has none"), "{message}");
    }
    for wrong in [array![[0.0, 1.0]], Array2::zeros((3, 2))] {
        let wrong = CellMap::new(wrong).unwrap();
        let refused = Guide::new(&grid).with_map(&wrong).unwrap_err().to_string();
        assert!(refused.contains("the map has the shape"), "{refused}");
    }
    let wrong = PartGrid::new(Array2::zeros((2, 2)));
    let refused = Guide::new(&grid).with_parts(&wrong).unwrap_err();
    assert!(matches!(refused, MaskError::Shape { got, .. } if got == [2, 2]));
    let diverged = array![[0.1, f32::NAN, 0.3], [0.0, 0.2, 0.1]];
    for refused in [
        CellMap::new(diverged.clone()).unwrap_err(),
        CellMap::from_pixels(diverged.view(), [1, 1], Pooling::Max).unwrap_err(),
    ] {
        let message = refused.to_string();
        assert!(message.contains("NaN at [0, 1]"), "{message}");
    }
    let negative = CellMap::new(array![[0.1, -0.2, 0.3], [0.0, 0.2, 0.1]]).unwrap();
    let guide = Guide::new(&grid).with_map(&negative).unwrap();
    let heat = MaskConfig::new(Policy::Heat {
        ratio: 0.5,
        floor: 0.0,
    });
    let message = heat.sample(guide, Seed(1), key(0, "scan")).unwrap_err();
    assert!(message.to_string().contains("-0.2 at [0, 1]"), "{message}");
    let parts = PartGrid::new(array![[0, 1, 7], [0, 0, 0]]);
    let graded = MaskConfig::new(Policy::Graded {
        ratios: vec![0.5; 3],
    });
    let guide = Guide::new(&grid).with_parts(&parts).unwrap();
    let refused = graded.sample(guide, Seed(1), key(0, "scan"));
    assert_eq!(refused.unwrap_err(), MaskError::Part { part: 7, last: 2 });
}

/// Names are text as it comes: none, very long, of any script; each names a mask of its own.
#[test]
fn samples_of_any_name_have_masks_of_their_own() {
    let grid = RegionGrid::without_region([14, 14]).unwrap();
    let long = "x".repeat(10_000);
    let longer = format!("{long}x");
    let names = [
        "",
        " ",
        "ä",
        "a\u{308}",
        "患者-7",
        "\u{1f9e0}",
        "a/b",
        "a\0b",
        &long,
        &longer,
    ];
    let config = MaskConfig::new(Policy::Random { ratio: 0.5 });
    let masks: Vec<PatchMask> = names
        .iter()
        .map(|name| config.sample(&grid, Seed(1), key(0, name)).unwrap())
        .collect();
    for (k, mask) in masks.iter().enumerate() {
        assert_eq!(mask.audit.hidden, 98);
        let again = config.sample(&grid, Seed(1), key(0, names[k])).unwrap();
        assert_eq!(&again, mask);
        for other in &masks[..k] {
            assert_ne!(other.hidden, mask.hidden, "{:?}", names[k]);
        }
    }
}
