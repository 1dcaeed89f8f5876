//! Drawing masks for a batch of 128, on the released code's grid and on a fine one.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{PatchRule, Policy, RegionGrid, Rounding, sample};

fn mask(c: &mut Criterion) {
    let region = Array2::from_shape_fn((224, 224), |(y, x)| {
        (60..140).contains(&y) && (80..190).contains(&x)
    });
    let policy = Policy::Region {
        high: 0.8,
        low: 0.4,
    };
    let mut group = c.benchmark_group("mask");
    for grid in [7, 28] {
        group.bench_function(BenchmarkId::new("batch_of_128", grid), |b| {
            b.iter(|| {
                (0..128)
                    .map(|epoch| {
                        let cells = RegionGrid::from_mask(
                            black_box(region.view()),
                            [grid; 2],
                            PatchRule::AnyOverlap,
                        )?;
                        let key = StreamKey {
                            epoch,
                            sample_id: "scan",
                            purpose: "mask",
                        };
                        sample(&cells, &policy, Rounding::Nearest, Seed(1), key)
                            .map(|m| m.audit.hidden)
                    })
                    .collect::<Result<Vec<_>, _>>()
            });
        });
    }
    group.finish();
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = mask }
criterion_main!(benches);
