//! Segmentations are label maps, their frames placed by position.

use scarce_io::{read_label_map, read_label_names, read_volume};

use crate::slice::write_segmentation;

#[test]
fn segments_lie_where_their_frames_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seg.dcm");
    // The slice at 4 mm is left out, since it is empty.
    let frames = [(2, 6.0), (1, 0.0), (1, 2.0), (2, 2.0)];
    // Bits from the lowest: one pixel after the other.
    let pixels = [0b1000_0001, 0b0000_1111, 0b0000_0001, 0b0001_0010];
    write_segmentation(&path, "BINARY", 1, &frames, &pixels);
    let labels = read_label_map(&path).unwrap();
    let expected = [
        [1, 1, 1, 1, 0, 0, 0, 0],
        [1, 2, 0, 0, 2, 0, 0, 0],
        [0; 8],
        [2, 0, 0, 0, 0, 0, 0, 2],
    ];
    assert_eq!(labels.shape_zyx(), [4, 2, 4]);
    assert_eq!(labels.voxels().as_slice().unwrap(), expected.concat());
    let at = |v: [f64; 3]| {
        labels
            .geometry()
            .world_from_voxel()
            .transform_point3(v.into())
    };
    assert_eq!(at([0.0; 3]).to_array(), [10.0, 20.0, 0.0]);
    assert_eq!(at([2.0, 1.0, 3.0]).to_array(), [9.0, 19.2, 6.0]);
    assert_eq!(read_volume(&path).unwrap().voxels()[[3, 0, 0]], 2.0);
    assert_eq!(read_label_names(&path).unwrap()[&2], "left lung");
}

#[test]
fn labels_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seg.dcm");
    write_segmentation(
        &path,
        "LABELMAP",
        8,
        &[(1, 0.0)],
        &[0, 1, 2, 3, 4, 5, 6, 255],
    );
    let labels = read_label_map(&path).unwrap();
    assert_eq!(
        labels.voxels().as_slice().unwrap(),
        [0, 1, 2, 3, 4, 5, 6, 255]
    );
}

#[test]
fn segmentations_that_are_no_label_map_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seg.dcm");
    for (kind, frames, pixels, code, part) in [
        (
            "FRACTIONAL",
            &[(1, 0.0)][..],
            &[1u8, 0][..],
            "unsupported",
            "FRACTIONAL",
        ),
        (
            "BINARY",
            &[(1, 0.0), (2, 0.0)],
            &[1, 1],
            "unsupported",
            "1 and 2 overlap",
        ),
        (
            "BINARY",
            &[(0, 0.0)],
            &[1, 0],
            "header",
            "ReferencedSegmentNumber",
        ),
        (
            "BINARY",
            &[(1, 0.0), (1, 2.0), (1, 3.1)],
            &[1, 1, 1, 0],
            "header",
            "whole slice distances",
        ),
        (
            "BINARY",
            &[(1, 0.0), (1, 2.0), (1, 4.0)],
            &[1, 1],
            "truncated",
            "3 bytes",
        ),
    ] {
        write_segmentation(&path, kind, 1, frames, pixels);
        let error = read_label_map(&path).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
}
