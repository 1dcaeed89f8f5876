//! NIfTI-1 and NIfTI-2, in one file or as a pair, plain or gzipped.
//!
//! `nifti`'s parser reads version 1's header; version 2, data, geometry and scaling are our own, since
//! nifti 0.18 shifts voxels when `vox_offset` is not what it expects, takes a NaN slope at its word
//! and panics on some affines.

mod affine;
mod header;
mod read;
mod write;

pub(crate) use read::{is_voxel_file_of_pair, open, open_pair_by_voxel_file};
pub(crate) use write::write;
