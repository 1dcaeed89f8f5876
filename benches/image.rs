//! Voxel operations on a phantom of 128 x 256 x 256 voxels, a quarter of a chest CT.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scarce_benches::{label_phantom, phantom};
use scarce_image::{
    Connectivity, GeometryError, connected_components, distance_transform, reorient_to_ras,
    resample_nearest, resample_spacing, window,
};

const SIDE: usize = 256;

fn bench(c: &mut Criterion) -> Result<(), GeometryError> {
    let volume = phantom(SIDE)?;
    let labels = label_phantom(SIDE)?;
    let organ = labels.map(|label| *label == 2);
    let coarse = volume.grid().with_spacing_mm_xyz([1.5; 3])?;
    let mut group = c.benchmark_group("image");
    let id = |name: &str| BenchmarkId::new(name, SIDE);
    group.bench_function(id("window"), |b| {
        b.iter(|| window(black_box(&volume), -160.0, 240.0));
    });
    group.bench_function(id("reorient_to_ras"), |b| {
        b.iter(|| reorient_to_ras(black_box(&volume)));
    });
    group.bench_function(id("resample_linear_to_1.5mm"), |b| {
        b.iter(|| resample_spacing(black_box(&volume), [1.5; 3]));
    });
    group.bench_function(id("resample_nearest_to_1.5mm"), |b| {
        b.iter(|| resample_nearest(black_box(&labels), &coarse, 0));
    });
    group.bench_function(id("distance_transform"), |b| {
        let spacing_mm_zyx = organ.geometry().spacing_mm_zyx();
        b.iter(|| distance_transform(black_box(organ.voxels().view()), spacing_mm_zyx));
    });
    group.bench_function(id("connected_components_26"), |b| {
        b.iter(|| connected_components(black_box(organ.voxels().view()), Connectivity::Corners26));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn image(c: &mut Criterion) {
    bench(c).expect("the phantoms are well formed");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = image }
criterion_main!(benches);
