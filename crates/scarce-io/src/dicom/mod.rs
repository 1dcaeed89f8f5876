//! DICOM: series of files, multi-frame objects, segmentations, single images.
//!
//! Slices are ordered by their position along the normal of the slices, never by number or name. A
//! missing or duplicate slice, two series in one folder, slices that differ in size, spacing or
//! orientation are errors ([`SeriesFault`]).

mod attributes;
mod folder;
mod header;
mod lengths;
mod open;
mod pixels;
mod segmentation;
mod series;

pub(crate) use folder::is_litter;
pub(crate) use open::{open_file, open_folder, read_image};
pub use series::SeriesFault;
