//! What a semi-supervised step is made of: the V-Net forwards and backwards, and CORAL on its features; and windows over a volume
//! with a network that does nothing.

use std::error::Error;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::Array3;
use scarce_corn::coral::coral_loss;
use scarce_corn::inference::{Windows, sliding_window, sliding_window_labels};
use scarce_corn::losses::soft_dice_loss;
use scarce_corn::vnet::{VNet, VNetConfig, probabilities};
use tch::{Device, Kind, Tensor, nn};

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    tch::manual_seed(1);
    let store = nn::VarStore::new(Device::Cpu);
    let network = VNet::new(
        &store.root(),
        &VNetConfig {
            base_filters: 8,
            ..VNetConfig::default()
        },
    )?;
    let patch = Tensor::randn([1, 1, 48, 64, 64], (Kind::Float, Device::Cpu));
    let labels = patch.squeeze_dim(1).gt(0.5).to_kind(Kind::Int64);
    let mut group = c.benchmark_group("corn");
    group.bench_function("vnet_forward/8x48x64x64", |b| {
        let _guard = tch::no_grad_guard();
        b.iter(|| network.forward(black_box(&patch), false));
    });
    group.bench_function("vnet_forward_backward/8x48x64x64", |b| {
        b.iter(|| -> Result<(), Box<dyn Error>> {
            let output = network.forward(&patch, true)?;
            soft_dice_loss(&probabilities(&output.logits), &labels)?.f_backward()?;
            Ok(())
        });
    });
    let rows = |_| Tensor::randn([4096, 64], (Kind::Float, Device::Cpu));
    let [student, teacher] = [0, 1].map(rows);
    group.bench_function("coral_loss/4096x64", |b| {
        b.iter(|| coral_loss(black_box(&student), &teacher));
    });
    let image = Array3::from_shape_fn((96, 96, 96), |(z, y, x)| ((z * y + x) % 7) as f32);
    let windows = Windows {
        patch_zyx: [48, 64, 64],
        ..Windows::default()
    };
    let nothing = |x: &Tensor| Ok(Tensor::f_cat(&[x, &x.f_neg()?], 1)?);
    group.bench_function("sliding_window/2x96x96x96", |b| {
        b.iter(|| sliding_window(&nothing, black_box(image.view()), &windows, Device::Cpu));
    });
    group.bench_function("sliding_window_labels/2x96x96x96", |b| {
        b.iter(|| sliding_window_labels(&nothing, image.view(), &windows, None, Device::Cpu));
    });
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn corn(c: &mut Criterion) {
    bench(c).expect("the settings are in range");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = corn }
criterion_main!(benches);
