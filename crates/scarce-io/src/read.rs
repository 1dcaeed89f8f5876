//! Volumes and label maps from files and folders, the format found by content.

use std::path::Path;

use ndarray::Array3;
use scarce_image::{LabelMap, Volume};

use crate::content::open_stream;
use crate::error::At;
use crate::opened::{Opened, Voxels, Wanted};
use crate::{
    Format, IoError, Loaded, ReadOptions, dicom, hdf5, metaimage, nifti, nrrd, numpy, picture,
};

/// Reads a volume in `(z, y, x)` order, slope and intercept applied: a file, or a folder with one
/// DICOM series. Reservations are logged; [`read_volume_with`] returns them.
///
/// # Errors
/// [`IoError`]: never a volume that is not the whole of what the file says.
pub fn read_volume(path: &Path) -> Result<Volume<f32>, IoError> {
    read_volume_with(path, &ReadOptions::default()).map(Loaded::into_logged)
}

/// [`read_volume`] with options, and with the provenance.
///
/// # Errors
/// As [`read_volume`].
pub fn read_volume_with(
    path: &Path,
    options: &ReadOptions,
) -> Result<Loaded<Volume<f32>>, IoError> {
    let mut opened = open(path, options, Wanted::Values)?;
    let placeholder = Voxels::Labels(Array3::default((0, 0, 0)));
    let voxels = match std::mem::replace(&mut opened.voxels, placeholder) {
        Voxels::Stream(layout, mut data) => {
            layout.volume(&mut data, options, &mut opened.warnings, path)?
        }
        Voxels::Values(values) => values,
        Voxels::Labels(labels) => labels.mapv(f32::from),
    };
    Ok(Loaded {
        value: Volume::new(voxels, opened.geometry),
        provenance: opened.provenance(),
    })
}

/// Reads a label map: a file, a DICOM segmentation, or a folder with one series of labels.
///
/// # Errors
/// As [`read_volume`], and [`IoError::Label`] for a value that is no integer from 0 to 65535.
pub fn read_label_map(path: &Path) -> Result<LabelMap, IoError> {
    read_label_map_with(path, &ReadOptions::default()).map(Loaded::into_logged)
}

/// [`read_label_map`] with options, and with the provenance.
///
/// # Errors
/// As [`read_label_map`].
pub fn read_label_map_with(
    path: &Path,
    options: &ReadOptions,
) -> Result<Loaded<LabelMap>, IoError> {
    let mut opened = open(path, options, Wanted::Labels)?;
    let placeholder = Voxels::Labels(Array3::default((0, 0, 0)));
    let voxels = match std::mem::replace(&mut opened.voxels, placeholder) {
        Voxels::Stream(layout, mut data) => layout.labels(&mut data, options, path)?,
        Voxels::Values(values) => labels_from_values(&values, path)?,
        Voxels::Labels(labels) => labels,
    };
    Ok(Loaded {
        value: LabelMap::new(voxels, opened.geometry),
        provenance: opened.provenance(),
    })
}

fn labels_from_values(values: &Array3<f32>, path: &Path) -> Result<Array3<u16>, IoError> {
    let no_label = |v: &f32| !((0.0..=65535.0).contains(v) && v.fract() == 0.0);
    match values.indexed_iter().find(|(_, v)| no_label(v)) {
        Some(((z, y, x), value)) => Err(IoError::Label {
            value: f64::from(*value),
            at_zyx: [z, y, x],
            path: path.to_owned(),
        }),
        None => Ok(values.mapv(|v| v as u16)),
    }
}

/// Understands a file's header or a folder's series.
pub(crate) fn open(path: &Path, options: &ReadOptions, wanted: Wanted) -> Result<Opened, IoError> {
    if path.is_dir() {
        return dicom::open_folder(path, options);
    }
    let (start, compressed, stream) = open_stream(path)?;
    let at = At(path);
    match Format::of_content(&start) {
        Some(Format::Nifti1 | Format::Nifti2) => nifti::open(stream, compressed, path),
        // The voxels of a pair have no magic of their own.
        _ if nifti::is_voxel_file_of_pair(path) => nifti::open_pair_by_voxel_file(path),
        Some(Format::Nrrd) => nrrd::open(stream, compressed, path),
        Some(Format::MetaImage) => metaimage::open(stream, compressed, path),
        Some(Format::Npy) => numpy::open_npy(stream, compressed, options, path),
        Some(format) if compressed => Err(at.unsupported(format!("{} inside gzip", format.name()))),
        Some(Format::Dicom) => dicom::open_file(path, options),
        Some(Format::Hdf5) => hdf5::open(path, options, wanted),
        Some(Format::Npz) => numpy::open_npz(path, options, wanted),
        Some(Format::Png | Format::Jpeg | Format::Tiff) => picture::open_as_volume(path, options),
        None if start.is_empty() => Err(at.truncated("header", 4, 0)),
        None => Err(IoError::UnknownFormat {
            expected: "NIfTI, NRRD, MetaImage, DICOM, HDF5, NPY, NPZ, PNG, JPEG or TIFF",
            path: path.to_owned(),
        }),
    }
}
