//! Readers and writers for medical images: the whole truth or an error.
//!
//! Formats are found by content, not by name. A reader returns every voxel the header tells of, with
//! its geometry in RAS mm, or an [`IoError`] that names the fault and the file: truncation, a wrong
//! checksum, data beyond the end, a budget passed, voxels that are not finite. Writers are atomic.
//!
//! | format | read | written | types | compression |
//! | --- | --- | --- | --- | --- |
//! | NIfTI-1, one file | yes | yes | int and uint 8–64, float32, float64; written: uint8, uint16, float32 | none, gzip (several members too) |
//! | NRRD, attached, 3-D | yes | no | int and uint 8–64, float32, float64 | raw, gzip |
//! | PNG | yes | 8-bit grey and RGB | 8 and 16 bits; grey, RGB | PNG's |
//! | JPEG | yes | no | 8 bits; grey, RGB | JPEG's |
//! | NPY | 3-D | yes | bool | none |
//!
//! NIfTI-2, `.hdr`/`.img` pairs, series of volumes, detached NRRD and pictures with transparency are
//! refused by name.

mod atomic;
mod cache;
mod dataset;
mod dicom;
mod error;
mod file_info;
mod format;
mod hdf5;
mod label_names;
mod metaimage;
mod nifti;
mod nrrd;
mod numpy;
mod options;
mod picture;
mod provenance;
mod read;
mod slices;
mod stored;
mod tensors;
mod verify;
mod write;

pub use atomic::write_atomic;
pub use cache::{CachedVolume, VolumeCache};
pub use dataset::{
    Leak, Manifest, ManifestCase, ManifestLabel, Part, Shares, Split, leaks, read_manifest,
    split_by_patient,
};
pub use dicom::SeriesFault;
pub use error::IoError;
pub use file_info::{FileInfo, info};
pub use format::Format;
pub use label_names::read_label_names;
pub use numpy::{read_npy_bool3, write_npy_bool};
pub use options::{NonFinitePolicy, ReadOptions};
pub use picture::{read_image, read_image_with, write_png_grey16, write_png_rgb};
pub use provenance::{Loaded, Provenance, Warning};
pub use read::{read_label_map, read_label_map_with, read_volume, read_volume_with};
pub use slices::{SliceStream, VolumeSlice, stream_slices};
pub use verify::{Fault, FileReport, Place, Status, VerifyReport, verify};
pub use write::{write_label_map, write_mask, write_volume};
