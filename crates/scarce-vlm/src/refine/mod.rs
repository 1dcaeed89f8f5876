//! From a region to a better one: what lies in its boxes is asked of a model that answers boxes.

mod refined;

pub use refined::{BoxPrompt, RefineOptions, Refined};

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    LocalizeError, ModelRecord,
    picture::{Picture, PictureBox},
    slices::PictureHeat,
};

/// What a model that answers boxes promises.
pub trait Refiner {
    /// Heat of the object in each box, above 0.5 inside of it; the score is the model's own guess of how good it is.
    ///
    /// # Errors
    /// [`LocalizeError`]; a box that is empty or leaves the picture is one.
    fn refine(
        &mut self,
        picture: &Picture,
        boxes: &[PictureBox],
    ) -> Result<Vec<PictureHeat>, LocalizeError>;

    /// The back-end's name, such as `"medsam"`.
    fn name(&self) -> &'static str;

    /// Each model file.
    fn models(&self) -> Vec<ModelRecord>;

    /// The settings that the heat depends on.
    fn settings(&self) -> BTreeMap<String, Value>;
}

impl<R: Refiner + ?Sized> Refiner for &mut R {
    fn refine(
        &mut self,
        picture: &Picture,
        boxes: &[PictureBox],
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        (**self).refine(picture, boxes)
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn models(&self) -> Vec<ModelRecord> {
        (**self).models()
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        (**self).settings()
    }
}
