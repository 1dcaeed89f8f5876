//! Volumes inside HDF5, laid out as the left-atrium set of semi-supervised segmentation is: `image`
//! and `label`, axes `(x, y, z)`, no geometry.

use std::path::Path;

use hdf5_reader::error::Error;
use hdf5_reader::{Dataset, Datatype, Hdf5File, OpenOptions};
use ndarray::{ArrayD, Ix3};

use crate::content::read_whole;
use crate::error::At;
use crate::opened::{Opened, Voxels, Wanted, geometry_of_no_format};
use crate::provenance::Warnings;
use crate::stored::{NonFinite, ROUNDED};
use crate::{Format, IoError, ReadOptions};

pub(crate) fn open(path: &Path, options: &ReadOptions, wanted: Wanted) -> Result<Opened, IoError> {
    let at = At(path);
    // A file read whole into memory cannot change under the reader, and is never mapped.
    let bytes = read_whole(path, options)?;
    let length = bytes.len() as u64;
    let budget = usize::try_from(options.max_alloc_bytes).unwrap_or(usize::MAX);
    let limits = OpenOptions::default()
        .with_max_chunk_bytes(budget)
        .with_max_read_bytes(budget);
    let fault = |error: Error| hdf5_error(error, path);
    let file = Hdf5File::from_vec_with_options(bytes, limits).map_err(fault)?;
    let expected = file.superblock().eof_address;
    if expected > length {
        return Err(at.truncated("file", expected as usize, length as usize));
    }
    let name = options.dataset.as_deref().unwrap_or(match wanted {
        Wanted::Values => "image",
        Wanted::Labels => "label",
    });
    let dataset = file.dataset(name).map_err(fault)?;
    let [x, y, z] = match dataset.shape() {
        [x, y, z] if dataset.shape().iter().all(|n| (1..=1 << 31).contains(n)) => [*x, *y, *z],
        shape => return Err(at.unsupported(format!("an HDF5 array of shape {shape:?}"))),
    };
    let needed = u128::from(x) * u128::from(y) * u128::from(z) * 12;
    if needed > u128::from(options.max_alloc_bytes) {
        return Err(at.budget(needed, options.max_alloc_bytes));
    }
    let (stored_type, values, rounded) = read_values(&dataset).map_err(fault)?;
    let mut values = values
        .into_dimensionality::<Ix3>()
        .map_err(|error| hdf5_message(error.to_string(), path))?
        .reversed_axes()
        .as_standard_layout()
        .into_owned();
    let mut warnings = Warnings::default();
    if rounded > 0 {
        warnings.add_many("rounded", ROUNDED, rounded);
    }
    let mut non_finite = NonFinite::default();
    non_finite.note(values.as_slice().unwrap_or_default(), 0);
    non_finite.settle(&mut values, options.non_finite, &mut warnings, path)?;
    let geometry = geometry_of_no_format(options, &mut warnings, path)?;
    Ok(Opened {
        format: Format::Hdf5,
        compressed: dataset.chunks().is_some(),
        stored_type,
        shape_zyx: [z, y, x].map(|n| n as usize),
        frames: 1,
        geometry,
        voxels: Voxels::Values(values),
        label_names: std::collections::BTreeMap::new(),
        files: vec![path.to_owned()],
        warnings,
    })
}

/// The values, whichever number type they are stored as, and how many of them f32 rounds.
fn read_values(dataset: &Dataset) -> Result<(&'static str, ArrayD<f32>, usize), Error> {
    macro_rules! read {
        ($type:ty, $name:literal) => {
            dataset
                .read_array_parallel::<$type>()
                .map(|values| ($name, values.mapv(|v| v as f32), 0))
        };
    }
    macro_rules! read_long {
        ($type:ty, $name:literal) => {
            dataset.read_array_parallel::<$type>().map(|values| {
                let is_rounded = |v: &&$type| (**v as f32) as i128 != i128::from(**v);
                let rounded = values.iter().filter(is_rounded).count();
                ($name, values.mapv(|v| v as f32), rounded)
            })
        };
    }
    #[allow(
        clippy::cast_lossless,
        reason = "one macro serves types that are lossless and not"
    )]
    match dataset.dtype() {
        Datatype::FloatingPoint { size: 4, .. } => read!(f32, "float32"),
        Datatype::FloatingPoint { size: 8, .. } => read!(f64, "float64"),
        Datatype::FixedPoint { size, signed, .. } => match (size, signed) {
            (1, false) => read!(u8, "uint8"),
            (1, true) => read!(i8, "int8"),
            (2, false) => read!(u16, "uint16"),
            (2, true) => read!(i16, "int16"),
            (4, false) => read_long!(u32, "uint32"),
            (4, true) => read_long!(i32, "int32"),
            (8, false) => read_long!(u64, "uint64"),
            (8, true) => read_long!(i64, "int64"),
            _ => Err(no_number(dataset)),
        },
        _ => Err(no_number(dataset)),
    }
}

fn no_number(dataset: &Dataset) -> Error {
    Error::TypeMismatch {
        expected: "numbers of 8 to 64 bits".to_owned(),
        actual: format!("{:?}", dataset.dtype()),
    }
}

fn hdf5_error(error: Error, path: &Path) -> IoError {
    match error {
        Error::UnexpectedEof {
            needed, available, ..
        } => IoError::Truncated {
            what: "HDF5 structures",
            expected: needed,
            got: available,
            path: path.to_owned(),
        },
        Error::DatasetNotFound(name) => {
            At(path).header("datasets", "the name asked for", format!("no {name:?}"))
        }
        other => hdf5_message(other.to_string(), path),
    }
}

fn hdf5_message(message: String, path: &Path) -> IoError {
    IoError::Hdf5 {
        message,
        path: path.to_owned(),
    }
}
