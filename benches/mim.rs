//! The sparse encoder with everything visible and with half hidden, and one step of pre-training.

use std::error::Error;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::ArrayD;
use scarce_image::Seed;
use scarce_mim::encoder::{EncoderConfig, build};
use scarce_mim::sparse::Active;
use scarce_mim::{ImageSample, PretrainConfig, PretrainTask};
use scarce_train::{StepContext, Task as _};
use tch::{Device, Kind, Tensor, nn};

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    tch::manual_seed(1);
    let store = nn::VarStore::new(Device::Cpu);
    let encoder = build(&store.root(), &EncoderConfig::default())?;
    let pixels = Tensor::rand([8, 1, 112, 112], (Kind::Float, Device::Cpu));
    let cells = Tensor::rand([8, 1, 7, 7], (Kind::Float, Device::Cpu));
    let mut group = c.benchmark_group("mim");
    for visible in [0.5, 1.0] {
        let visible_cells = cells.lt(visible);
        group.bench_function(BenchmarkId::new("encoder_visible", visible), |b| {
            let _guard = tch::no_grad_guard();
            b.iter(|| encoder.forward(&pixels, Some(&Active::new(&visible_cells)), false));
        });
    }
    let images: Vec<_> = (0..16)
        .map(|k| ImageSample {
            id: k.to_string(),
            pixels: ArrayD::from_shape_fn(vec![1, 128, 128], |at| {
                ((at[1] * 7 + at[2] * 3 + k) % 17) as f32 / 17.0
            }),
            region: ArrayD::from_shape_fn(vec![128, 128], |at| {
                at[0].abs_diff(64) < 20 && at[1].abs_diff(64) < 20
            }),
        })
        .map(Arc::new)
        .collect();
    let config = PretrainConfig {
        batch: 8,
        decoder_width: 64,
        ..PretrainConfig::default()
    };
    let mut task = PretrainTask::new(config, images, Seed(1), Device::Cpu)?;
    let context = StepContext {
        step: 0,
        total_steps: 1,
        seed: Seed(1),
        rank: 0,
        world_size: 1,
    };
    group.bench_function("loss_and_gradient/8x112x112", |b| {
        b.iter(|| -> Result<(), Box<dyn Error + Send + Sync>> {
            task.loss(&context)?.total.f_backward()?;
            Ok(())
        });
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn mim(c: &mut Criterion) {
    bench(c).expect("the shapes fit");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = mim }
criterion_main!(benches);
