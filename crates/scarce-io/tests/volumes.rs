//! Volumes come back as they were written, and damage is named.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_io::{
    IoError, NonFinitePolicy, ReadOptions, info, read_label_map, read_label_names, read_volume,
    read_volume_with, write_label_map, write_volume,
};

fn oblique() -> Geometry {
    let rotation = DMat3::from_rotation_x(0.2) * DMat3::from_rotation_z(-0.4);
    Geometry::new(DAffine3 {
        matrix3: rotation * DMat3::from_diagonal(DVec3::new(-0.7, 0.7, 2.5)),
        translation: DVec3::new(166.0, -187.5, -340.0),
    })
    .unwrap()
}

fn volume() -> Volume<f32> {
    let voxels = Array3::from_shape_fn((3, 4, 5), |(z, y, x)| (z * 100 + y * 10 + x) as f32 - 0.5);
    Volume::new(voxels, oblique())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes of `volume()` as a plain NIfTI file.
fn plain() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.nii");
    write_volume(&path, &volume()).unwrap();
    std::fs::read(path).unwrap()
}

fn read_bytes(name: &str, bytes: &[u8]) -> Result<Volume<f32>, IoError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    read_volume(&path)
}

fn with(mut bytes: Vec<u8>, at: usize, field: &[u8]) -> Vec<u8> {
    bytes[at..at + field.len()].copy_from_slice(field);
    bytes
}

fn nrrd(encoding: &str, data: &[u8]) -> Vec<u8> {
    let header = format!(
        "NRRD0004\n# c\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 5 4 3\n\
         space directions: (0.7,0,0) (0,0.7,0) (0,0,2.5)\nkinds: domain domain domain\n\
         endian: little\nencoding: {encoding}\nspace origin: (1,2,3)\n\
         Segment0_LabelValue:=4\nSegment0_Name:=left lung\n\n"
    );
    [header.as_bytes(), data].concat()
}

fn shorts() -> Vec<u8> {
    (0..60i16).flat_map(i16::to_le_bytes).collect()
}

#[test]
fn what_is_written_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.nii", "a.nii.gz", "dotted.name.nii"] {
        let path = folder.path().join(name);
        write_volume(&path, &volume()).unwrap();
        let read = read_volume(&path).unwrap();
        assert_eq!(read.voxels(), volume().voxels(), "{name}");
        assert!(
            read.geometry().is_close_to(&oblique(), [3, 4, 5], 1e-4),
            "{name}"
        );
    }
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for labels in [[0u16, 1, 255], [0, 256, 65535]] {
        let voxels = Array3::from_shape_vec((1, 1, 3), labels.to_vec()).unwrap();
        let path = folder.path().join("labels.nii.gz");
        write_label_map(&path, &LabelMap::new(voxels.clone(), oblique())).unwrap();
        assert_eq!(read_label_map(&path).unwrap().voxels(), &voxels);
    }
    assert!(matches!(
        write_volume(&folder.path().join("a.mha"), &volume()),
        Err(IoError::Unsupported { .. })
    ));
}

#[test]
fn the_qform_says_the_same_as_the_sform() {
    for flip in [1.0, -1.0] {
        let matrix3 =
            oblique().world_from_voxel().matrix3 * DMat3::from_diagonal(DVec3::new(flip, 1.0, 1.0));
        let affine = DAffine3 {
            matrix3,
            translation: DVec3::new(1.0, 2.0, 3.0),
        };
        let geometry = Geometry::new(affine).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("q.nii");
        write_volume(&path, &Volume::new(volume().into_voxels(), geometry)).unwrap();
        let without_sform = with(std::fs::read(&path).unwrap(), 254, &0i16.to_le_bytes());
        let read = read_bytes("q.nii", &without_sform).unwrap();
        assert!(read.geometry().is_close_to(&geometry, [3, 4, 5], 1e-4));
    }
}

/// `nibabel.Nifti1Header` gives for shape (5, 4, 3), pixdim (0.7, 0.7, 2.5) and both codes 0:
/// `get_best_affine()` = diag(-0.7, 0.7, 2.5), offset (1.4, -1.05, -2.5).
#[test]
fn without_codes_the_affine_is_nibabels() {
    let bytes = with(with(plain(), 254, &[0; 2]), 252, &[0; 2]);
    let affine = read_bytes("n.nii", &bytes)
        .unwrap()
        .geometry()
        .world_from_voxel();
    let offset = DVec3::new(1.4, -1.05, -2.5);
    assert!(
        affine.translation.distance(offset) < 1e-6,
        "{}",
        affine.translation
    );
    assert!((affine.matrix3.x_axis.x + 0.7).abs() < 1e-6);
}

#[test]
fn header_fields_are_honoured() {
    let expected = volume();
    let same = |bytes: &[u8], what: &str| {
        assert_eq!(
            read_bytes("v.nii", bytes).unwrap().voxels(),
            expected.voxels(),
            "{what}"
        );
    };
    same(&with(plain(), 112, &f32::NAN.to_le_bytes()), "NaN slope");
    same(&with(plain(), 112, &0f32.to_le_bytes()), "slope 0");
    let mut moved = with(plain(), 108, &512f32.to_le_bytes());
    moved.splice(352..352, [7; 160]);
    same(&moved, "vox_offset 512");
    same(&gzip(&plain()), "gzip under a plain name");
    let whole = plain();
    let (a, b) = whole.split_at(400);
    same(&[gzip(a), gzip(b)].concat(), "two gzip members");
    let scaled = with(
        with(plain(), 112, &2f32.to_le_bytes()),
        116,
        &1f32.to_le_bytes(),
    );
    let read = read_bytes("v.nii", &scaled).unwrap();
    assert_eq!(
        read.voxels()[[2, 3, 4]],
        2.0 * expected.voxels()[[2, 3, 4]] + 1.0
    );
}

#[test]
fn both_byte_orders_and_all_types() {
    macro_rules! check {
        ($type:ty, $code:expr) => {
            for big in [false, true] {
                let mut bytes = vec![0u8; 352];
                let mut put = |at: usize, le: &[u8]| {
                    let field: Vec<u8> = if big {
                        le.iter().rev().copied().collect()
                    } else {
                        le.to_vec()
                    };
                    bytes[at..at + field.len()].copy_from_slice(&field);
                };
                put(0, &348i32.to_le_bytes());
                for (k, n) in [3i16, 3, 1, 1, 1, 1, 1, 1].iter().enumerate() {
                    put(40 + 2 * k, &n.to_le_bytes());
                }
                put(70, &($code as i16).to_le_bytes());
                put(72, &(8 * size_of::<$type>() as i16).to_le_bytes());
                for k in 0..4 {
                    put(76 + 4 * k, &1f32.to_le_bytes());
                }
                put(108, &352f32.to_le_bytes());
                bytes[344..348].copy_from_slice(b"n+1\0");
                for value in [0 as $type, 1 as $type, 100 as $type] {
                    let encoded = if big {
                        value.to_be_bytes()
                    } else {
                        value.to_le_bytes()
                    };
                    bytes.extend_from_slice(&encoded);
                }
                let read = read_bytes("t.nii", &bytes).unwrap();
                let values: Vec<f32> = read.voxels().iter().copied().collect();
                assert_eq!(
                    values,
                    [0.0, 1.0, 100.0],
                    "{} big-endian {big}",
                    stringify!($type)
                );
            }
        };
    }
    check!(u8, 2);
    check!(i16, 4);
    check!(i32, 8);
    check!(f32, 16);
    check!(f64, 64);
    check!(i8, 256);
    check!(u16, 512);
    check!(u32, 768);
    check!(i64, 1024);
    check!(u64, 1280);
}

#[test]
fn every_prefix_is_refused() {
    let files: [(&str, Vec<u8>); 4] = [
        ("p.nii", plain()),
        ("p.nii.gz", gzip(&plain())),
        ("p.nrrd", nrrd("raw", &shorts())),
        ("p.nrrd", nrrd("gzip", &gzip(&shorts()))),
    ];
    for (name, whole) in files {
        assert!(read_bytes(name, &whole).is_ok(), "{name}");
        for length in 0..whole.len() {
            assert!(
                read_bytes(name, &whole[..length]).is_err(),
                "{length} bytes of {name}"
            );
        }
    }
}

#[test]
fn faults_are_named() {
    let damaged_crc = {
        let mut bytes = gzip(&plain());
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        bytes
    };
    let negative_dim = with(plain(), 42, &(-5i16).to_le_bytes());
    let huge = [42, 44, 46]
        .iter()
        .fold(plain(), |b, at| with(b, *at, &32767i16.to_le_bytes()));
    let mut nan = plain();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("crc.nii.gz", damaged_crc, "compression"),
        ("more.nii", [plain(), vec![0]].concat(), "trailing"),
        (
            "more.nii.gz",
            [gzip(&plain()), b"garbage".to_vec()].concat(),
            "compression",
        ),
        ("dim.nii", negative_dim, "header"),
        ("rank.nii", with(plain(), 40, &9i16.to_le_bytes()), "header"),
        ("huge.nii", huge, "budget"),
        (
            "type.nii",
            with(plain(), 70, &128i16.to_le_bytes()),
            "unsupported",
        ),
        (
            "bitpix.nii",
            with(plain(), 72, &16i16.to_le_bytes()),
            "header",
        ),
        ("pair.nii", with(plain(), 344, b"ni1\0"), "unsupported"),
        ("magic.nii", with(plain(), 344, b"abc\0"), "header"),
        (
            "offset.nii",
            with(plain(), 108, &f32::INFINITY.to_le_bytes()),
            "header",
        ),
        ("flat.nii", with(plain(), 280, &[0; 48]), "geometry"),
        ("nan.nii", nan.clone(), "non-finite"),
        ("empty.nii", Vec::new(), "truncated"),
        (
            "text.nii",
            b"just some text that is no image".to_vec(),
            "unknown-format",
        ),
        (
            "series.nii",
            with(
                with(plain(), 40, &4i16.to_le_bytes()),
                48,
                &2i16.to_le_bytes(),
            ),
            "frame",
        ),
        ("ascii.nrrd", nrrd("ascii", &shorts()), "unsupported"),
    ];
    for (name, bytes, code) in cases {
        let error = read_bytes(name, &bytes).unwrap_err();
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().ends_with(name), "{error}");
    }
    assert_eq!(
        read_volume(Path::new("no/such.nii")).unwrap_err().code(),
        "missing"
    );

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.nii");
    std::fs::write(&path, nan).unwrap();
    let replaced = ReadOptions::default().with_non_finite(NonFinitePolicy::Replace(-1.0));
    assert_eq!(
        read_volume_with(&path, &replaced).unwrap().value.voxels()[[2, 3, 4]],
        -1.0
    );
    assert_eq!(read_label_map(&path).unwrap_err().code(), "label");
}

#[test]
fn nrrd_is_turned_to_ras_and_names_its_segments() {
    let folder = tempfile::tempdir().unwrap();
    for (encoding, data) in [("raw", shorts()), ("gzip", gzip(&shorts()))] {
        let path = folder.path().join("v.seg.nrrd");
        std::fs::write(&path, nrrd(encoding, &data)).unwrap();
        let read = read_volume(&path).unwrap();
        assert_eq!(read.shape_zyx(), [3, 4, 5]);
        assert_eq!(read.voxels()[[2, 3, 4]], 59.0);
        let affine = read.geometry().world_from_voxel();
        assert_eq!(affine.translation, DVec3::new(-1.0, -2.0, 3.0));
        assert_eq!(
            affine.matrix3,
            DMat3::from_diagonal(DVec3::new(-0.7, -0.7, 2.5))
        );
        assert_eq!(read_label_names(&path).unwrap()[&4], "left lung");
        let told = info(&path).unwrap();
        assert_eq!(
            (told.format, told.stored_type, told.orientation.as_str()),
            ("nrrd", "int16", "LPS")
        );
    }
}
