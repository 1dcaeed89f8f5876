//! Drawing masks for a batch of 128, by both rules on the released code's grid and on a fine one, and by
//! every policy on a grid of a volume.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::{Array2, Array3, ArrayView2};
use scarce_image::{Seed, StreamKey};
use scarce_mask::{CellMap, Guide, MaskConfig, MaskError, PartGrid, Policy, Ranked, RegionGrid};

fn key(epoch: u64) -> StreamKey<'static> {
    StreamKey {
        epoch,
        sample_id: "scan",
        purpose: "mask",
    }
}

fn batches(c: &mut Criterion) {
    let region = Array2::from_shape_fn((224, 224), |(y, x)| {
        (60..140).contains(&y) && (80..190).contains(&x)
    });
    let regions = vec![region; 128];
    let batch: Vec<(ArrayView2<'_, bool>, StreamKey<'_>)> = (0..)
        .map(key)
        .zip(&regions)
        .map(|(key, r)| (r.view(), key))
        .collect();
    let mut group = c.benchmark_group("mask");
    for (name, config) in [
        ("batch_of_128", MaskConfig::default()),
        ("batch_of_128_paper", MaskConfig::paper(0.8, 0.4)),
    ] {
        for grid in [7, 28] {
            group.bench_function(BenchmarkId::new(name, grid), |b| {
                b.iter(|| config.sample_batch(black_box(&batch), [grid; 2], Seed(1)));
            });
        }
    }
    group.finish();
}

fn policies(c: &mut Criterion) -> Result<(), MaskError> {
    let shape = [14, 16, 14];
    let region = RegionGrid::new(Array3::from_shape_fn(shape, |(z, y, _)| z < 5 && y < 7))?;
    let parts = PartGrid::new(Array3::from_shape_fn(shape, |(z, y, _)| {
        (z / 5 + y / 7) as u16
    }));
    let map = CellMap::new(Array3::from_shape_fn(shape, |(z, y, x)| {
        (z * y % 7 + x) as f32
    }))?;
    let guide = Guide::new(&region).with_parts(&parts)?.with_map(&map)?;
    let mut group = c.benchmark_group("mask");
    for policy in [
        Policy::Random { ratio: 0.6 },
        Policy::block(0.6),
        Policy::RegionBudget {
            ratio: 0.6,
            contrast: 0.4,
        },
        Policy::Graded {
            ratios: vec![0.2, 0.4, 0.6, 0.8, 0.9],
        },
        Policy::Heat {
            ratio: 0.6,
            floor: 0.1,
        },
        Policy::SemParts {
            ratio: 0.6,
            whole: 0.5,
        },
        Policy::LossGuided {
            ratio: 0.6,
            share: 0.5,
        },
        Policy::Attention {
            ratio: 0.6,
            hide: Ranked::Highest,
            show: 0.1,
        },
    ] {
        let config = MaskConfig::new(policy);
        group.bench_function(BenchmarkId::new(config.policy.kind(), "14x16x14"), |b| {
            b.iter(|| config.sample(black_box(guide), Seed(1), key(0)));
        });
    }
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn mask(c: &mut Criterion) {
    batches(c);
    policies(c).expect("the grids are well formed");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = mask }
criterion_main!(benches);
