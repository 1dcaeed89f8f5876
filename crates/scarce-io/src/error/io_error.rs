//! The error of every reader and writer.

use std::path::PathBuf;

use scarce_image::GeometryError;
use thiserror::Error;

use super::SeriesFault;

/// Why a file was not read or written. The path comes last in every message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IoError {
    /// The operating system refused.
    #[error("{what}: {source}: {}", path.display())]
    System {
        /// What was attempted.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The content is of no format that is known here.
    #[error("unknown format: expected {expected}: {}", path.display())]
    UnknownFormat {
        /// The formats that were looked for.
        expected: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The format is known, this use of it is not read.
    #[error("{what} is not supported: {}", path.display())]
    Unsupported {
        /// What the file asks for.
        what: String,
        /// The file.
        path: PathBuf,
    },
    /// A header field is missing or makes no sense.
    #[error("header field {field}: expected {expected}, got {got}: {}", path.display())]
    Header {
        /// The field's name in its format.
        field: String,
        /// What would be right.
        expected: &'static str,
        /// What is there.
        got: String,
        /// The file.
        path: PathBuf,
    },
    /// The file ends before its data do.
    #[error("truncated: expected {expected} bytes of {what}, got {got}: {}", path.display())]
    Truncated {
        /// Which part.
        what: &'static str,
        /// Bytes it should have.
        expected: u64,
        /// Bytes that are there.
        got: u64,
        /// The file.
        path: PathBuf,
    },
    /// There is more in the file than its header tells.
    #[error("data go on beyond the {expected} bytes that the header tells: {}", path.display())]
    Trailing {
        /// Bytes the header tells.
        expected: u64,
        /// The file.
        path: PathBuf,
    },
    /// The compressed stream is damaged: a wrong checksum, length or code.
    #[error("damaged stream ({message}): {}", path.display())]
    Compression {
        /// What the decoder said.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The data would need more memory than allowed.
    #[error("needs {needed} bytes, the budget is {budget}: {}", path.display())]
    Budget {
        /// Bytes the header asks for.
        needed: u128,
        /// Bytes allowed.
        budget: u64,
        /// The file.
        path: PathBuf,
    },
    /// Some voxels are NaN or infinite.
    #[error("{count} voxels are not finite, the first at (z, y, x) = {first_zyx:?}: {}", path.display())]
    NonFinite {
        /// How many.
        count: usize,
        /// The first of them.
        first_zyx: [usize; 3],
        /// The file.
        path: PathBuf,
    },
    /// A voxel of a label map is no label.
    #[error("label {value} at (z, y, x) = {at_zyx:?}: expected an integer from 0 to 65535: {}", path.display())]
    Label {
        /// What is there.
        value: f64,
        /// Where.
        at_zyx: [usize; 3],
        /// The file.
        path: PathBuf,
    },
    /// The voxels lie nowhere.
    #[error("geometry: {source}: {}", path.display())]
    Geometry {
        /// Why.
        source: GeometryError,
        /// The file.
        path: PathBuf,
    },
    /// A DICOM object cannot be parsed or decoded.
    #[error("DICOM: {message}: {}", path.display())]
    Dicom {
        /// What is wrong with it.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// The files of a DICOM series make no volume.
    #[error("DICOM series: {fault}: {}", path.display())]
    Series {
        /// Why.
        fault: SeriesFault,
        /// The folder or the first file.
        path: PathBuf,
    },
    /// An HDF5 file cannot be read.
    #[error("HDF5: {message}: {}", path.display())]
    Hdf5 {
        /// What is wrong with it.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of several volumes was read without saying which one is meant, or beyond its last.
    #[error("holds {frames} volumes, volume {asked} was asked for (ReadOptions::with_frame): {}", path.display())]
    Frame {
        /// How many there are.
        frames: usize,
        /// What was asked for: a number from 0, or `none`.
        asked: String,
        /// The file.
        path: PathBuf,
    },
    /// A data set contradicts itself: a manifest, its files, a split.
    #[error("data set: {message}: {}", path.display())]
    Dataset {
        /// What is wrong with it.
        message: String,
        /// The manifest or folder.
        path: PathBuf,
    },
    /// A picture cannot be decoded or encoded.
    #[error("picture: {message}: {}", path.display())]
    Picture {
        /// What the codec said.
        message: String,
        /// The file.
        path: PathBuf,
    },
    /// A table cannot be used.
    #[error("table: {message}: {}", path.display())]
    Table {
        /// What is wrong with it.
        message: String,
        /// The file.
        path: PathBuf,
    },
}

impl IoError {
    /// A short, stable name of the fault, for reports that scripts read.
    pub fn code(&self) -> &'static str {
        match self {
            Self::System { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "missing"
            }
            Self::System { .. } => "system",
            Self::UnknownFormat { .. } => "unknown-format",
            Self::Unsupported { .. } => "unsupported",
            Self::Header { .. } => "header",
            Self::Truncated { .. } => "truncated",
            Self::Trailing { .. } => "trailing",
            Self::Compression { .. } => "compression",
            Self::Budget { .. } => "budget",
            Self::NonFinite { .. } => "non-finite",
            Self::Label { .. } => "label",
            Self::Geometry { .. } => "geometry",
            Self::Dicom { .. } => "dicom",
            Self::Series { fault, .. } => fault.code(),
            Self::Hdf5 { .. } => "hdf5",
            Self::Frame { .. } => "frame",
            Self::Dataset { .. } => "data-set",
            Self::Picture { .. } => "picture",
            Self::Table { .. } => "table",
        }
    }
}
