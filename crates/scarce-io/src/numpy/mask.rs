//! Arrays for NumPy.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use ndarray::{Array3, ArrayBase, Data, Dimension};
use ndarray_npy::{ReadNpyExt as _, WriteNpyExt as _};

use crate::error::system;
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

/// Reads a three-dimensional boolean array.
///
/// # Errors
/// [`IoError::System`] when there is no such file, [`IoError::Table`] when it holds another array.
pub fn read_npy_bool3(path: &Path) -> Result<Array3<bool>, IoError> {
    let file = File::open(path).map_err(system("cannot open", path))?;
    Array3::read_npy(BufReader::new(file)).map_err(|error| IoError::Table {
        message: error.to_string(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_come_back_and_every_prefix_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.npy");
        let masks = Array3::from_shape_fn((2, 3, 4), |(k, y, x)| (k + y * x) % 2 == 0);
        write_npy_bool(&path, &masks).unwrap();
        assert_eq!(read_npy_bool3(&path).unwrap(), masks);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(
                read_npy_bool3(&path).is_err(),
                "{length} bytes were accepted"
            );
        }
    }
}
