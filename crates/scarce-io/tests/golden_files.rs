//! Small files of other libraries (`golden/make.py`) are read as these meant them, and every damaged
//! copy is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scarce_io::{
    Format, IoError, ReadOptions, Status, read_image, read_label_map, read_volume_with, verify,
    write_label_map, write_volume,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    voxels_zyx: Vec<f32>,
    shape_zyx: [usize; 3],
    affine: [[f64; 4]; 3],
    frame: Option<usize>,
    spacing_mm_xyz: Option<[f64; 3]>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn expected() -> BTreeMap<String, Expected> {
    let text = std::fs::read_to_string(golden().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn options(expected: &Expected) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.frame = expected.frame;
    options.spacing_mm_xyz = expected.spacing_mm_xyz;
    options
}

#[test]
fn voxels_and_places_are_the_libraries() {
    for (name, expected) in expected() {
        let loaded = read_volume_with(&golden().join(&name), &options(&expected)).unwrap();
        let volume = loaded.value;
        assert_eq!(volume.shape_zyx(), expected.shape_zyx, "{name}");
        let voxels: Vec<f32> = volume.voxels().iter().copied().collect();
        assert_eq!(voxels, expected.voxels_zyx, "{name}");
        let affine = volume.geometry().world_from_voxel();
        for (row, expected) in expected.affine.iter().enumerate() {
            let m = affine.matrix3;
            let got = [
                m.x_axis[row],
                m.y_axis[row],
                m.z_axis[row],
                affine.translation[row],
            ];
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() < 1e-5, "{name}: {affine:?}");
            }
        }
    }
}

/// Truncation anywhere, in any format, is found; so is a changed bit where the format has checksums.
#[test]
fn every_prefix_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(golden()).unwrap() {
        let file = file.unwrap().path();
        if file.is_file() {
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
    }
    for (name, expected) in expected() {
        let whole = std::fs::read(golden().join(&name)).unwrap();
        let path = folder.path().join(&name);
        let step = (whole.len() / 200).max(1);
        for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let read = read_volume_with(&path, &options(&expected));
            // A text header that names another file may lose its last line break.
            let names_another = name.ends_with(".mhd") && length == whole.len() - 1;
            assert!(read.is_err() || names_another, "{length} bytes of {name}");
        }
        // Others may need it.
        std::fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn a_missing_or_short_voxel_file_of_a_pair_is_named() {
    for (header, voxels) in [
        ("pair.hdr", "pair.img"),
        ("detached.mhd", "detached.raw"),
        ("detached.nhdr", "detached.raw.gz"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(header);
        std::fs::copy(golden().join(header), &path).unwrap();
        let read = || read_volume_with(&path, &ReadOptions::default());
        assert!(read().is_err(), "{header} alone");
        let whole = std::fs::read(golden().join(voxels)).unwrap();
        std::fs::write(folder.path().join(voxels), &whole[..whole.len() - 9]).unwrap();
        assert!(read().is_err(), "{voxels} cut");
        std::fs::write(folder.path().join(voxels), whole).unwrap();
        assert_eq!(read().unwrap().provenance.files.len(), 2, "{header}");
    }
    for (header, voxels) in [
        ("detached.mhd", "detached.raw"),
        ("detached.nhdr", "detached.raw.gz"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(golden().join(header)).unwrap();
        for elsewhere in ["../", "/tmp/", "a/../../"] {
            let path = folder.path().join(header);
            std::fs::write(&path, text.replace(voxels, &format!("{elsewhere}{voxels}"))).unwrap();
            let error = read_volume_with(&path, &ReadOptions::default()).unwrap_err();
            assert!(error.to_string().contains("outside of"), "{error}");
        }
    }
    let by_voxels = read_volume_with(&golden().join("pair.img"), &ReadOptions::default());
    assert_eq!(by_voxels.unwrap().provenance.format, Format::Nifti1);
}

#[test]
fn series_want_a_frame() {
    let path = golden().join("series.nii.gz");
    for (frame, expected) in [
        (None, Some("holds 3 volumes, volume none")),
        (Some(2), None),
        (Some(3), Some("holds 3 volumes, volume 3")),
    ] {
        let mut options = ReadOptions::default();
        options.frame = frame;
        let read = read_volume_with(&path, &options);
        match expected {
            None => assert_eq!(read.unwrap().provenance.frames, 3),
            Some(part) => {
                let message = read.unwrap_err().to_string();
                assert!(message.contains(part), "{message}");
            }
        }
    }
}

#[test]
fn arrays_of_labels_and_names() {
    for name in ["volume.h5", "arrays.npz"] {
        let labels = read_label_map(&golden().join(name)).unwrap();
        let sum: u32 = labels.voxels().iter().map(|v| u32::from(*v)).sum();
        // (real > 0).sum() of make.py
        assert_eq!(sum, 40, "{name}");
        let missing = ReadOptions::default().with_dataset("nothing");
        let error = read_volume_with(&golden().join(name), &missing).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}

#[test]
fn pictures_of_sixteen_bits_and_several_pages() {
    let picture = read_image(&golden().join("grey16.tif")).unwrap();
    assert_eq!(picture.pixels().dim(), (1, 4, 5));
    assert_eq!(picture.pixels()[[0, 3, 4]], 984.0);
    let error = read_image(&golden().join("pages.tif")).unwrap_err();
    assert!(error.to_string().contains("several pages"), "{error}");
}

#[test]
fn the_budget_is_asked_before_memory() {
    for (name, expected) in expected() {
        let options = options(&expected).with_max_alloc_bytes(100);
        let error = read_volume_with(&golden().join(&name), &options).unwrap_err();
        assert_eq!(error.code(), "budget", "{name}: {error}");
    }
}

/// What is written in each format is read back, at its place where the format has one.
#[test]
fn written_formats_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    let source = read_volume_with(&golden().join("oblique.nrrd"), &options)
        .unwrap()
        .value;
    for name in ["a.nii", "a.nii.gz", "a.nrrd", "a.npy"] {
        let path = folder.path().join(name);
        write_volume(&path, &source).unwrap();
        let read = read_volume_with(&path, &options).unwrap();
        assert_eq!(read.value.voxels(), source.voxels(), "{name}");
        let has_place = read.provenance.warnings.is_empty();
        assert_eq!(has_place, !name.ends_with(".npy"));
        if has_place {
            let close = read
                .value
                .geometry()
                .is_close_to(source.geometry(), [3, 4, 5], 1e-4);
            assert!(close, "{name}");
        }
        let labels = source.map(|v| u16::from(*v > 0.0) * 300);
        write_label_map(&path, &labels).unwrap();
        assert_eq!(
            read_label_map(&path).unwrap().voxels(),
            labels.voxels(),
            "{name}"
        );
    }
    let path = folder.path().join("a.safetensors");
    write_volume(&path, &source).unwrap();
    let bytes = std::fs::read(path).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let voxels = tensors.tensor("voxels").unwrap();
    assert_eq!(voxels.shape(), source.shape_zyx());
    let values: Vec<f32> = voxels
        .data()
        .as_chunks()
        .0
        .iter()
        .map(|v| f32::from_le_bytes(*v))
        .collect();
    assert_eq!(Some(&values[..]), source.voxels().as_slice());
    let error = write_volume(&folder.path().join("a.mha"), &source).unwrap_err();
    assert!(matches!(error, IoError::Unsupported { .. }), "{error}");
}

#[test]
fn the_folder_as_a_whole_is_verified() {
    let report = verify(&[golden()]).unwrap();
    let refused: Vec<&str> = report
        .files
        .iter()
        .filter(|file| file.status == Status::Error)
        .map(|file| file.path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        refused,
        [
            "pages.tif",
            "alpha-hides.png",
            "inks.jpg",
            "palette-hides.png",
            // Its arrays have to be asked for by name.
            "types.h5"
        ]
    );
    let warned: Vec<&str> = report
        .files
        .iter()
        .filter(|file| file.status == Status::Warning)
        .flat_map(|file| &file.faults)
        .map(|fault| fault.code)
        .collect();
    assert_eq!(warned, ["series-mixed", "alpha", "alpha", "turned"]);
}
