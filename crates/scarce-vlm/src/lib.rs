//! Text and image in, region of interest out.
//!
//! A [`Localizer`] takes a volume and a prompt and answers with a [`Region`]: a heat map, a mask, boxes, a
//! score and the [`Provenance`] that says which models and which settings made it. Each back-end has a
//! folder of its own: [`label_map`] serves data that already carries anatomical labels, [`given`] regions that are known,
//! [`foreground`] the body without any model. A model of pictures ([`clipseg`], [`grounding_dino`]) is a [`slices::PictureLocalizer`];
//! [`slices::SliceBySlice`] leads it through a volume, and [`binarize`] makes one region of its heat.
//!
//! [`refine::Refined`] asks a model that answers boxes ([`sam`]) for a better region than any localizer's.
//!
//! Models run in ONNX Runtime ([`onnx`]); the shared library is found and loaded at run time.

pub mod binarize;
pub mod clipseg;
pub mod foreground;
pub mod given;
pub mod grounding_dino;
pub mod label_map;
mod localizer;
pub mod onnx;
pub mod picture;
mod provenance;
pub mod refine;
mod region;
pub mod sam;
pub mod slices;
pub mod text;

pub use localizer::{LocalizeError, Localizer, NearName};
pub use provenance::{MatchedLabel, ModelRecord, Provenance};
pub use region::{Localization, Region, RegionBox, RegionError};
