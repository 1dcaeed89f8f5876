//! Pre-training networks in bfloat16.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_mim::loss::{LossOptions, patchify, reconstruction_loss};
use scarce_mim::sparse::Active;
use scarce_mim::{MaskedModel, MimError};
use scarce_train::named_variables;
use scarce_train::native::autocast::in_bfloat16;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

/// Each family's loss is that in float32 but for rounding, and gradients are in float32.
#[test]
fn networks_train_in_bfloat16() {
    for architecture in [
        Architecture::Small,
        Architecture::ResNet50,
        Architecture::ConvNextTiny,
        Architecture::VitTiny,
        Architecture::ResNet18Volume,
        Architecture::VNetVolume,
    ] {
        let name = architecture.name();
        let config = EncoderConfig::named(architecture);
        tch::manual_seed(5);
        let store = VarStore::new(Device::Cpu);
        let network = MaskedModel::new(&store.root(), &config, 192).unwrap();
        let options = (Kind::Float, Device::Cpu);
        let cells: &[i64] = match architecture.dimensions() {
            2 => &[2, 1, 2, 2],
            // Not 2 deep: see `in_bfloat16`.
            _ => &[2, 1, 3, 2, 2],
        };
        let mut size = cells.to_vec();
        for side in &mut size[2..] {
            *side *= config.stride() as i64;
        }
        let pixels = Tensor::rand(size, options);
        let visible = Tensor::arange(cells.iter().product::<i64>(), options);
        let visible = visible.fmod(3.0).ne(1.0).view(cells);
        let hidden = visible.logical_not().to_kind(Kind::Float).flatten(1, -1);

        let loss = || -> Result<Tensor, MimError> {
            let predicted = network.predict(&pixels, &Active::new(&visible), true)?;
            let patches = patchify(&pixels, network.patch())?;
            let (region, options) = (hidden.zeros_like(), LossOptions::SPARK);
            Ok(reconstruction_loss(&predicted, &patches, &hidden, &region, &options)?.total)
        };
        let expected = loss().unwrap().double_value(&[]);
        let mut found = None;
        in_bfloat16(Device::Cpu)(&mut || found = Some(loss().unwrap()));
        let found = found.unwrap();
        found.backward();
        let apart = (found.double_value(&[]) - expected).abs() / expected;
        assert!(0.0 < apart && apart < 0.02, "{name}: {apart}");
        for (variable, tensor) in named_variables(&store) {
            if tensor.requires_grad() {
                let gradient = tensor.grad();
                assert_eq!(gradient.kind(), Kind::Float, "{name}: {variable}");
                let finite = gradient.isfinite().all().int64_value(&[]);
                assert_eq!(finite, 1, "{name}: {variable}");
            }
        }
    }
}
