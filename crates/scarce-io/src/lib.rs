//! Readers and writers for medical images: the whole truth or an error.
//!
//! Formats are found by content, not by name. A reader returns every voxel the header tells of, with
//! its geometry in RAS mm, or an [`IoError`] that names the fault and the file: truncation, a wrong
//! checksum, data beyond the end, missing or duplicate slices, a budget passed, voxels that are not
//! finite. What a user should know of a file that is whole comes as [`Warning`]s in its
//! [`Provenance`]. Writers are atomic.
//!
//! | format | read | written | types | compression |
//! | --- | --- | --- | --- | --- |
//! | NIfTI-1 | yes | yes | int and uint 8–64, float32, float64 | none, gzip, gzip of several members |
//! | NIfTI-1 pair | yes | no | as NIfTI-1 | none, gzip, gzip of several members |
//! | NIfTI-2 | yes | no | as NIfTI-1 | none, gzip, gzip of several members |
//! | NRRD | yes | yes | int and uint 8–64, float32, float64; segment names | raw, gzip |
//! | NRRD detached | yes | no | as NRRD | raw, gzip |
//! | `MetaImage` | yes | no | int and uint 8–64, float32, float64 | none, zlib |
//! | DICOM | yes | no | int and uint 8–32, float32, float64, single bits; grey, RGB, YBR; segmentations | none, deflate, RLE, JPEG (8-bit and lossless), JPEG-LS (grey), JPEG 2000 |
//! | HDF5 | yes | no | int and uint 8–64, float32, float64; 3-D | none, gzip, shuffle |
//! | NPY | yes | yes | bool, int and uint 8–64, float32, float64; 2-D, 3-D | none |
//! | NPZ | yes | no | as NPY | none, deflate |
//! | safetensors | no | yes | uint8, uint16, float32 | none |
//! | PNG | yes | yes | 8 and 16 bits; grey, RGB | PNG's |
//! | JPEG | yes | no | 8 bits; grey, RGB | JPEG's |
//! | TIFF | yes | no | 8 and 16 bits, float32 RGB; grey, RGB; one page | none, LZW, deflate, packbits |
//!
//! Volumes are held as float32: longer integers that it rounds are counted in a warning, and label maps
//! are read as integers. Written are uint8, uint16 and float32. Refused by name: Analyze 7.5; single
//! bits, complex numbers, 128-bit floats and colours in NIfTI; NRRD and `MetaImage` over several files;
//! JPEG-LS of colours, JPEG XL, 12-bit JPEG, palettes and modality look-up tables in DICOM; pictures with
//! transparency or of four inks, TIFF of several pages.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use scarce_io::{ReadOptions, read_volume_with};
//!
//! // A file of any format, or a folder with one DICOM series.
//! let scan = read_volume_with(Path::new("scans/patient-1"), &ReadOptions::default())?;
//! for warning in &scan.provenance.warnings {
//!     eprintln!("{}: {}", warning.code, warning.message);
//! }
//! println!("{:?} at {:?} mm", scan.value.shape_zyx(), scan.value.geometry().spacing_mm_xyz());
//! # Ok::<(), scarce_io::IoError>(())
//! ```

mod atomic;
mod cache;
mod codestream;
mod content;
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
mod opened;
mod options;
mod outgoing;
mod picture;
mod provenance;
mod read;
mod slices;
mod stored;
mod tensors;
mod text_paths;
mod verify;
mod write;

pub use atomic::write_atomic;
pub use cache::{CachedVolume, VolumeCache};
pub use dataset::{
    CasesFrom, FewLabels, Leak, Manifest, ManifestCase, ManifestLabel, Outline, OutlinedFile, Part,
    Pick, PinnedFile, Shares, Split, SplitImage, content_hash, ids_in, leaks, read_manifest,
    read_via, split_by_content, split_by_patient,
};
pub use error::{IoError, SeriesFault};
pub use file_info::{FileInfo, info};
pub use format::Format;
pub use label_names::read_label_names;
pub use numpy::{read_npy_bool3, write_npy_bool};
pub use options::{NonFinitePolicy, ReadOptions};
pub use picture::{read_image, read_image_with, write_png_grey, write_png_grey16, write_png_rgb};
pub use provenance::{Loaded, Provenance, Warning};
pub use read::{read_label_map, read_label_map_with, read_volume, read_volume_with};
pub use slices::{SliceStream, VolumeSlice, stream_slices};
pub use verify::{Fault, FileReport, Place, Status, VerifyReport, image_stem, images_in, verify};
pub use write::{write_label_map, write_mask, write_volume};
