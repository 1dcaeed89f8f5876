//! Volumes and label maps from files and folders, the format found by content.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};

use crate::error::{At, system};
use crate::format::SNIFFED_BYTES;
use crate::provenance::Warnings;
use crate::stored::{Layout, read_up_to};
use crate::{
    Format, IoError, Loaded, Provenance, ReadOptions, dicom, hdf5, metaimage, nifti, nrrd, numpy,
    picture,
};

/// What the caller makes of the voxels, for formats that hold both an image and its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Values,
    Labels,
}

/// A file whose header was understood, its voxels still to be read.
pub(crate) struct Opened {
    pub format: Format,
    pub compressed: bool,
    pub stored_type: &'static str,
    pub shape_zyx: [usize; 3],
    pub frames: usize,
    pub geometry: Geometry,
    pub voxels: Voxels,
    pub label_names: BTreeMap<u16, String>,
    pub files: Vec<PathBuf>,
    pub warnings: Warnings,
}

/// Where the voxels come from.
pub(crate) enum Voxels {
    /// One behind the other in a stream.
    Stream(Layout, Box<dyn Read + Send>),
    /// Decoded already.
    Values(Array3<f32>),
    /// Decoded already, and labels.
    Labels(Array3<u16>),
}

impl Opened {
    /// A file with a header and a stream of voxels behind it.
    pub(crate) fn stream(
        format: Format,
        compressed: bool,
        layout: Layout,
        data: Box<dyn Read + Send>,
        path: &Path,
    ) -> Self {
        let [x, y, z] = layout.shape_xyz;
        Self {
            format,
            compressed,
            stored_type: layout.stored.name(),
            shape_zyx: [z, y, x],
            frames: layout.frames,
            geometry: layout.geometry,
            voxels: Voxels::Stream(layout, data),
            label_names: BTreeMap::new(),
            files: vec![path.to_owned()],
            warnings: Warnings::default(),
        }
    }

    pub(crate) fn provenance(self) -> Provenance {
        Provenance {
            format: self.format,
            compressed: self.compressed,
            stored_type: self.stored_type,
            frames: self.frames,
            files: self.files,
            warnings: self.warnings.into_vec(),
        }
    }
}

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

/// A file's first bytes, whether it is gzipped, and its content from the start, inflated.
pub(crate) type Content = (Vec<u8>, bool, Box<dyn Read + Send>);

/// Opens a file, looking through gzip.
pub(crate) fn open_stream(path: &Path) -> Result<Content, IoError> {
    let file = File::open(path).map_err(system("cannot open", path))?;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let magic = read_up_to(&mut file, 2, path)?;
    let compressed = magic == [0x1f, 0x8b];
    let whole = Cursor::new(magic).chain(file);
    let mut content: Box<dyn Read + Send> = if compressed {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    };
    let start = read_up_to(&mut content, SNIFFED_BYTES, path)?;
    let content = Box::new(Cursor::new(start.clone()).chain(content));
    Ok((start, compressed, content))
}

/// The file that a header names as its own, which may lie in the header's folder or below it: a header
/// must not lead elsewhere on the disk.
pub(crate) fn file_beside(header: &Path, name: &str) -> Result<PathBuf, IoError> {
    let mut parts = Path::new(name).components();
    if parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(header.with_file_name(name));
    }
    let what = format!("a data file outside of the header's folder ({name:?})");
    Err(At(header).unsupported(what))
}

/// A file's bytes, if they are within the budget.
pub(crate) fn read_whole(path: &Path, options: &ReadOptions) -> Result<Vec<u8>, IoError> {
    let budget = options.max_alloc_bytes;
    let file = File::open(path).map_err(system("cannot open", path))?;
    let length = file.metadata().map_err(system("cannot open", path))?.len();
    if length > budget {
        return Err(At(path).budget(u128::from(length), budget));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // A file may grow while it is read.
    file.take(budget.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(system("cannot read", path))?;
    if bytes.len() as u64 > budget {
        return Err(At(path).budget(bytes.len() as u128, budget));
    }
    Ok(bytes)
}

/// Geometry for formats that tell none: the spacing asked for, or 1 mm with a warning.
pub(crate) fn geometry_of_no_format(
    options: &ReadOptions,
    warnings: &mut Warnings,
    path: &Path,
) -> Result<Geometry, IoError> {
    if options.spacing_mm_xyz.is_none() {
        warnings.add(
            "no-geometry",
            "the format tells no geometry; voxels are taken as 1 mm cubes",
        );
    }
    Geometry::from_spacing_mm_xyz(options.spacing_mm_xyz.unwrap_or([1.0; 3]))
        .map_err(|source| At(path).geometry(source))
}
