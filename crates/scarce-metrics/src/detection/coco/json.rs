//! JSON read at full speed, and once more where it is wrong, to say where.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CocoError, Record, Segmentation};

/// Reads `file` from its bytes.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], file: &'static str) -> Result<T, CocoError> {
    serde_json::from_slice(bytes).map_err(|first| {
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let (path, error) = match serde_path_to_error::deserialize::<_, T>(&mut json) {
            Err(error) => (error.path().to_string(), error.into_inner()),
            // What is wrong comes after the value.
            Ok(_) => (".".to_owned(), first),
        };
        let message = match literal(bytes, &error) {
            Some(word) => format!("{word} is no finite number ({error})"),
            None => error.to_string(),
        };
        CocoError::Json {
            file,
            path,
            message,
        }
    })
}

/// Python's `NaN` or `Infinity` where the reader stumbled.
fn literal(bytes: &[u8], error: &serde_json::Error) -> Option<&'static str> {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .nth(error.line().checked_sub(1)?)?;
    // Columns are counted from 1, and a number's sign has been read by then.
    let at = line.get(error.column().saturating_sub(2)..)?;
    ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| {
        at.starts_with(word.as_bytes())
            || at
                .get(1..)
                .is_some_and(|at| at.starts_with(word.as_bytes()))
    })
}

/// Writes what has been checked.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    file: &'static str,
) -> Result<String, CocoError> {
    serde_json::to_string(value).map_err(|error| CocoError::Json {
        file,
        path: ".".to_owned(),
        message: error.to_string(),
    })
}

/// Refuses a polygon's number that would be written as `null`.
pub(super) fn check_outline(outline: Option<&Segmentation>, at: Record) -> Result<(), CocoError> {
    let Some(Segmentation::Polygons(polygons)) = outline else {
        return Ok(());
    };
    match polygons.iter().flatten().find(|v| !v.is_finite()) {
        None => Ok(()),
        Some(got) => Err(CocoError::NotFinite {
            at,
            field: "segmentation",
            got: *got,
        }),
    }
}
