//! What each policy does with what it looks at, in 2-D and in 3-D.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array2, Array3, ArrayD, IxDyn};
use scarce_image::{Seed, StreamKey};
use scarce_mask::{CellMap, Guide, MaskConfig, PartGrid, PatchMask, Policy, Ranked, RegionGrid};

/// A flat grid and a deep one of as many cells.
const SHAPES: [&[usize]; 2] = [&[8, 8], &[4, 4, 4]];
const CELLS: usize = 64;

struct Scene {
    region: RegionGrid<IxDyn>,
    parts: PartGrid<IxDyn>,
    map: CellMap<IxDyn>,
}

impl Scene {
    /// Four parts of 28, 24, 8 and 4 cells, the last of which is the region; the map rises from cell
    /// to cell.
    fn new(shape: &[usize]) -> Self {
        let part = |cell: usize| [28, 52, 60].iter().filter(|end| cell >= **end).count() as u16;
        let parts = array(shape, part);
        Self {
            region: RegionGrid::new(parts.mapv(|part| part == 3)).unwrap(),
            parts: PartGrid::new(parts),
            map: CellMap::new(array(shape, |cell| cell as f32 - 5.0)).unwrap(),
        }
    }

    fn mask(&self, policy: &Policy, epoch: u64) -> PatchMask<IxDyn> {
        let key = StreamKey {
            epoch,
            sample_id: "scan",
            purpose: "mask",
        };
        let guide = Guide::new(&self.region).with_parts(&self.parts).unwrap();
        let guide = guide.with_map(&self.map).unwrap();
        let config = MaskConfig::new(policy.clone());
        config.sample(guide, Seed(1), key).unwrap()
    }

    /// How often each cell is hidden, as a share of 2000 masks.
    fn frequencies(&self, policy: &Policy) -> Vec<f64> {
        let mut hits = vec![0; CELLS];
        for epoch in 0..2000 {
            for (hits, hidden) in hits.iter_mut().zip(&self.mask(policy, epoch).hidden) {
                *hits += i32::from(*hidden);
            }
        }
        hits.into_iter().map(|n| f64::from(n) / 2000.0).collect()
    }
}

fn array<T>(shape: &[usize], f: impl FnMut(usize) -> T) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(shape), (0..CELLS).map(f).collect()).unwrap()
}

/// Cells are hidden as often as expected, to five standard errors.
fn check(policy: &Policy, expected: impl Fn(usize) -> f64) {
    for shape in SHAPES {
        for (cell, got) in Scene::new(shape)
            .frequencies(policy)
            .into_iter()
            .enumerate()
        {
            let expected = expected(cell);
            let error = (expected * (1.0 - expected) / 2000.0).sqrt();
            assert!(
                (got - expected).abs() <= 5.0 * error + 1e-9,
                "{policy:?} on {shape:?}, cell {cell}: {got} of {expected}"
            );
        }
    }
}

#[test]
fn what_a_policy_leaves_open_is_even() {
    check(&Policy::Random { ratio: 0.5 }, |_| 0.5);
    let region = Policy::Region {
        high: 0.75,
        low: 0.4,
    };
    check(&region, |cell| if cell >= 60 { 0.75 } else { 0.4 });
    // 32 of 64 with 3 of 4 in the region.
    let budget = Policy::RegionBudget {
        ratio: 0.5,
        contrast: 0.25,
    };
    check(&budget, |cell| if cell >= 60 { 0.75 } else { 29.0 / 60.0 });
    let graded = Policy::Graded {
        ratios: vec![0.0, 0.25, 0.5, 1.0],
    };
    let share = |cell: usize| match cell {
        0..28 => 0.0,
        28..52 => 0.25,
        52..60 => 0.5,
        _ => 1.0,
    };
    check(&graded, share);
}

#[test]
fn a_loss_decides_its_share_and_chance_the_rest() {
    for (share, guided) in [(0.0, 0), (0.5, 16), (1.0, 32)] {
        let policy = Policy::LossGuided { ratio: 0.5, share };
        let open = f64::from(32 - guided) / f64::from(64 - guided);
        let first = CELLS - guided as usize;
        check(&policy, |cell| if cell >= first { 1.0 } else { open });
    }
}

#[test]
fn attention_hides_one_end_and_may_show_some_of_it() {
    let policy = |hide, show| Policy::Attention {
        ratio: 0.25,
        hide,
        show,
    };
    check(&policy(Ranked::Highest, 0.0), |cell| {
        f64::from(u8::from(cell >= 48))
    });
    check(&policy(Ranked::Lowest, 0.0), |cell| {
        f64::from(u8::from(cell < 16))
    });
    // 4 of the 16 are shown, and the next 4 stand in.
    check(&policy(Ranked::Highest, 0.0625), |cell| match cell {
        48.. => 0.75,
        44..48 => 1.0,
        _ => 0.0,
    });
    // No more can be shown than are hidden.
    check(&policy(Ranked::Lowest, 1.0), |cell| {
        f64::from(u8::from((16..32).contains(&cell)))
    });
}

#[test]
fn parts_are_hidden_evenly_or_as_a_whole() {
    // Of 28, 24, 8 and 4 cells a half.
    let even = Policy::SemParts {
        ratio: 0.5,
        whole: 0.0,
    };
    check(&even, |_| 0.5);
    for shape in SHAPES {
        let scene = Scene::new(shape);
        let whole = Policy::SemParts {
            ratio: 0.5,
            whole: 1.0,
        };
        let mut orders = 0;
        for epoch in 0..50 {
            let audit = scene.mask(&whole, epoch).audit;
            assert_eq!((audit.hidden, audit.parts.len()), (32, 4));
            let torn = |part: &&scarce_mask::PartAudit| part.hidden > 0 && part.hidden < part.cells;
            assert!(audit.parts.iter().filter(torn).count() <= 1, "{audit:?}");
            orders += usize::from(audit.parts[0].hidden == 28);
        }
        assert!((5..45).contains(&orders), "{orders} of 50 hide part 0");
    }
}

/// Three cells of weights 1, 2 and 5, two hidden: the chance of a cell is 1 less that of being left.
#[test]
fn heat_is_drawn_in_proportion() {
    let weights = [1.0, 2.0, 5.0f64];
    let left = |k: usize| {
        let others: Vec<f64> = (0..3).filter(|j| *j != k).map(|j| weights[j]).collect();
        let [a, b] = others[..] else {
            unreachable!("two of three");
        };
        let all = a + b + weights[k];
        a / all * b / (all - a) + b / all * a / (all - b)
    };
    let heat = CellMap::new(Array2::from_shape_fn((1, 3), |(_, x)| weights[x] as f32)).unwrap();
    let grid = RegionGrid::without_region([1, 3]).unwrap();
    let guide = Guide::new(&grid).with_map(&heat).unwrap();
    let config = MaskConfig::new(Policy::Heat {
        ratio: 2.0 / 3.0,
        floor: 0.0,
    });
    let mut hits = [0; 3];
    for epoch in 0..4000 {
        let key = StreamKey {
            epoch,
            sample_id: "scan",
            purpose: "mask",
        };
        let mask = config.sample(guide, Seed(9), key).unwrap();
        for (hits, hidden) in hits.iter_mut().zip(&mask.hidden) {
            *hits += i32::from(*hidden);
        }
    }
    for (k, hits) in hits.into_iter().enumerate() {
        let (got, expected) = (f64::from(hits) / 4000.0, 1.0 - left(k));
        assert!(
            (got - expected).abs() < 0.035,
            "cell {k}: {got} of {expected}"
        );
    }
}

#[test]
fn cold_cells_are_hidden_last_or_by_their_floor() {
    let cold = CellMap::new(Array3::from_shape_fn((2, 4, 4), |(z, ..)| z as f32)).unwrap();
    let grid = RegionGrid::without_region([2, 4, 4]).unwrap();
    let guide = Guide::new(&grid).with_map(&cold).unwrap();
    let drawn = |ratio, floor| {
        let key = StreamKey {
            epoch: 0,
            sample_id: "scan",
            purpose: "mask",
        };
        let config = MaskConfig::new(Policy::Heat { ratio, floor });
        let mask = config.sample(guide, Seed(9), key).unwrap();
        let cold = mask.hidden.index_axis(ndarray::Axis(0), 0);
        cold.iter().filter(|v| **v).count()
    };
    assert_eq!(drawn(0.25, 0.0), 0);
    assert_eq!(drawn(0.75, 0.0), 8);
    assert!(drawn(0.5, 1.0) > 0);
    let flat = CellMap::new(Array3::zeros((2, 4, 4))).unwrap();
    let guide = Guide::new(&grid).with_map(&flat).unwrap();
    let key = StreamKey {
        epoch: 0,
        sample_id: "scan",
        purpose: "mask",
    };
    let policy = Policy::Heat {
        ratio: 0.5,
        floor: 0.0,
    };
    let mask = MaskConfig::new(policy).sample(guide, Seed(9), key).unwrap();
    assert_eq!(mask.audit.hidden, 16);
    assert!(mask.audit.warnings[0].contains("same everywhere"));
}

#[test]
fn blocks_reach_every_cell() {
    for shape in SHAPES {
        let shares = Scene::new(shape).frequencies(&Policy::block(0.5));
        assert!((shares.iter().sum::<f64>() - 32.0).abs() < 1e-9);
        assert!(
            shares.iter().all(|s| (0.15..0.85).contains(s)),
            "{shares:?}"
        );
    }
}
