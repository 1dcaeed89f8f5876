//! Text and image in, region of interest out.
//!
//! A [`Localizer`] takes a volume and a prompt and answers with a [`Region`]: a heat map, a mask, boxes, a
//! score and the [`Provenance`] that says which models and which settings made it. Each back-end has a
//! folder of its own; [`label_map`] serves data that already carries anatomical labels.
//!
//! Models run in ONNX Runtime ([`onnx`]); the shared library is found and loaded at run time.

pub mod label_map;
mod localizer;
pub mod onnx;
mod provenance;
mod region;
pub mod scarce_open;
pub mod text;

pub use localizer::{LocalizeError, Localizer, NearName};
pub use provenance::{MatchedLabel, ModelRecord, Provenance};
pub use region::{Localization, Region, RegionBox, RegionError};
