//! Formats, told apart by content.

use std::path::Path;

use serde::Serialize;

use crate::IoError;
use crate::content::open_stream;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// NIfTI-1, one file or a pair.
    #[serde(rename = "nifti-1")]
    Nifti1,
    /// NIfTI-2, one file or a pair.
    #[serde(rename = "nifti-2")]
    Nifti2,
    /// NRRD, attached or detached, segmentations included.
    Nrrd,
    /// `MetaImage`, attached or detached.
    MetaImage,
    /// DICOM: a series of files, a multi-frame object, a segmentation.
    Dicom,
    /// HDF5.
    Hdf5,
    /// `NumPy`'s array file.
    Npy,
    /// `NumPy`'s archive of arrays.
    Npz,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF.
    Tiff,
}

/// How many of a file's first bytes tell its format.
pub(crate) const SNIFFED_BYTES: usize = 132;

impl Format {
    /// The format of a file by its first bytes, looked at through gzip; none for a folder and for what is not known.
    ///
    /// # Errors
    /// [`IoError::System`] when the file cannot be read.
    pub fn of_file(path: &Path) -> Result<Option<Self>, IoError> {
        if path.is_dir() {
            return Ok(None);
        }
        open_stream(path).map(|(start, ..)| Self::of_content(&start))
    }

    /// The format of a file that starts with `start`; gzip is looked through by the caller.
    pub(crate) fn of_content(start: &[u8]) -> Option<Self> {
        let begins = |magic: &[u8]| start.starts_with(magic);
        let size = start.first_chunk::<4>().copied();
        let header_of = |bytes: i32| {
            size.is_some_and(|size| [bytes.to_le_bytes(), bytes.to_be_bytes()].contains(&size))
        };
        Some(if begins(b"NRRD000") {
            Self::Nrrd
        } else if start.get(128..132) == Some(b"DICM") || begins(b"\x02\x00\x00\x00UL\x04\x00") {
            Self::Dicom
        } else if begins(b"\x89HDF\r\n\x1a\n") {
            Self::Hdf5
        } else if begins(b"\x93NUMPY") {
            Self::Npy
        } else if begins(b"PK\x03\x04") {
            Self::Npz
        } else if begins(b"\x89PNG\r\n\x1a\n") {
            Self::Png
        } else if begins(b"\xff\xd8\xff") {
            Self::Jpeg
        } else if begins(b"II*\0") || begins(b"MM\0*") {
            Self::Tiff
        } else if header_of(348) {
            Self::Nifti1
        } else if header_of(540) {
            Self::Nifti2
        } else if is_meta_image(start) {
            Self::MetaImage
        } else {
            return None;
        })
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nifti1 => "nifti-1",
            Self::Nifti2 => "nifti-2",
            Self::Nrrd => "nrrd",
            Self::MetaImage => "meta-image",
            Self::Dicom => "dicom",
            Self::Hdf5 => "hdf5",
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Tiff => "tiff",
        }
    }

    /// Whether it holds pictures rather than volumes.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Tiff)
    }
}

/// A text of `key = value` lines of which the first is a key of `MetaIO`.
fn is_meta_image(start: &[u8]) -> bool {
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    let key = line.split(|b| *b == b'=').next().unwrap_or_default();
    line.contains(&b'=')
        && [&b"ObjectType"[..], b"NDims", b"Comment", b"ObjectSubType"].contains(&key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_formats_by_their_first_bytes() {
        let mut dicom = vec![0; 128];
        dicom.extend(b"DICM");
        for (start, expected) in [
            (&b"\x5c\x01\x00\x00"[..], Some(Format::Nifti1)),
            (b"\x00\x00\x01\x5c", Some(Format::Nifti1)),
            (b"\x1c\x02\x00\x00", Some(Format::Nifti2)),
            (b"NRRD0005\n", Some(Format::Nrrd)),
            (b"ObjectType = Image\nNDims = 3", Some(Format::MetaImage)),
            (b"NDims=3", Some(Format::MetaImage)),
            (&dicom, Some(Format::Dicom)),
            (b"\x93NUMPY\x01\x00", Some(Format::Npy)),
            (b"\x89HDF\r\n\x1a\n", Some(Format::Hdf5)),
            (b"II*\0", Some(Format::Tiff)),
            (b"ObjectType", None),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(Format::of_content(start), expected, "{start:?}");
        }
    }
}
