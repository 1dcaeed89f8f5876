//! BiomedCLIP (Zhang et al., 2023): a picture's heat from how near it is to a prompt.
//!
//! Two towers put pictures and texts into one space; a saliency asks them where in the picture the prompt is. All of it runs in
//! ONNX Runtime, on the graphs that `export/biomedclip.py` makes of the published weights:
//!
//! | file | for |
//! | --- | --- |
//! | `text.onnx`, `tokenizer.json` | all |
//! | `layer-L/vision_prefix.onnx`, `layer-L/m2ib_step.onnx` | [`M2ib`] at layer L; its gradient is part of the graph |
//! | `vision.onnx` | [`Dense`] and [`Occlusion`] |

mod framing;
mod heat;
mod presets;
mod saliency;
mod text_tower;
mod vision_tower;

pub use framing::Framing;
pub use saliency::{
    Dense, DenseOptions, DenseScale, Information, M2ib, M2ibOptions, NoiseStream, Occlusion,
    OcclusionOptions, SaliencyOptions,
};
pub use text_tower::TextTower;
pub use vision_tower::VisionTower;

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cache::picture_sha256;
use crate::onnx::SessionOptions;
use crate::picture::{Filter, Normalization, Picture};
use crate::slices::{PictureHeat, PictureLocalizer};
use crate::text::check_prompt;
use crate::{LocalizeError, ModelRecord};

/// What the heat depends on besides the models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct BiomedClipOptions {
    /// What is seen of pictures that are not square.
    pub framing: Framing,
    /// How heat is found.
    pub saliency: SaliencyOptions,
}

enum Saliency {
    M2ib(M2ib, u64),
    Dense(Dense),
    Occlusion(Occlusion),
}

/// BiomedCLIP with one of the three saliencies.
///
/// The score is the cosine of picture and prompt, -1 to 1: to be compared between pictures of one prompt only.
pub struct BiomedClip {
    text: TextTower,
    saliency: Saliency,
    options: BiomedClipOptions,
}

impl BiomedClip {
    /// From a folder of graphs; those that the saliency does not need may be missing.
    ///
    /// # Errors
    /// [`LocalizeError`] for options out of their range, and for files that are missing, broken or of another interface.
    pub fn load(
        folder: &Path,
        options: BiomedClipOptions,
        session: &SessionOptions,
    ) -> Result<Self, LocalizeError> {
        let vision = || VisionTower::load(&folder.join("vision.onnx"), session);
        let saliency = match &options.saliency {
            SaliencyOptions::M2ib(m2ib) => {
                Saliency::M2ib(M2ib::load(folder, *m2ib, session)?, m2ib.seed)
            }
            SaliencyOptions::Dense(dense) => Saliency::Dense(Dense::new(vision()?, dense.clone())?),
            SaliencyOptions::Occlusion(occlusion) => {
                Saliency::Occlusion(Occlusion::new(vision()?, *occlusion)?)
            }
        };
        let tokenizer = folder.join("tokenizer.json");
        Ok(Self {
            text: TextTower::load(&folder.join("text.onnx"), &tokenizer, session)?,
            saliency,
            options,
        })
    }

    /// The text tower, for features of prompts by themselves.
    pub fn text_mut(&mut self) -> &mut TextTower {
        &mut self.text
    }

    fn side(&self) -> usize {
        match &self.saliency {
            Saliency::M2ib(m2ib, _) => m2ib.side(),
            Saliency::Dense(dense) => dense.vision().side(),
            Saliency::Occlusion(occlusion) => occlusion.vision().side(),
        }
    }
}

impl PictureLocalizer for BiomedClip {
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError> {
        check_prompt(prompt)?;
        let text = self.text.features(prompt)?;
        let picture_yx = picture.size_yx();
        let frame = self.options.framing.frame(picture_yx, self.side());
        let pixels = Normalization::CLIP.apply(&frame.view(picture, Filter::Bicubic)?);
        let (at_input, score) = match &mut self.saliency {
            Saliency::M2ib(m2ib, seed) => {
                let hidden = m2ib.hidden(pixels)?;
                let noise = NoiseStream::new(*seed, &picture_sha256(picture), prompt);
                let found =
                    m2ib.information(&hidden, &text, &mut |step, values| noise.fill(step, values))?;
                let whole = heat::at_input(found.nats.view(), &frame);
                (heat::min_max(whole, &frame, picture_yx), found.cosine)
            }
            Saliency::Dense(dense) => {
                let (patches, score) = dense.patches(pixels, &mut self.text, &text)?;
                let whole = heat::at_input(patches.view(), &frame);
                let is_share = dense.is_share();
                let scaled = if is_share {
                    whole
                } else {
                    heat::min_max(whole, &frame, picture_yx)
                };
                (scaled, score)
            }
            Saliency::Occlusion(occlusion) => {
                occlusion.falls(&pixels, heat::shown(&frame, picture_yx), &text)?
            }
        };
        let map = frame.to_picture(at_input.view(), 0.0);
        Ok(PictureHeat {
            map: map.mapv_into(|value| value.clamp(0.0, 1.0)),
            score,
        })
    }

    fn name(&self) -> &'static str {
        match self.saliency {
            Saliency::M2ib(..) => "biomedclip-m2ib",
            Saliency::Dense(_) => "biomedclip-dense",
            Saliency::Occlusion(_) => "biomedclip-occlusion",
        }
    }

    fn models(&self) -> Vec<ModelRecord> {
        let mut models = self.text.models();
        match &self.saliency {
            Saliency::M2ib(m2ib, _) => models.extend(m2ib.models()),
            Saliency::Dense(dense) => models.push(dense.vision().record().clone()),
            Saliency::Occlusion(occlusion) => models.push(occlusion.vision().record().clone()),
        }
        models
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("framing".to_owned(), json!(self.options.framing)),
            ("saliency".to_owned(), json!(self.options.saliency)),
        ])
    }
}
