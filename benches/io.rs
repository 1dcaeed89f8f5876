//! Volumes to and from files, on a phantom of 64 x 128 x 128 voxels.

use std::error::Error;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scarce_benches::{label_phantom, phantom};
use scarce_io::{read_label_map, read_volume, verify, write_label_map, write_volume};

const SIDE: usize = 128;

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("scarce-bench-io-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let (volume, labels) = (phantom(SIDE)?, label_phantom(SIDE)?);
    let mut group = c.benchmark_group("io");
    group.throughput(Throughput::Bytes(
        (volume.voxels().len() * size_of::<f32>()) as u64,
    ));
    for name in ["volume.nii", "volume.nii.gz"] {
        let path = folder.join(name);
        write_volume(&path, &volume)?;
        group.bench_function(format!("write_{name}/{SIDE}"), |b| {
            b.iter(|| write_volume(&path, black_box(&volume)));
        });
        group.bench_function(format!("read_{name}/{SIDE}"), |b| {
            b.iter(|| read_volume(&path));
        });
    }
    let path = folder.join("labels.nii.gz");
    write_label_map(&path, &labels)?;
    group.bench_function(format!("read_labels.nii.gz/{SIDE}"), |b| {
        b.iter(|| read_label_map(&path));
    });
    group.bench_function(format!("verify_a_folder_of_3/{SIDE}"), |b| {
        b.iter(|| verify(std::slice::from_ref(&folder)));
    });
    group.finish();
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn io(c: &mut Criterion) {
    bench(c).expect("the temporary folder can be written to");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = io }
criterion_main!(benches);
