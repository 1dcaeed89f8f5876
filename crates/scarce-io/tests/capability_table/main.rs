//! The table in the crate's documentation says what is so: every type and compression that it lists is
//! read, and no other of those that can be made here.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../dicom/slice.rs"]
mod slice;

mod claims;
mod files;

use std::collections::BTreeSet;

use ndarray::{Array2, Array3};
use scarce_image::{Geometry, Volume};
use scarce_io::{ReadOptions, read_volume_with, write_label_map, write_png_grey16, write_volume};

use claims::CLAIMS;
use files::{COMPRESSIONS, Example, KINDS, SHAPE_ZYX, examples};

/// A row of the table.
struct Row {
    format: String,
    read: bool,
    written: bool,
    /// Types of numbers, and what else stands beside them.
    kinds: Vec<String>,
    compressions: Vec<String>,
}

fn table() -> Vec<Row> {
    let documentation = include_str!("../../src/lib.rs");
    let lines = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "));
    let mut rows: Vec<Row> = Vec::new();
    for line in lines.filter(|line| !line.starts_with("format") && !line.starts_with("---")) {
        let cells: Vec<&str> = line
            .trim_end_matches('|')
            .split(" | ")
            .map(str::trim)
            .collect();
        let [format, read, written, kinds, compressions] = cells[..] else {
            panic!("{line}");
        };
        let said = |cell: &str| match cell {
            "yes" => true,
            "no" => false,
            other => panic!("{other:?} in {line}"),
        };
        let of_other = |other: &str| {
            let row = rows.iter().find(|row| row.format == other);
            row.unwrap_or_else(|| panic!("{other} in {line}"))
                .kinds
                .clone()
        };
        let expanded = |phrase: &str| -> Vec<String> {
            if let Some(other) = phrase.strip_prefix("as ") {
                return of_other(other);
            }
            let Some(widest) = phrase.strip_prefix("int and uint 8–") else {
                return vec![phrase.to_owned()];
            };
            let widest: u32 = widest.parse().unwrap();
            let widths = [8, 16, 32, 64].into_iter().filter(|bits| *bits <= widest);
            widths
                .flat_map(|bits| [format!("int{bits}"), format!("uint{bits}")])
                .collect()
        };
        rows.push(Row {
            format: format.to_owned(),
            read: said(read),
            written: said(written),
            kinds: kinds
                .split([',', ';'])
                .flat_map(|phrase| expanded(phrase.trim()))
                .collect(),
            compressions: compressions.split(", ").map(str::to_owned).collect(),
        });
    }
    assert!(rows.len() > 10, "the table is not where it was");
    rows
}

/// Voxels of the examples: 0 to 59, or 0 and 1.
fn is_counted(volume: &Volume<f32>, kind: &str) -> bool {
    let modulus = if ["bool", "single bits"].contains(&kind) {
        2
    } else {
        60
    };
    let mut voxels = volume.voxels().iter().enumerate();
    volume.shape_zyx() == SHAPE_ZYX && voxels.all(|(k, voxel)| *voxel == (k % modulus) as f32)
}

#[test]
fn what_is_listed_is_read_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut n_files = 0;
    for row in table().iter().filter(|row| row.read) {
        let (mut kinds_read, mut compressions_read) = (BTreeSet::new(), BTreeSet::new());
        for kind in KINDS {
            for compression in COMPRESSIONS {
                let Some(example) = examples(&row.format, kind, compression, folder.path()) else {
                    continue;
                };
                n_files += 1;
                let Example {
                    path,
                    options,
                    counted,
                } = example;
                let listed = row.kinds.iter().any(|listed| listed == kind)
                    && row.compressions.iter().any(|listed| listed == compression);
                let what = format!("{}: {kind}, {compression}", row.format);
                match read_volume_with(&path, &options) {
                    Ok(loaded) => {
                        assert!(listed, "{what} is read and not listed");
                        assert!(!counted || is_counted(&loaded.value, kind), "{what}");
                        kinds_read.insert(kind);
                        compressions_read.insert(compression);
                    }
                    Err(error) => assert!(!listed, "{what} is listed: {error}"),
                }
            }
        }
        for listed in row
            .kinds
            .iter()
            .filter(|listed| KINDS.contains(&listed.as_str()))
        {
            assert!(
                kinds_read.contains(&listed.as_str()),
                "{}: no {listed}",
                row.format
            );
        }
        // What pictures are compressed by is their format's own.
        for listed in row
            .compressions
            .iter()
            .filter(|listed| !listed.ends_with("'s"))
        {
            let read = compressions_read.contains(&listed.as_str());
            let claimed = CLAIMS
                .iter()
                .any(|(format, claim, _)| *format == row.format && claim == listed);
            assert!(read || claimed, "{}: no {listed}", row.format);
        }
    }
    assert!(n_files > 100, "{n_files}");
}

#[test]
fn what_stands_beside_the_types_is_so() {
    let rows = table();
    for row in &rows {
        for claim in row
            .kinds
            .iter()
            .filter(|kind| !KINDS.contains(&kind.as_str()))
        {
            let known = CLAIMS
                .iter()
                .any(|(format, known, _)| *format == row.format && known == claim);
            assert!(known, "{}: {claim} is claimed and not checked", row.format);
        }
    }
    for (format, claim, holds) in CLAIMS {
        let row = rows.iter().find(|row| row.format == *format).unwrap();
        let listed = row
            .kinds
            .iter()
            .chain(&row.compressions)
            .any(|listed| listed == claim);
        assert!(listed, "{format}: {claim} is checked and not claimed");
        let folder = tempfile::tempdir().unwrap();
        assert!(holds(folder.path()), "{format}: {claim}");
    }
}

/// Names to write to, by format.
const WRITTEN: [(&str, &str); 14] = [
    ("NIfTI-1", "a.nii.gz"),
    ("NIfTI-1 pair", "a.hdr"),
    ("NIfTI-2", "a.nii2"),
    ("NRRD", "a.nrrd"),
    ("NRRD detached", "a.nhdr"),
    ("`MetaImage`", "a.mha"),
    ("DICOM", "a.dcm"),
    ("HDF5", "a.h5"),
    ("NPY", "a.npy"),
    ("NPZ", "a.npz"),
    ("safetensors", "a.safetensors"),
    ("PNG", "a.png"),
    ("JPEG", "a.jpg"),
    ("TIFF", "a.tif"),
];

#[test]
fn what_is_written_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap();
    let volume = Volume::new(Array3::<f32>::zeros(SHAPE_ZYX), geometry);
    for row in table() {
        let name = WRITTEN
            .iter()
            .find(|(format, _)| *format == row.format)
            .unwrap()
            .1;
        let path = folder.path().join(name);
        if row.format == "PNG" {
            write_png_grey16(&path, Array2::zeros((3, 4)).view()).unwrap();
            assert!(row.written);
            continue;
        }
        let of_labels = |label: u16| write_label_map(&path, &volume.map(|_| label));
        for written in [
            write_volume(&path, &volume),
            of_labels(255),
            of_labels(65535),
        ] {
            assert_eq!(
                written.is_ok(),
                row.written,
                "{}: {:?}",
                row.format,
                written.err()
            );
        }
        if row.written && row.read {
            assert!(
                read_volume_with(&path, &ReadOptions::default()).is_ok(),
                "{}",
                row.format
            );
        }
    }
}
