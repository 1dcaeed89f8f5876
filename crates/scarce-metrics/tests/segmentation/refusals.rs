//! What is not scored, and why it says so.

use ndarray::Array3;
use scarce_image::{Geometry, Mask, glam::DVec3};
use scarce_metrics::{
    BoundaryWidth, Metric, MetricsError, SegmentationOptions, evaluate_case, evaluate_masks,
};

use super::mask;

#[test]
fn other_grids_are_refused() {
    let a = mask([4; 3], [1.0; 3], |_| true);
    let elsewhere = Geometry::axis_aligned([1.0; 3], DVec3::new(0.0, 3.0, 0.0)).unwrap();
    for b in [
        mask([4, 4, 5], [1.0; 3], |_| true),
        mask([4; 3], [1.5, 1.0, 1.0], |_| true),
        Mask::new(Array3::from_elem((4, 4, 4), true), elsewhere),
    ] {
        let error = evaluate_case(&a, &b, &SegmentationOptions::default()).unwrap_err();
        assert!(matches!(error, MetricsError::Grid { .. }));
        assert!(error.to_string().contains("different grids"), "{error}");
    }
}

#[test]
fn lengths_that_are_none_are_refused() {
    let a = mask([4; 3], [1.0; 3], |_| true);
    let options = SegmentationOptions::default();
    for wrong in [-1.0, f64::NAN, f64::INFINITY] {
        let nsd = evaluate_masks(&a, &a, &options, &[Metric::Nsd(wrong)]).unwrap_err();
        assert!(nsd.to_string().contains("tolerance"), "{nsd}");
        for width in [
            BoundaryWidth::Voxels(wrong),
            BoundaryWidth::DiagonalShare(wrong),
        ] {
            let options = options.clone().with_boundary(width);
            let width = evaluate_case(&a, &a, &options).unwrap_err();
            assert!(width.to_string().contains("width"), "{width}");
        }
    }
}
