//! Figures of a case by the masks' size, by how far apart they are and by convention, of many labels at
//! once, and overlaps alone; and an interval.

use std::error::Error;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array3;
use scarce_benches::label_phantom;
use scarce_image::{LabelMap, Seed, Volume};
use scarce_metrics::{
    Convention, Metric, SegmentationOptions, bca_interval, evaluate_case, evaluate_labels,
    evaluate_masks,
};

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let mut group = c.benchmark_group("metrics");
    let options = SegmentationOptions::default();
    for side in [64, 128, 256] {
        let labels = label_phantom(side)?;
        let (body, organ) = (
            labels.map(|label| *label != 0),
            labels.map(|label| *label == 2),
        );
        for (case, prediction) in [("same", &organ), ("far", &body)] {
            let id = BenchmarkId::new(format!("evaluate_case_{case}"), side);
            group.bench_function(id, |b| {
                b.iter(|| evaluate_case(black_box(prediction), black_box(&organ), &options));
            });
        }
        let moved = moved(&labels);
        let near = moved.map(|label| *label == 2);
        for (what, options, metrics) in jobs() {
            group.bench_function(BenchmarkId::new(what, side), |b| {
                b.iter(|| evaluate_masks(black_box(&near), black_box(&organ), &options, &metrics));
            });
        }
        for (what, metrics) in [
            ("labels_dice", vec![Metric::Dice]),
            ("labels_all", Metric::all(&options)),
        ] {
            let wanted = [1, 2, 3];
            group.bench_function(BenchmarkId::new(what, side), |b| {
                let (p, r) = (black_box(&moved), black_box(&labels));
                b.iter(|| evaluate_labels(p, r, &wanted, &options, &metrics));
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

/// Figures of one kind at a time.
fn jobs() -> Vec<(String, SegmentationOptions, Vec<Metric>)> {
    let plain = SegmentationOptions::default();
    let mut jobs: Vec<_> = [Metric::Dice, Metric::BoundaryIou]
        .map(|metric| (metric.to_string(), plain.clone(), vec![metric]))
        .into();
    let conventions = [
        Convention::Pooled,
        Convention::MaxDirected,
        Convention::Area,
    ];
    for convention in conventions {
        let options = plain.clone().with_convention(convention);
        let mut surfaces = Metric::all(&options);
        surfaces.retain(|metric| metric.is_of_surfaces());
        jobs.push((format!("surfaces_{convention}"), options, surfaces));
    }
    jobs
}

/// The labels three voxels further along x: what a fair prediction of them looks like.
fn moved(labels: &LabelMap) -> LabelMap {
    let voxels = labels.voxels();
    let moved = Array3::from_shape_fn(voxels.dim(), |(z, y, x)| {
        x.checked_sub(3).map_or(0, |x| voxels[[z, y, x]])
    });
    Volume::new(moved, *labels.geometry())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn metrics(c: &mut Criterion) {
    bench(c).expect("the phantoms are well formed");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = metrics }
criterion_main!(benches);
