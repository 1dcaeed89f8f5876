//! Text and image in, region of interest out.
//!
//! A [`Localizer`] takes a volume and a prompt and answers with a [`Region`]: a heat map, a mask, boxes, a
//! score and the [`Provenance`] that says which models and which settings made it. Each back-end has a
//! folder of its own: [`label_map`] serves data that already carries anatomical labels, [`given`] regions that are known,
//! [`foreground`] the body without any model. A model of pictures ([`biomedclip`], [`clipseg`], [`grounding_dino`]) is a
//! [`slices::PictureLocalizer`]; [`slices::SliceBySlice`] leads it through a volume, and [`binarize`] makes one region of its
//! heat. [`check`] tells whether maps follow the words.
//!
//! For sets of images, [`Pool`] keeps a localizer a worker, [`Shard`] deals a list to several machines, and [`cache`] names
//! regions by what they depend on.
//!
//! [`refine::Refined`] asks a model that answers boxes ([`sam`]) for a better region than any localizer's.
//!
//! Models run in ONNX Runtime ([`onnx`]); the shared library is found and loaded at run time.

pub mod binarize;
pub mod biomedclip;
pub mod cache;
pub mod check;
pub mod clipseg;
pub mod foreground;
pub mod given;
pub mod grounding_dino;
pub mod label_map;
mod localizer;
pub mod onnx;
pub mod picture;
mod pool;
mod provenance;
pub mod refine;
mod region;
pub mod sam;
pub mod scarce_open;
mod shard;
pub mod slices;
pub mod text;

pub use localizer::{LocalizeError, Localizer, NearName};
pub use pool::Pool;
pub use provenance::{MatchedLabel, ModelRecord, Provenance};
pub use region::{Localization, Region, RegionBox, RegionError};
pub use shard::Shard;
