//! DICOM: series of files, multi-frame objects, segmentations, single images.
//!
//! Slices are ordered by their position along the normal of the slices, never by number or name. A
//! missing or duplicate slice, two series in one folder, slices that differ in size, spacing or
//! orientation are errors ([`crate::SeriesFault`]).

mod attributes;
mod building;
mod folder;
mod frames;
mod header;
mod image;
mod intensities;
mod object;
mod open;
mod parse;
mod pixels;
mod segmentation;
mod series;
mod source;
mod transfer_syntax;
mod walk;

pub(crate) use folder::{Series, gather, is_litter, open_folder};
pub(crate) use image::read_image;
pub(crate) use open::open_file;
