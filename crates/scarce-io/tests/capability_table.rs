//! The table in the crate's documentation says what is so.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use image::{DynamicImage, GrayImage};
use ndarray::Array3;
use scarce_image::{Geometry, Volume};
use scarce_io::{ReadOptions, read_image, read_volume_with, write_png_grey16, write_volume};

/// For each format a golden file, and a name to write to.
const EXAMPLES: [(&str, Option<&str>, Option<&str>); 14] = [
    ("NIfTI-1", Some("nifti1.nii"), Some("a.nii.gz")),
    ("NIfTI-1 pair", Some("pair.hdr"), Some("a.hdr")),
    ("NIfTI-2", Some("nifti2.nii.gz"), None),
    ("NRRD", Some("oblique.nrrd"), Some("a.nrrd")),
    ("NRRD detached", Some("detached.nhdr"), Some("a.nhdr")),
    ("`MetaImage`", Some("attached.mha"), Some("a.mha")),
    ("DICOM", Some("native.dcm"), Some("a.dcm")),
    ("HDF5", Some("volume.h5"), Some("a.h5")),
    ("NPY", Some("c-order.npy"), Some("a.npy")),
    ("NPZ", Some("arrays.npz"), Some("a.npz")),
    ("safetensors", None, Some("a.safetensors")),
    ("PNG", None, None),
    ("JPEG", None, None),
    ("TIFF", Some("grey16.tif"), Some("a.tif")),
];

fn table() -> BTreeMap<String, (bool, bool)> {
    let documentation = include_str!("../src/lib.rs");
    let rows = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "));
    rows.filter(|row| !row.starts_with("format") && !row.starts_with("---"))
        .map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let said = |cell: &str| match cell {
                "yes" => true,
                "no" => false,
                other => panic!("{other:?} in {row}"),
            };
            (cells[0].to_owned(), (said(cells[1]), said(cells[2])))
        })
        .collect()
}

#[test]
fn every_row_is_true() {
    let table = table();
    let names: Vec<&str> = EXAMPLES.iter().map(|example| example.0).collect();
    assert!(
        table.keys().all(|row| names.contains(&row.as_str())),
        "{:?}",
        table.keys()
    );
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let geometry = Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap();
    let volume = Volume::new(Array3::<f32>::zeros((2, 3, 4)), geometry);
    for (format, read, written) in EXAMPLES {
        let (reads, writes) = table[format];
        if let Some(file) = read {
            let read = read_volume_with(&golden.join(file), &ReadOptions::default());
            assert_eq!(read.is_ok(), reads, "{format} read: {:?}", read.err());
        }
        if let Some(name) = written {
            let written = write_volume(&folder.path().join(name), &volume);
            assert_eq!(
                written.is_ok(),
                writes,
                "{format} written: {:?}",
                written.err()
            );
        }
    }
    let (png, jpeg) = (folder.path().join("a.png"), folder.path().join("a.jpg"));
    write_png_grey16(
        &png,
        Array3::<u16>::zeros((1, 3, 4)).index_axis(ndarray::Axis(0), 0),
    )
    .unwrap();
    DynamicImage::ImageLuma8(GrayImage::new(4, 3))
        .save(&jpeg)
        .unwrap();
    assert_eq!((table["PNG"], table["JPEG"]), ((true, true), (true, false)));
    assert!(read_image(&png).is_ok() && read_image(&jpeg).is_ok());
}
