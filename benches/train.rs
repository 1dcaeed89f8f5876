//! What every training pays beside its network: the optimizer's step, the teacher's update and the
//! checkpoint, on as many parameters as a small V-Net has.

use std::collections::BTreeMap;
use std::error::Error;

use criterion::{Criterion, criterion_group, criterion_main};
use scarce_train::{
    BufferPolicy, Checkpoint, CheckpointState, Optimizer, OptimizerConfig, ema_update,
    named_variables,
};
use tch::{Device, Kind, Tensor, nn};

/// 16 layers of 3 x 3 x 3 convolutions from 48 to 48 channels: 1.0 million parameters.
fn network() -> nn::VarStore {
    let store = nn::VarStore::new(Device::Cpu);
    for layer in 0..16 {
        let path = store.root() / format!("layer{layer}");
        let _ = path.randn("weight", &[48, 48, 3, 3, 3], 0.0, 0.1);
        let _ = path.zeros("bias", &[48]);
    }
    store
}

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    tch::manual_seed(1);
    let (student, teacher) = (network(), network());
    let parameters = named_variables(&student);
    for (_, parameter) in &parameters {
        // A step needs gradients; their values don't change its time.
        (parameter * 0.01).sum(Kind::Float).backward();
    }
    let adam = OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.01,
    };
    let mut optimizer = Optimizer::new(adam, named_variables(&student));
    let mut group = c.benchmark_group("train");
    group.bench_function("adamw_step/1M", |b| b.iter(|| optimizer.step(1e-4, 1.0)));
    group.bench_function("ema_update/1M", |b| {
        b.iter(|| ema_update(&teacher, &student, 0.99, Some(BufferPolicy::Copy)));
    });
    let folder = std::env::temp_dir().join(format!("scarce-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    group.bench_function("checkpoint_save/1M", |b| {
        b.iter(|| checkpoint(&parameters).save(&folder));
    });
    checkpoint(&parameters).save(&folder)?;
    group.bench_function("checkpoint_load/1M", |b| {
        b.iter(|| Checkpoint::load(&folder));
    });
    group.finish();
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn checkpoint(parameters: &[(String, Tensor)]) -> Checkpoint {
    let weights = parameters
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
    Checkpoint {
        groups: BTreeMap::from([("weights".to_owned(), weights.collect())]),
        state: CheckpointState {
            step: 1,
            ..CheckpointState::default()
        },
    }
}

#[expect(clippy::expect_used, reason = "a bench has nobody to hand an error to")]
fn train(c: &mut Criterion) {
    bench(c).expect("the temporary folder can be written to");
}

criterion_group! { name = benches; config = scarce_benches::criterion(); targets = train }
criterion_main!(benches);
