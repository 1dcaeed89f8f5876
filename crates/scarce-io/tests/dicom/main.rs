//! DICOM series: ordered by position, refused when they make no volume.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod segmentation;
mod slice;
mod streams;

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use dicom_object::Tag;
use scarce_io::{
    Format, ReadOptions, read_image, read_label_map, read_volume, read_volume_with, verify,
};

use slice::Slice;

/// A folder of slices whose names say nothing of their order.
fn series(slices: &[Slice]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, slice) in slices.iter().enumerate() {
        let scrambled = (number * 7) % 10;
        slice.write(&folder.path().join(format!("{scrambled}-{number}.dcm")));
    }
    folder
}

fn heights(heights: &[f64]) -> Vec<Slice> {
    heights.iter().map(|z| Slice::at(*z)).collect()
}

#[test]
fn slices_are_ordered_by_position_and_turned_to_ras() {
    let folder = series(&heights(&[4.0, 0.0, 6.0, 2.0]));
    std::fs::write(folder.path().join(".DS_Store"), b"x").unwrap();
    std::fs::write(folder.path().join("._0-1.dcm"), b"x").unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"nothing").unwrap();
    let loaded = read_volume_with(folder.path(), &ReadOptions::default()).unwrap();
    let volume = loaded.value;
    assert_eq!(volume.shape_zyx(), [4, 3, 4]);
    for (z, y, x) in [(0, 0, 0), (1, 2, 3), (3, 1, 0)] {
        let stored = 1000 + 200 * z + 4 * y + x;
        assert_eq!(volume.voxels()[[z, y, x]], stored as f32 - 1024.0);
    }
    let affine = volume.geometry().world_from_voxel();
    let at = |v: [f64; 3]| affine.transform_point3(v.into()).to_array();
    // LPS (-10, -20, 0) is RAS (10, 20, 0); columns are 0.5 mm apart, rows 0.8 mm.
    assert_eq!(at([0.0, 0.0, 0.0]), [10.0, 20.0, 0.0]);
    assert_eq!(at([2.0, 1.0, 3.0]), [9.0, 19.2, 6.0]);
    let provenance = loaded.provenance;
    assert_eq!(
        (provenance.format, provenance.files.len()),
        (Format::Dicom, 4)
    );
    let skipped: usize = provenance
        .warnings
        .iter()
        .map(|warning| warning.count)
        .sum();
    assert_eq!(skipped, 3, "{:?}", provenance.warnings);
}

#[test]
fn a_tilted_gantry_keeps_its_shear() {
    let slices: Vec<Slice> = [0.0, 2.0, 4.0]
        .map(|z| Slice {
            x: -10.0 + 0.5 * z,
            ..Slice::at(z)
        })
        .into();
    let loaded = read_volume_with(series(&slices).path(), &ReadOptions::default()).unwrap();
    let step = loaded.value.geometry().world_from_voxel().matrix3.z_axis;
    assert_eq!(step.to_array(), [-1.0, 0.0, 2.0]);
    assert_eq!(loaded.provenance.warnings[0].code, "gantry-tilt");
}

fn check_refused(slices: &[Slice], code: &str, part: &str) {
    let error = read_volume(series(slices).path()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(part), "{error} lacks {part}");
}

fn with_ds(tag: Tag, value: &'static str) -> Slice {
    Slice::at(2.0).with(tag, VR::DS, value)
}

#[test]
fn slices_that_make_no_volume_are_refused_by_name() {
    for (at, code, part) in [
        (&[0.0, 2.0, 6.0, 8.0][..], "series-gap", "1 slices missing"),
        (&[0.0, 2.0, 8.0, 10.0], "series-gap", "2 slices missing"),
        (&[0.0, 2.0, 2.0, 4.0], "series-duplicate", "one position"),
        (&[0.0, 0.0], "series-duplicate", "one position"),
        (&[0.0, 2.0, 4.9, 6.9], "series-uneven", "expected 2 mm"),
    ] {
        check_refused(&heights(at), code, part);
    }
    let elsewhere = Slice {
        series: "9.9",
        ..Slice::at(2.0)
    };
    let turned = with_ds(tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\0\\0\\1");
    let shorter = Slice::at(2.0).with(tags::ROWS, VR::US, 2u16);
    let coarser = with_ds(tags::PIXEL_SPACING, "0.9\\0.5");
    let nowhere = with_ds(tags::IMAGE_POSITION_PATIENT, "");
    for (other, code, part) in [
        (elsewhere, "series-mixed", "1.2.3 (1), 9.9 (1)"),
        (turned, "series-differs", "ImageOrientationPatient"),
        (shorter, "series-differs", "Rows"),
        (coarser, "series-differs", "PixelSpacing"),
        (nowhere, "dicom", "not all have a position"),
    ] {
        check_refused(&[Slice::at(0.0), other], code, part);
    }
    let astray = Slice {
        x: -5.0,
        ..Slice::at(2.0)
    };
    let three = [Slice::at(0.0), astray, Slice::at(4.0)];
    check_refused(&three, "series-astray", "beside the line");
    let empty = tempfile::tempdir().unwrap();
    let error = read_volume(empty.path()).unwrap_err();
    assert_eq!(error.code(), "series-empty");
}

#[test]
fn attributes_and_pixels_that_contradict_are_refused_by_name() {
    let pixels = |count| {
        let words = PrimitiveValue::U16(vec![1; count].into());
        Slice::at(0.0).with(tags::PIXEL_DATA, VR::OW, words)
    };
    let frames = Slice::at(0.0).with(tags::NUMBER_OF_FRAMES, VR::IS, "2147483647");
    let bits = Slice::at(0.0).with(tags::BITS_STORED, VR::US, 17u16);
    let skewed = with_ds(tags::IMAGE_ORIENTATION_PATIENT, "1\\0\\0\\1\\0\\0");
    for (slice, code, part) in [
        (skewed, "header", "right angles"),
        (with_ds(tags::RESCALE_SLOPE, "0"), "header", "RescaleSlope"),
        (
            with_ds(tags::RESCALE_SLOPE, "one"),
            "header",
            "RescaleSlope",
        ),
        (
            pixels(11),
            "truncated",
            "expected 24 bytes of pixels, got 22",
        ),
        (pixels(14), "trailing", "24 bytes"),
        (frames, "header", "NumberOfFrames"),
        (bits, "header", "BitsStored"),
    ] {
        check_refused(&[slice], code, part);
    }
}

#[test]
fn one_of_two_series_can_be_asked_for() {
    let folder = series(&[
        Slice::at(0.0),
        Slice {
            series: "9.9",
            ..Slice::at(2.0)
        },
        Slice::at(2.0),
    ]);
    let options = ReadOptions::default().with_series_uid("1.2.3");
    let loaded = read_volume_with(folder.path(), &options).unwrap();
    assert_eq!(loaded.value.shape_zyx(), [2, 3, 4]);
    assert_eq!(loaded.provenance.warnings[0].code, "other-series");
    let options = ReadOptions::default().with_series_uid("7");
    let error = read_volume_with(folder.path(), &options).unwrap_err();
    assert_eq!(error.code(), "series-empty");
}

#[test]
fn a_cut_slice_is_never_dropped() {
    let folder = series(&heights(&[0.0, 2.0, 4.0]));
    let path = folder.path().join("7-1.dcm");
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let read = read_volume(folder.path());
        assert!(read.is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn signed_bits_below_sixteen_lose_their_dirt() {
    // 12 bits signed, the upper four dirty: -1, 2047, -2048.
    let mut stored = vec![0xafff_u16, 0x57ff, 0x3800];
    stored.resize(12, 0);
    let slice = Slice::at(0.0)
        .with(tags::BITS_STORED, VR::US, 12u16)
        .with(tags::HIGH_BIT, VR::US, 11u16)
        .with(tags::PIXEL_REPRESENTATION, VR::US, 1u16)
        .with(tags::RESCALE_INTERCEPT, VR::DS, "0")
        .with(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(stored.into()));
    let folder = series(&[slice]);
    let volume = read_volume(&folder.path().join("0-0.dcm")).unwrap();
    let row: Vec<f32> = volume.voxels().iter().take(3).copied().collect();
    assert_eq!(row, [-1.0, 2047.0, -2048.0]);
}

#[test]
fn monochrome1_is_inverted_and_said() {
    let slice = Slice::at(0.0)
        .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1")
        .with(tags::BITS_STORED, VR::US, 10u16)
        .with(tags::HIGH_BIT, VR::US, 9u16)
        .with(tags::RESCALE_INTERCEPT, VR::DS, "0");
    let folder = series(&[slice]);
    let path = folder.path().join("0-0.dcm");
    let image = read_image(&path).unwrap();
    assert_eq!(image.pixels()[[0, 0, 1]], 1023.0 - 1001.0);
    assert_eq!(image.spacing_mm_yx(), Some([0.8, 0.5]));
    let loaded = read_volume_with(&path, &ReadOptions::default()).unwrap();
    assert!(
        loaded
            .provenance
            .warnings
            .iter()
            .any(|warning| warning.code == "inverted")
    );
    assert_eq!(read_label_map(&path).unwrap().voxels()[[0, 0, 1]], 22);
}

#[test]
fn every_slice_has_its_own_rescale() {
    let slices: Vec<Slice> = [(0.0, "1", "0"), (2.0, "2", "-5"), (4.0, "0.5", "3")]
        .map(|(z, slope, intercept)| {
            Slice::at(z).with(tags::RESCALE_SLOPE, VR::DS, slope).with(
                tags::RESCALE_INTERCEPT,
                VR::DS,
                intercept,
            )
        })
        .into();
    let volume = read_volume(series(&slices).path()).unwrap();
    let first: Vec<f32> = (0..3).map(|z| volume.voxels()[[z, 0, 0]]).collect();
    assert_eq!(first, [1000.0, 2.0 * 1200.0 - 5.0, 0.5 * 1400.0 + 3.0]);
}

/// Numbers, private elements and sequences between the known ones change nothing.
#[test]
fn what_is_not_asked_for_does_no_harm() {
    let plain = read_volume(series(&heights(&[0.0, 2.0])).path()).unwrap();
    let slices: Vec<Slice> = [(0.0, "9"), (2.0, "3")]
        .map(|(z, number)| {
            Slice::at(z)
                .with(tags::INSTANCE_NUMBER, VR::IS, number)
                .with(Tag(0x0029, 0x0010), VR::LO, "SOMEONE")
                .with(
                    Tag(0x0029, 0x1010),
                    VR::UN,
                    PrimitiveValue::U8(vec![7; 9].into()),
                )
                .with(
                    Tag(0x0029, 0x1011),
                    VR::OB,
                    PrimitiveValue::U8(vec![0xfe, 0xff, 0, 0xe0].into()),
                )
                .with(tags::WINDOW_CENTER, VR::DS, "40")
        })
        .into();
    assert_eq!(read_volume(series(&slices).path()).unwrap(), plain);
}

#[test]
fn files_that_may_have_been_slices_are_not_skipped() {
    for (name, content, code) in [
        ("IM0009", &b""[..], "truncated"),
        ("IM0009", &[0; 100], "truncated"),
        ("IM0009.dcm", b"nothing of it", "unknown-format"),
    ] {
        let folder = series(&heights(&[0.0, 2.0]));
        std::fs::write(folder.path().join(name), content).unwrap();
        let error = read_volume(folder.path()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().ends_with(name), "{error}");
    }
}

#[test]
fn frames_that_a_file_cannot_hold_ask_for_no_memory() {
    let slice = Slice::at(0.0).with(tags::NUMBER_OF_FRAMES, VR::IS, "1000000");
    let folder = series(&[slice]);
    let options = ReadOptions::default().with_max_alloc_bytes(1 << 20);
    let error = read_volume_with(&folder.path().join("0-0.dcm"), &options).unwrap_err();
    assert_eq!(error.code(), "budget", "{error}");
}

/// A folder of many patients' pictures is no series, and each is judged by itself; two series are told.
#[test]
fn folders_are_verified_series_by_series() {
    let of = |series: &'static str, z: f64| Slice {
        series,
        ..Slice::at(z)
    };
    let gap = [("1", 0.0), ("1", 2.0), ("1", 6.0), ("2", 0.0), ("2", 2.0)];
    for (slices, n_files, codes) in [
        (&[("1", 0.0), ("1", 2.0)][..], 1, &[][..]),
        (&[("1", 0.0), ("2", 0.0), ("3", 0.0)], 3, &[]),
        (&gap[1..], 1, &["series-mixed"]),
        (&gap, 1, &["series-gap", "series-mixed"]),
    ] {
        let slices: Vec<Slice> = slices.iter().map(|(series, z)| of(series, *z)).collect();
        let report = verify(&[series(&slices).path().to_owned()]).unwrap();
        let mut faults: Vec<&str> = (report.files.iter().flat_map(|file| &file.faults))
            .map(|fault| fault.code)
            .filter(|code| *code != "no-slice-spacing")
            .collect();
        faults.sort_unstable();
        assert_eq!(faults, codes);
        assert_eq!(report.files.len(), n_files);
    }
    let folder = series(&heights(&[0.0, 2.0, 4.0]));
    std::fs::write(folder.path().join("0-0.dcm"), [0; 200]).unwrap();
    let report = verify(&[folder.path().to_owned()]).unwrap();
    let paths: Vec<_> = report.files.iter().map(|file| file.path.clone()).collect();
    assert_eq!(
        paths,
        [folder.path().to_owned(), folder.path().join("0-0.dcm")]
    );
    assert_eq!(report.n_error, 1);
}
