//! What the values of a label map are called.

use std::collections::BTreeMap;
use std::path::Path;

use crate::opened::Wanted;
use crate::read::open;
use crate::{IoError, ReadOptions};

/// Reads names by label: from a CSV with a column `id`, `label` or `value` and a column `name` or
/// `structure`, or from a `.seg.nrrd`.
///
/// # Errors
/// [`IoError::Table`] for missing columns, labels that are no integers or come twice, and files
/// without any name.
pub fn read_label_names(path: &Path) -> Result<BTreeMap<u16, String>, IoError> {
    let fault = |message: String| IoError::Table {
        message,
        path: path.to_owned(),
    };
    let is_csv = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    if !is_csv {
        let names = open(path, &ReadOptions::default(), Wanted::Labels)?.label_names;
        return if names.is_empty() {
            Err(fault(
                "the label map carries no names; give them as a CSV".to_owned(),
            ))
        } else {
            Ok(names)
        };
    }
    let mut table = csv::Reader::from_path(path).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(source) => IoError::System {
            what: "cannot open",
            source,
            path: path.to_owned(),
        },
        other => fault(format!("{other:?}")),
    })?;
    let header = table
        .headers()
        .map_err(|error| fault(error.to_string()))?
        .clone();
    let column = |wanted: &[&str]| {
        header
            .iter()
            .position(|name| wanted.contains(&name.trim().to_lowercase().as_str()))
            .ok_or_else(|| fault(format!("expected a column {}", wanted.join(" or "))))
    };
    let (id, name) = (
        column(&["id", "label", "value"])?,
        column(&["name", "structure"])?,
    );
    let mut names = BTreeMap::new();
    for (row, record) in table.records().enumerate() {
        let record = record.map_err(|error| fault(error.to_string()))?;
        let cell = |column: usize| record.get(column).unwrap_or_default().trim();
        let label = cell(id).parse().map_err(|_| {
            fault(format!(
                "row {}: label {:?} is no integer from 0 to 65535",
                row + 2,
                cell(id)
            ))
        })?;
        if names.insert(label, cell(name).to_owned()).is_some() {
            return Err(fault(format!("row {}: label {label} comes twice", row + 2)));
        }
    }
    if names.is_empty() {
        return Err(fault("there is no name in it".to_owned()));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<BTreeMap<u16, String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names.csv");
        std::fs::write(&path, text).unwrap();
        read_label_names(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_names_or_says_why_not() {
        let expected = BTreeMap::from([(1, "spleen".to_owned()), (51, "heart".to_owned())]);
        assert_eq!(
            check("group,structure,id\norgans,spleen,1\norgans,heart,51\n"),
            Ok(expected)
        );
        for (text, part) in [
            (
                "structure,number\nspleen,1\n",
                "expected a column id or label or value",
            ),
            ("id,name\none,spleen\n", "row 2: label \"one\""),
            ("id,name\n1,spleen\n1,liver\n", "row 3: label 1 comes twice"),
            ("id,name\n", "there is no name in it"),
        ] {
            let message = check(text).unwrap_err();
            assert!(message.contains(part), "{message:?} lacks {part:?}");
        }
    }
}
