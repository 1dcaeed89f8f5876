//! NIfTI-1 in one file, plain or gzipped.
//!
//! `nifti`'s header parser is used; data, geometry and scaling are our own, since nifti 0.18 shifts
//! voxels when `vox_offset` is not what it expects, takes a NaN slope at its word and panics on some
//! affines.

mod affine;
mod read;
mod write;

pub(crate) use read::{looks_like_header, read_layout};
pub use write::{write_label_map, write_mask, write_volume};
