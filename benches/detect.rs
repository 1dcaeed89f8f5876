//! Suppressing overlaps among a thousand boxes, and pooling a feature map over a hundred.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use scarce_detect::nms::nms;
use scarce_detect::roi_align::{Level, Region, RoiAlign};
use tch::{Device, Kind, Tensor};

fn detect(c: &mut Criterion) {
    tch::manual_seed(1);
    let corners = Tensor::rand([1000, 2], (Kind::Float, Device::Cpu)) * 400.0;
    let sides = Tensor::rand([1000, 2], (Kind::Float, Device::Cpu)) * 80.0 + 8.0;
    let boxes = Tensor::cat(&[&corners, &(&corners + sides)], 1);
    let scores = Tensor::rand([1000], (Kind::Float, Device::Cpu));
    let level = Level {
        maps: Tensor::rand([1, 128, 32, 32], (Kind::Float, Device::Cpu)),
        spatial_scale: 1.0 / 16.0,
    };
    let align = RoiAlign {
        output_yx: [7, 7],
        sampling_ratio: Some(2),
        aligned: false,
    };
    let regions: Vec<Region> = (0..100)
        .map(|k| {
            let at = |side: i64| boxes.double_value(&[k, side]) as f32;
            Region {
                image: 0,
                level: 0,
                xyxy: [at(0), at(1), at(2), at(3)],
            }
        })
        .collect();
    let mut group = c.benchmark_group("detect");
    group.bench_function("nms/1000", |b| {
        b.iter(|| nms(black_box(&boxes), &scores, 0.5).ok());
    });
    group.bench_function("roi_align/100x128x7x7", |b| {
        b.iter(|| {
            align
                .forward(black_box(std::slice::from_ref(&level)), &regions)
                .ok()
        });
    });
    group.finish();
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = detect }
criterion_main!(benches);
