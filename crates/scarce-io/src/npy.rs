//! Arrays for NumPy.

use std::io;
use std::path::Path;

use ndarray::{ArrayBase, Data, Dimension};
use ndarray_npy::WriteNpyExt as _;

use crate::{IoError, write_atomic};

/// Writes a boolean array.
///
/// # Errors
/// [`IoError::System`].
pub fn write_npy_bool<S: Data<Elem = bool>, D: Dimension>(
    path: &Path,
    array: &ArrayBase<S, D>,
) -> Result<(), IoError> {
    write_atomic(path, |file| array.write_npy(file).map_err(io::Error::other))
}

/// Writes an array of 32-bit floats.
///
/// # Errors
/// [`IoError::System`].
pub fn write_npy_f32<S: Data<Elem = f32>, D: Dimension>(
    path: &Path,
    array: &ArrayBase<S, D>,
) -> Result<(), IoError> {
    write_atomic(path, |file| array.write_npy(file).map_err(io::Error::other))
}
