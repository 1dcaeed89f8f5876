//! Voxel operations on a phantom of 128 x 256 x 256 voxels, a quarter of a chest CT.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scarce_benches::{label_phantom, phantom};
use scarce_image::glam::{DAffine3, DMat3, DVec3};
use scarce_image::{
    Connectivity, Geometry, GeometryError, Grid, Interpolation, StructuringElement,
    connected_components, dilate, distance_transform, erode, fill_holes, largest_component,
    reorient_to_ras, resample, resample_nearest, resample_spacing, window,
};

const SIDE: usize = 256;

fn bench(c: &mut Criterion) -> Result<(), GeometryError> {
    let volume = phantom(SIDE)?;
    let labels = label_phantom(SIDE)?;
    let organ = labels.map(|label| *label == 2);
    let coarse = volume.grid().with_spacing_mm_xyz([1.5; 3])?;
    let turn = DAffine3::from_mat3_translation(DMat3::from_rotation_z(0.2), DVec3::ZERO);
    let oblique = Grid {
        geometry: Geometry::new(turn * coarse.geometry.world_from_voxel())?,
        ..coarse
    };
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
    for (name, grid, how) in [
        (
            "resample_cubic_to_1.5mm",
            coarse,
            Interpolation::CubicBSpline,
        ),
        ("resample_linear_obliquely", oblique, Interpolation::Linear),
        (
            "resample_cubic_obliquely",
            oblique,
            Interpolation::CubicBSpline,
        ),
    ] {
        group.bench_function(id(name), |b| {
            b.iter(|| resample(black_box(&volume), &grid, how, -1000.0));
        });
    }
    group.bench_function(id("distance_transform"), |b| {
        let spacing_mm_zyx = organ.geometry().spacing_mm_zyx();
        b.iter(|| distance_transform(black_box(organ.voxels().view()), spacing_mm_zyx));
    });
    group.bench_function(id("connected_components_26"), |b| {
        b.iter(|| connected_components(black_box(organ.voxels().view()), Connectivity::Corners26));
    });
    group.bench_function(id("largest_component_26"), |b| {
        b.iter(|| largest_component(black_box(&organ), Connectivity::Corners26));
    });
    group.bench_function(id("erode_6_twice"), |b| {
        let element = StructuringElement::steps(Connectivity::Faces6, 2);
        b.iter(|| erode(black_box(&organ), element));
    });
    group.bench_function(id("dilate_26"), |b| {
        let element = StructuringElement::steps(Connectivity::Corners26, 1);
        b.iter(|| dilate(black_box(&organ), element));
    });
    group.bench_function(id("fill_holes"), |b| {
        b.iter(|| fill_holes(black_box(&organ)));
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
