//! The CORAL loss alone: how far apart are two sets of features, and where does its gradient point?
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use scarce_corn::CornError;
use scarce_corn::coral::coral_loss;
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), CornError> {
    tch::manual_seed(0);
    let source = Tensor::randn([512, 32], (Kind::Float, Device::Cpu));
    let target = Tensor::randn([512, 32], (Kind::Float, Device::Cpu)) * 2.0;
    let source = source.set_requires_grad(true);
    let loss = coral_loss(&source, &target)?;
    loss.backward();
    println!(
        "CORAL {:.4}, gradient {:?}",
        loss.double_value(&[]),
        source.grad().size()
    );
    Ok(())
}
