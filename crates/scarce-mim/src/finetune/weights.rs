//! Where an encoder starts.

use std::path::{Path, PathBuf};

use scarce_train::interchange::{ImportOptions, NameTable, import_weights};
use scarce_train::{Checkpoint, load_variables};
use tch::Tensor;

use crate::MimError;

/// Where an encoder starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weights {
    /// As it was drawn: the control.
    None,
    /// A checkpoint of a pre-training or a fine-tuning.
    Checkpoint(PathBuf),
    /// A safetensors file under timm's names.
    File(PathBuf),
}

/// What a pre-training's checkpoint calls the encoder.
const ENCODER: &str = "encoder.";
/// Names that belong to timm's heads, which are left where they are.
const HEADS: [&str; 2] = ["fc.", "head."];
/// What sees the pixels, in timm's networks.
const INPUT_LAYERS: [&str; 3] = ["conv1.weight", "stem.0.weight", "patch_embed.proj.weight"];

impl Weights {
    /// What a setting means: `none`, a run folder (its best checkpoint, or its last where none is best), a checkpoint's own
    /// folder, or a file.
    ///
    /// # Errors
    /// [`MimError::Data`] where nothing of that name is there.
    pub fn named(setting: &str) -> Result<Self, MimError> {
        if setting == "none" {
            return Ok(Self::None);
        }
        let path = Path::new(setting);
        if path.is_file() {
            return Ok(Self::File(path.to_owned()));
        }
        let best = path.join("checkpoints/best");
        [best, path.join("checkpoints/last"), path.to_owned()]
            .into_iter()
            .find(|folder| folder.join("state.json").is_file())
            .map(Self::Checkpoint)
            .ok_or_else(|| MimError::Data {
                message: format!(
                    "weights: expected `none`, a run folder with a checkpoint, or a safetensors file: {setting}"
                ),
            })
    }

    /// The run folder that a checkpoint lies in.
    pub fn run(&self) -> Option<&Path> {
        let Self::Checkpoint(folder) = self else {
            return None;
        };
        let mut above = folder.ancestors().take(3);
        above.find(|folder| folder.join("config.resolved.toml").is_file())
    }

    /// Fills an encoder's variables, named as in timm. Each must be there, in its shape and kind, and nothing else may
    /// be, but for a head, and for the decoder of a pre-training; a file's first layer may be for coloured pictures
    /// ([`ImportOptions::input_layers`]). Gives the number of tensors, or none for
    /// [`Self::None`].
    ///
    /// # Errors
    /// [`MimError::Train`] and [`MimError::Weights`] with the names that are missing or left over; nothing is changed
    /// then.
    pub fn load(&self, encoder: &[(String, Tensor)]) -> Result<Option<usize>, MimError> {
        match self {
            Self::None => return Ok(None),
            Self::Checkpoint(folder) => {
                let saved = Checkpoint::load(folder)?;
                let weights = saved.group("weights")?;
                let is_pretraining = weights.iter().any(|(name, _)| name.starts_with(ENCODER));
                let (kept, prefix): (Vec<_>, _) = if is_pretraining {
                    (shallow(weights), ENCODER)
                } else {
                    let trunk = weights.iter().filter(|(name, _)| !is_head(name));
                    (trunk.map(copy).collect(), "")
                };
                load_variables(encoder, &kept, prefix)?;
            }
            Self::File(path) => {
                let names = HEADS.iter().fold(NameTable::torchvision(), |names, head| {
                    names.leave_out(&format!("{head}*"))
                });
                let options = ImportOptions {
                    convert_floats: true,
                    input_layers: INPUT_LAYERS.map(str::to_owned).to_vec(),
                    ..ImportOptions::default()
                };
                import_weights(path, encoder, &names, &options)?;
            }
        }
        Ok(Some(encoder.len()))
    }
}

/// Whether a name is one of timm's heads'.
fn is_head(name: &str) -> bool {
    HEADS.iter().any(|head| name.starts_with(head)) || name.starts_with(DECODER)
}

/// What a fine-tuned segmentation calls what is on its encoder.
const DECODER: &str = "decoder.";

fn shallow(tensors: &[(String, Tensor)]) -> Vec<(String, Tensor)> {
    tensors.iter().map(copy).collect()
}

fn copy((name, tensor): &(String, Tensor)) -> (String, Tensor) {
    (name.clone(), tensor.shallow_clone())
}
