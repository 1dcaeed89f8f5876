//! What NIfTI's header fields may say, and what is made of those that contradict themselves.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use scarce_image::Volume;
use scarce_io::{IoError, Loaded, ReadOptions, read_label_map, read_volume_with};

/// Three voxels of int16 along x, 2 mm wide, with a sform at the same spacing.
fn header() -> Vec<u8> {
    let mut bytes = vec![0; 352];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &348i32.to_le_bytes());
    for (k, n) in [3i16, 3, 1, 1, 1, 1, 1, 1].iter().enumerate() {
        put(40 + 2 * k, &n.to_le_bytes());
    }
    put(70, &4i16.to_le_bytes());
    put(72, &16i16.to_le_bytes());
    for k in 0..4 {
        put(76 + 4 * k, &if k == 0 { 1f32 } else { 2.0 }.to_le_bytes());
    }
    put(108, &352f32.to_le_bytes());
    put(123, &[2]);
    put(254, &1i16.to_le_bytes());
    for row in 0..3 {
        put(280 + 20 * row, &2f32.to_le_bytes());
    }
    put(344, b"n+1\0");
    bytes
}

/// Where, and what to put there.
type Patch<'a> = (usize, &'a [u8]);

fn file(patches: &[Patch<'_>], voxels: &[u8]) -> Vec<u8> {
    let mut bytes = header();
    for (at, field) in patches {
        bytes[*at..at + field.len()].copy_from_slice(field);
    }
    [&bytes, voxels].concat()
}

const VOXELS: [u8; 6] = [1, 0, 2, 0, 3, 0];

fn read(bytes: &[u8]) -> Result<Loaded<Volume<f32>>, IoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    fs::write(&path, bytes).unwrap();
    read_volume_with(&path, &ReadOptions::default().with_max_alloc_bytes(1 << 20))
}

const NAN: [u8; 4] = f32::NAN.to_le_bytes();
const INFINITE: [u8; 4] = f32::INFINITY.to_le_bytes();
const DIM: usize = 40;
const DATATYPE: usize = 70;
const PIXDIM: usize = 76;
const VOX_OFFSET: usize = 108;
const SLOPE: usize = 112;
const INTERCEPT: usize = 116;
const UNITS: usize = 123;
const QFORM_CODE: usize = 252;
const SFORM_CODE: usize = 254;
const SROW: usize = 280;
const MAGIC: usize = 344;

#[test]
fn what_cannot_be_true_is_refused_by_name() {
    let no_sform: Patch<'_> = (SFORM_CODE, &[0, 0]);
    let qform: Patch<'_> = (QFORM_CODE, &[1, 0]);
    let far = 1e8f32.to_le_bytes();
    let negative = (-1f32).to_le_bytes();
    let cases: &[(&[Patch<'_>], &str, &str)] = &[
        (&[(DATATYPE, &[1, 0])], "unsupported", "single bits"),
        (&[(DATATYPE, &[32, 0])], "unsupported", "complex"),
        (&[(DATATYPE, &[0, 7])], "unsupported", "complex"),
        (&[(DATATYPE, &[0, 8])], "unsupported", "complex"),
        (&[(DATATYPE, &[128, 0])], "unsupported", "colours"),
        (&[(DATATYPE, &[0, 9])], "unsupported", "colours"),
        (&[(DATATYPE, &[0, 6])], "unsupported", "128-bit floats"),
        (&[(DATATYPE, &[0, 0])], "unsupported", "datatype 0"),
        (&[(DATATYPE, &[99, 0])], "unsupported", "datatype 99"),
        (&[(72, &[8, 0])], "header", "bitpix"),
        (&[(DIM, &[0, 0])], "header", "dim[0]"),
        (&[(DIM, &[8, 0])], "header", "dim[0]"),
        (&[(DIM + 2, &[0, 0])], "header", "dim[1]"),
        (&[(DIM + 4, &[0xfb, 0xff])], "header", "dim[2]"),
        (
            &[(DIM + 2, &[0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f])],
            "budget",
            "the budget is 1048576",
        ),
        (
            &[(DIM + 2, &[4, 0])],
            "truncated",
            "expected 8 bytes of voxels, got 6",
        ),
        (&[(DIM + 2, &[2, 0])], "trailing", "beyond the 4 bytes"),
        (&[(VOX_OFFSET, &[0; 4])], "header", "vox_offset"),
        (&[(VOX_OFFSET, &NAN)], "header", "vox_offset"),
        (&[(VOX_OFFSET, &negative)], "header", "vox_offset"),
        (
            &[(VOX_OFFSET, &352.5f32.to_le_bytes())],
            "header",
            "vox_offset",
        ),
        (&[(VOX_OFFSET, &far)], "truncated", "header extensions"),
        (&[(SLOPE, &INFINITE)], "header", "scl_slope"),
        (
            &[(SLOPE, &2f32.to_le_bytes()), (INTERCEPT, &NAN)],
            "header",
            "scl_inter",
        ),
        (&[(UNITS, &[5])], "header", "xyzt_units"),
        (&[(SROW, &[0; 48])], "geometry", ""),
        (&[(SROW, &NAN)], "geometry", ""),
        (&[no_sform, (PIXDIM + 4, &NAN)], "header", "pixdim[1]"),
        (
            &[no_sform, qform, (PIXDIM + 8, &[0; 4])],
            "header",
            "pixdim[2]",
        ),
        (
            &[no_sform, qform, (PIXDIM + 12, &INFINITE)],
            "header",
            "pixdim[3]",
        ),
        (
            &[no_sform, qform, (256, &2f32.to_le_bytes())],
            "header",
            "quatern",
        ),
        (&[(MAGIC, &[0; 4])], "unsupported", "Analyze"),
        (&[(MAGIC, b"n+2\0")], "header", "magic"),
    ];
    for (patches, code, part) in cases {
        let error = read(&file(patches, &VOXELS)).unwrap_err();
        assert_eq!(error.code(), *code, "{patches:?}: {error}");
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
}

#[test]
fn what_may_be_true_is_read_with_a_warning() {
    let no_sform: Patch<'_> = (SFORM_CODE, &[0, 0]);
    let qform: Patch<'_> = (QFORM_CODE, &[1, 0]);
    let negative = (-2f32).to_le_bytes();
    let cases: &[(&[Patch<'_>], &[&str])] = &[
        (&[], &[]),
        (&[no_sform], &["no-orientation"]),
        (
            &[no_sform, qform, (PIXDIM + 8, &negative)],
            &["negative-spacing"],
        ),
        (&[no_sform, qform, (PIXDIM, &[0; 4])], &[]),
        (&[qform], &[]),
        (&[qform, (268, &50f32.to_le_bytes())], &["two-geometries"]),
        (&[qform, (256, &NAN)], &["two-geometries"]),
        (&[(PIXDIM + 4, &NAN)], &["two-spacings"]),
        (&[(PIXDIM + 8, &[0; 4])], &["two-spacings"]),
        (&[(PIXDIM + 12, &3f32.to_le_bytes())], &["two-spacings"]),
        (&[(UNITS, &[0])], &[]),
        (&[(SLOPE, &NAN), (INTERCEPT, &NAN)], &[]),
        (&[(SLOPE, &[0; 4]), (INTERCEPT, &2f32.to_le_bytes())], &[]),
    ];
    for (patches, codes) in cases {
        let loaded = read(&file(patches, &VOXELS)).unwrap();
        let warnings = loaded.provenance.warnings;
        let found: Vec<&str> = warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(found, *codes, "{patches:?}");
        assert_eq!(loaded.value.voxels().as_slice().unwrap(), [1.0, 2.0, 3.0]);
        assert_eq!(
            loaded.value.geometry().spacing_mm_xyz(),
            [2.0; 3],
            "{patches:?}"
        );
    }
}

#[test]
fn units_are_brought_to_millimetres() {
    for (unit, factor) in [(1, 1000.0), (3, 0.001)] {
        let loaded = read(&file(&[(UNITS, &[unit])], &VOXELS)).unwrap();
        let spacing = loaded.value.geometry().spacing_mm_xyz();
        assert!(
            (spacing[0] / (2.0 * factor) - 1.0).abs() < 1e-6,
            "{spacing:?}"
        );
    }
}

/// Extensions may say what they like of their lengths: `vox_offset` is where the voxels are.
#[test]
fn extensions_that_lead_in_a_circle_are_passed_over() {
    for size in [0i32, 8, -16, i32::MAX] {
        let mut bytes = file(&[(VOX_OFFSET, &384f32.to_le_bytes()), (348, &[1])], &[]);
        bytes.extend(size.to_le_bytes());
        bytes.resize(384, 7);
        bytes.extend(VOXELS);
        assert_eq!(
            read(&bytes).unwrap().value.voxels()[[0, 0, 2]],
            3.0,
            "{size}"
        );
    }
}

/// An f32 holds integers up to 2^24; labels are compared as they are.
#[test]
fn integers_that_are_rounded_are_counted() {
    let voxels = |values: [i64; 3]| values.map(i64::to_le_bytes).concat();
    let int64: Patch<'_> = (DATATYPE, &[0, 4]);
    for (values, rounded) in [
        ([1 << 24, 1 << 40, -(1 << 24)], None),
        ([(1 << 24) + 1, 5, 7], Some(1)),
        ([i64::MAX, i64::MIN, (1 << 53) + 1], Some(2)),
    ] {
        let loaded = read(&file(&[int64, (72, &[0, 0])], &voxels(values))).unwrap();
        let warning = loaded.provenance.warnings.first();
        assert_eq!(
            warning.map(|w| (w.code, w.count)),
            rounded.map(|n| ("rounded", n))
        );
        assert_eq!(loaded.value.voxels()[[0, 0, 0]], values[0] as f32);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.nii");
    fs::write(&path, file(&[int64, (72, &[0, 0])], &voxels([0, 65535, 3]))).unwrap();
    assert_eq!(read_label_map(&path).unwrap().voxels()[[0, 0, 1]], 65535);
    fs::write(&path, file(&[int64, (72, &[0, 0])], &voxels([0, 65536, 3]))).unwrap();
    assert_eq!(read_label_map(&path).unwrap_err().code(), "label");
}

/// Checksum and length, and nothing but whole members behind them.
#[test]
fn every_byte_of_the_gzip_trailer_is_checked() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&file(&[], &VOXELS)).unwrap();
    let whole = encoder.finish().unwrap();
    assert!(read(&whole).is_ok());
    for at in whole.len() - 8..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert_eq!(read(&bytes).unwrap_err().code(), "compression", "byte {at}");
    }
    for behind in [&b"\0"[..], b"\x1f\x8b", b"garbage", &whole[..20]] {
        let error = read(&[&whole, behind].concat()).unwrap_err();
        assert!(
            ["compression", "trailing"].contains(&error.code()),
            "{error}"
        );
    }
}

/// The system's own errors: a disk that fails, a folder that is none.
#[cfg(target_os = "linux")]
#[test]
fn errors_of_the_system_are_passed_on() {
    for (path, code) in [
        ("/proc/self/mem", "system"),
        ("/no/such/file.nii", "missing"),
        ("/dev/null/a.nii", "system"),
    ] {
        let error = read_volume_with(path.as_ref(), &ReadOptions::default()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}
