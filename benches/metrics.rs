//! All figures of one case, by the masks' size and by how far apart they are; and an interval.

use std::error::Error;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scarce_benches::label_phantom;
use scarce_image::Seed;
use scarce_metrics::{SegmentationOptions, bca_interval, evaluate_case};

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let mut group = c.benchmark_group("metrics");
    for side in [64, 128, 256] {
        let labels = label_phantom(side)?;
        let (body, organ) = (
            labels.map(|label| *label != 0),
            labels.map(|label| *label == 2),
        );
        for (case, prediction) in [("same", &organ), ("far", &body)] {
            let id = BenchmarkId::new(format!("evaluate_case_{case}"), side);
            group.bench_function(id, |b| {
                let options = SegmentationOptions::default();
                b.iter(|| evaluate_case(black_box(prediction), black_box(&organ), &options));
            });
        }
    }
    let values: Vec<f64> = (0..100).map(|k| f64::from(k).sin().abs()).collect();
    group.bench_function("bca_interval/100", |b| {
        b.iter(|| bca_interval(black_box(&values), Seed(1), "bench"));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn metrics(c: &mut Criterion) {
    bench(c).expect("the phantoms are well formed");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = metrics }
criterion_main!(benches);
