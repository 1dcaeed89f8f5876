//! Encoder and decoder as one refiner.

use std::collections::BTreeMap;

use ndarray::{Array2, Slice};
use serde_json::{Value, json};

use super::SamPreprocessing;
use super::decoder::{Decoder, Resolution};
use super::encoder::Encoder;
use crate::{
    LocalizeError, ModelRecord,
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions},
    picture::{Frame, Picture, PictureBox},
    refine::Refiner,
    slices::PictureHeat,
};

/// The key of the files' metadata that says how pictures are prepared.
const PREPROCESSING: &str = "preprocessing";

/// SAM, MedSAM or LiteMedSAM in ONNX Runtime.
pub struct SamRefiner {
    encoder: Encoder,
    decoder: Decoder,
    preprocessing: SamPreprocessing,
}

impl SamRefiner {
    /// Loads the two graphs. How pictures are prepared is what the files' metadata say (`export/sam.py` writes it), else what
    /// is given as `preprocessing`.
    ///
    /// # Errors
    /// [`OnnxError`] when a file is missing, broken or of another interface, when nothing says how pictures are prepared, and
    /// when the files and `preprocessing` contradict one another.
    pub fn open(
        encoder: &ModelFile,
        decoder: &ModelFile,
        preprocessing: Option<SamPreprocessing>,
        options: &SessionOptions,
    ) -> Result<Self, OnnxError> {
        let encoder = Encoder::open(encoder, options)?;
        let decoder = Decoder::open(decoder, options)?;
        let mut known = preprocessing;
        for model in [&encoder, decoder.model()] {
            let Some(told) = told(model)? else { continue };
            if known.is_some_and(|known| known != told) {
                let expected = known.map_or("", SamPreprocessing::name);
                return Err(metadata_fault(model, expected, told.name()));
            }
            known = Some(told);
        }
        let expected = "sam, medsam or lite-medsam, or that one of them be chosen";
        let preprocessing = known.ok_or_else(|| metadata_fault(&encoder, expected, "nothing"))?;
        Ok(Self {
            encoder: Encoder::new(encoder, preprocessing)?,
            decoder,
            preprocessing,
        })
    }

    /// How pictures are prepared.
    pub fn preprocessing(&self) -> SamPreprocessing {
        self.preprocessing
    }

    /// From logits to heat on the picture's grid, in the order of each member's own code.
    fn heat(&self, logits: Array2<f32>, frame: &Frame, picture_yx: [usize; 2]) -> Array2<f32> {
        match self.preprocessing {
            SamPreprocessing::Sam => {
                let mut logits = logits;
                logits.par_mapv_inplace(sigmoid);
                logits
            }
            SamPreprocessing::MedSam => frame.to_picture(logits.mapv_into(sigmoid).view(), 0.0),
            SamPreprocessing::LiteMedSam => {
                // Its logits are as large as its input: what was filled up is cut off before the rest is stretched.
                let [height, width] = frame.input_yx();
                let seen_yx: [usize; 2] = [0, 1].map(|axis| {
                    let along = [logits.nrows(), logits.ncols()][axis];
                    let share = frame.resized_yx()[axis] as f64 / [height, width][axis] as f64;
                    ((along as f64 * share).round() as usize).clamp(1, along)
                });
                let seen = logits
                    .slice_each_axis(|axis| Slice::from(..seen_yx[axis.axis.index()] as isize));
                let whole = Frame::squash(picture_yx, seen_yx).to_picture(seen, 0.0);
                whole.mapv_into(sigmoid)
            }
        }
    }
}

impl Refiner for SamRefiner {
    fn refine(
        &mut self,
        picture: &Picture,
        boxes: &[PictureBox],
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        for found in boxes {
            check(found, picture.size_yx())?;
        }
        if boxes.is_empty() {
            return Ok(Vec::new());
        }
        let (embeddings, frame) = self.encoder.embed(picture)?;
        let resolution = match self.preprocessing {
            SamPreprocessing::Sam => Resolution::Picture,
            SamPreprocessing::MedSam | SamPreprocessing::LiteMedSam => Resolution::Network,
        };
        let picture_yx = picture.size_yx();
        boxes
            .iter()
            .map(|in_picture| {
                let in_input = self
                    .preprocessing
                    .box_to_input(&frame, *in_picture, picture_yx);
                let answer =
                    (self.decoder).answer(&embeddings, in_input, picture_yx, resolution)?;
                Ok(PictureHeat {
                    map: self.heat(answer.logits, &frame, picture_yx),
                    score: answer.predicted_iou,
                })
            })
            .collect()
    }

    fn name(&self) -> &'static str {
        self.preprocessing.name()
    }

    fn models(&self) -> Vec<ModelRecord> {
        let mut records = self.encoder.model().records();
        records.extend(self.decoder.model().records());
        records
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([(PREPROCESSING.to_owned(), json!(self.preprocessing))])
    }
}

/// What a file says of how its pictures are prepared.
fn told(model: &Model) -> Result<Option<SamPreprocessing>, OnnxError> {
    let Some(name) = model.metadata(PREPROCESSING) else {
        return Ok(None);
    };
    let known = SamPreprocessing::NAMES
        .iter()
        .find(|(known, _)| *known == name);
    match known {
        Some((_, preprocessing)) => Ok(Some(*preprocessing)),
        None => Err(metadata_fault(model, "sam, medsam or lite-medsam", &name)),
    }
}

fn metadata_fault(model: &Model, expected: &str, found: &str) -> OnnxError {
    model.fault(ModelFault::Metadata {
        key: PREPROCESSING,
        expected: expected.to_owned(),
        found: found.to_owned(),
    })
}

fn check(found: &PictureBox, picture_yx: [usize; 2]) -> Result<(), LocalizeError> {
    let is_good = (0..2).all(|axis| {
        let (start, stop) = (found.start_xy[axis], found.stop_xy[axis]);
        start >= 0.0 && start < stop && stop <= picture_yx[1 - axis] as f32
    });
    if is_good {
        return Ok(());
    }
    Err(LocalizeError::Option {
        option: "box",
        expected: "a start before the stop, inside of the picture",
        got: format!("{found:?} in {picture_yx:?} (y, x)"),
    })
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
