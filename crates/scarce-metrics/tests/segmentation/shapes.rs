//! Masks of unusual shape: slices, lines, single voxels, masks at the image's edge.

use scarce_metrics::{BoundaryWidth, Convention, SegmentationOptions};

use super::{assert_figures, cube, figures, mask};

/// A slice alone is a 2-D image, whichever axis it lies across. Made on the 2-D arrays:
/// ```python
/// r = np.zeros((16, 16), bool); r[3:12, 4:13] = 1
/// p = np.zeros_like(r); p[4:14, 5:11] = 1
/// [f(p, r, (.5, 2.)) for f in (hd, hd95, asd, assd)]    # medpy 0.5.2
/// d = surface_distance.compute_surface_distances(r, p, (.5, 2.))
/// # robust Hausdorff at 100 and 95 %, the second average, both weighted, surface Dice at 1
/// ```
#[test]
fn a_slice_is_scored_in_two_dimensions() {
    let lay = |axis: usize, rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
        let mut shape = [16; 3];
        shape[axis] = 1;
        let mut spacing = [2.0; 3];
        spacing[axis] = 9.0;
        let (r, c) = if axis == 0 { (1, 2) } else { (0, 3 - axis) };
        spacing[r] = 0.5;
        mask(shape, spacing, |at| {
            rows.contains(&at[r]) && columns.contains(&at[c])
        })
    };
    for axis in 0..3 {
        let (p, r) = (lay(axis, 4..14, 5..11), lay(axis, 3..12, 4..13));
        for (convention, expected) in [
            (
                Convention::Pooled,
                [
                    ("hd", 4.031128874149275),
                    ("hd95", 4.0),
                    ("asd", 0.8928571428571429),
                    ("assd", 1.5025705749961156),
                    ("nsd_1mm", SLICE_NSD),
                ],
            ),
            (Convention::Area, SLICE_AREA),
        ] {
            let options = SegmentationOptions::default().with_convention(convention);
            let what = format!("axis {axis}, {convention}");
            assert_figures(&figures(&p, &r, &options), &expected, &what);
        }
    }
}

const SLICE_NSD: f64 = 0.5666666666666667;

const SLICE_AREA: [(&str, f64); 5] = [
    ("hd", 4.031128874149275),
    ("hd95", 4.0),
    ("asd", 0.8481188188309983),
    ("assd", 1.1609667887300028),
    ("nsd_1mm", 0.7394939466976661),
];

/// A mask that is the other's neighbour is one voxel away; a mask is no distance from itself, be it a voxel, a
/// line or the whole image.
#[test]
fn the_smallest_masks_have_surfaces() {
    for (shape, spacing) in [
        ([1, 1, 1], [2.0, 3.0, 4.0]),
        ([1, 1, 9], [2.0, 3.0, 4.0]),
        ([1, 9, 1], [2.0, 3.0, 4.0]),
        ([9, 9, 9], [2.0, 3.0, 4.0]),
        ([2, 65, 64], [2.0, 3.0, 4.0]),
    ] {
        for convention in [
            Convention::Pooled,
            Convention::MaxDirected,
            Convention::Area,
        ] {
            let options = SegmentationOptions::default().with_convention(convention);
            let first = mask(shape, spacing, |at| at == [0; 3]);
            let last = shape.map(|n| n - 1);
            let opposite = mask(shape, spacing, |at| at == last);
            let all = mask(shape, spacing, |_| true);
            let steps = |k: usize| last[k] as f64 * spacing[k];
            let apart = (0..3).map(|k| steps(k).powi(2)).sum::<f64>().sqrt();
            for (p, r, distance) in [
                (&first, &first, 0.0),
                (&all, &all, 0.0),
                (&first, &opposite, apart),
            ] {
                let got = figures(p, r, &options);
                let what = format!("{shape:?}, {convention}");
                let nsd = if distance <= 1.0 { 1.0 } else { 0.0 };
                assert_figures(&got, &[("nsd_1mm", nsd)], &what);
                // Corners of a voxel are nearer to another one than its centre is.
                if convention != Convention::Area || distance == 0.0 {
                    let expected = ["hd", "hd95", "asd", "assd", "masd"].map(|n| (n, distance));
                    assert_figures(&got, &expected, &what);
                }
            }
        }
    }
}

/// Within any width that reaches its middle, all of a mask is near its boundary.
#[test]
fn a_boundary_can_be_as_wide_as_the_mask() {
    let p = mask([9, 9, 70], [1.0; 3], |at| cube(at, [1; 3], [8, 8, 60]));
    let r = mask([9, 9, 70], [1.0; 3], |at| cube(at, [1, 1, 5], [9, 8, 69]));
    let jaccard = figures(&p, &r, &SegmentationOptions::default())["jaccard"];
    for width in [
        BoundaryWidth::DiagonalShare(0.1),
        BoundaryWidth::DiagonalShare(1e9),
        BoundaryWidth::Voxels(5.0),
        BoundaryWidth::Voxels(1e9),
    ] {
        let options = SegmentationOptions::default().with_boundary(width);
        assert_eq!(
            figures(&p, &r, &options)["boundary_iou"],
            jaccard,
            "{width}"
        );
    }
}
