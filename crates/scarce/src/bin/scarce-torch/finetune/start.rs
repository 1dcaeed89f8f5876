//! Where a network starts, and what it is shown.

use anyhow::Context as _;
use scarce_mim::Intensities;
use scarce_mim::finetune::weights::Weights;
use scarce_train::LoopConfig;
use tch::Tensor;

/// What the network is shown: as configured, or as the weights were trained, or by the training images.
pub fn intensities(
    configured: Option<&Intensities>,
    weights: &Weights,
    channels: i64,
    of_training: impl FnOnce() -> anyhow::Result<Intensities>,
) -> anyhow::Result<Intensities> {
    if let Some(intensities) = configured {
        return Ok(intensities.clone());
    }
    match weights {
        Weights::None => of_training(),
        Weights::File(path) => {
            tracing::info!(
                "intensities as of ImageNet's images, on which networks under timm's names are trained: {}",
                path.display()
            );
            Ok(Intensities::imagenet(channels))
        }
        Weights::Checkpoint(folder) => {
            let run = weights.run().with_context(|| {
                format!(
                    "no config.resolved.toml above the checkpoint, so `method.intensities` must tell what it was shown: {}",
                    folder.display()
                )
            })?;
            // A pre-training that wrote nothing down showed intensities of 0 to 1 as they are.
            Ok(Intensities::of_run(run)?.unwrap_or_else(|| Intensities::identity(channels)))
        }
    }
}

/// Fills the encoder, and says so.
pub fn load(
    weights: &Weights,
    encoder: &[(String, Tensor)],
    training: &LoopConfig,
) -> anyhow::Result<()> {
    let loaded = weights
        .load(encoder)
        .context("the weights do not fit `method.encoder`")?;
    let decay = training.groups.layer_decay;
    match (loaded, weights) {
        (Some(n), Weights::Checkpoint(path) | Weights::File(path)) => {
            tracing::info!("{n} tensors of the encoder from {}", path.display());
        }
        _ if decay < 1.0 && training.steps > 0 => tracing::warn!(
            "the encoder starts as it was drawn, and its first layers learn more slowly (training.groups.layer_decay is \
             {decay}): recipe `scratch` is the fair control"
        ),
        _ => tracing::info!("the encoder starts as it was drawn"),
    }
    Ok(())
}
