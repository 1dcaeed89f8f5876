//! DICOM: series of files, multi-frame objects, segmentations, single images.
//!
//! Slices are ordered by their position along the normal of the slices, never by number or name. A
//! missing or duplicate slice, two series in one folder, slices that differ in size, spacing or
//! orientation are errors ([`SeriesFault`]).

mod attributes;
mod folder;
mod header;
mod open;
mod parse;
mod pixels;
mod rle;
mod segmentation;
mod series;
mod streams;
mod walk;

pub(crate) use folder::{Series, gather, is_litter, open_folder};
pub(crate) use open::{open_file, read_image};
pub use series::SeriesFault;
