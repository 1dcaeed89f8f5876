//! A network and data of your own, of which this crate knows nothing, with the CORAL consistency alone taken from it: two
//! small convolutions look at unlabelled pictures, and have to relate to labelled ones alike.
//!
//! `cargo run -p scarce-corn --example coral_for_your_own`
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use scarce_corn::correlation::repaired::{RepairedOptions, correlation};
use scarce_corn::correlation::{Anchors, PairedFeatures};
use tch::nn::{self, Module, OptimizerConfig as _};
use tch::{Device, Kind, Tensor};

/// Features `(n, 8)` of all pixels whose picture is brighter, or not, than 0.5: the classes of this world.
fn features_by_class(network: &impl Module, pictures: &Tensor) -> [Tensor; 2] {
    let features = network
        .forward(pictures)
        .permute([0, 2, 3, 1])
        .reshape([-1, 8]);
    let bright = pictures.flatten(0, -1).gt(0.5);
    [bright.logical_not(), bright].map(|of_class| {
        let rows = of_class.nonzero().view([-1]);
        features.index_select(0, &rows)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    tch::manual_seed(0);
    let store = nn::VarStore::new(Device::Cpu);
    let [first, second] = ["first", "second"].map(|name| {
        let config = nn::ConvConfig {
            padding: 1,
            ..Default::default()
        };
        nn::conv2d(store.root() / name, 1, 8, 3, config)
    });
    let mut optimizer = nn::Adam::default().build(&store, 0.01)?;
    let pictures = |count| Tensor::rand([count, 1, 16, 16], (Kind::Float, Device::Cpu));
    let (labelled, unlabelled) = (pictures(2), pictures(8));
    let options = RepairedOptions {
        symmetric: true,
        ..RepairedOptions::default()
    };
    for step in 0..=60 {
        let anchors = features_by_class(&first, &labelled).map(|rows| Some(Anchors::Rows(rows)));
        let of_first = features_by_class(&first, &unlabelled);
        let of_second = features_by_class(&second, &unlabelled);
        let pairs = of_first.into_iter().zip(of_second);
        let pairs: Vec<_> = pairs
            .map(|(first, second)| PairedFeatures { first, second })
            .collect();
        let consistency = correlation(&pairs, &anchors, &options)?;
        if step % 20 == 0 {
            println!("step {step}: {:.4}", consistency.loss.double_value(&[]));
        }
        // Your own losses would be added here.
        optimizer.backward_step(&consistency.loss);
    }
    Ok(())
}
