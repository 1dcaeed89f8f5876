//! Where encoders start: as drawn, or from a pre-training.

use anyhow::Context as _;
use scarce_corn::method::Method;
use scarce_mim::finetune::weights::Weights;
use scarce_train::interchange::{ImportOptions, NameTable, import_weights};
use tch::Tensor;

/// What a pre-training calls its encoder, before the encoder's own names, which are the V-Net's.
const ENCODER: &str = "encoder.";

/// Fills every encoder of a method, a teacher's too, and says so: from a run of `pretrain` with the encoder `vnet-3d`, or from
/// a safetensors file with its names, alone or within those of such a run.
pub fn load(setting: &str, method: &Method) -> anyhow::Result<()> {
    let weights = Weights::named(setting)?;
    for encoder in method.encoders() {
        let loaded = match &weights {
            Weights::None | Weights::Checkpoint(_) => weights.load(&encoder).map_err(Into::into),
            Weights::File(path) => from_file(path, &encoder).map(Some),
        };
        let loaded = loaded.with_context(|| {
            format!("weights do not fit the V-Net's encoder (`vnet-3d` of `pretrain`): {setting}")
        })?;
        if let Some(tensors) = loaded {
            tracing::info!("{tensors} tensors of an encoder from {setting}");
        }
    }
    Ok(())
}

fn from_file(path: &std::path::Path, encoder: &[(String, Tensor)]) -> anyhow::Result<usize> {
    let names = NameTable::torchvision()
        .prefix("encoder.encoder.", ENCODER)
        .leave_out("densify.*")
        .leave_out("decoder.*")
        .leave_out("classifier.*");
    let options = ImportOptions {
        convert_floats: true,
        ..ImportOptions::default()
    };
    Ok(import_weights(path, encoder, &names, &options)?
        .loaded
        .len())
}
