//! A CT and its labels brought to one spacing, cropped to the body and windowed: the way from an
//! archive's volume to what a network is fed.
//!
//! ```text
//! cargo run --release -p scarce-image --example to_spacing
//! ```

use std::error::Error;

use ndarray::Array3;
use scarce_image::{
    Connectivity, CtWindow, Geometry, LabelInterpolation, Margin, StructuringElement, Volume,
    centre_crop_or_pad, crop_to_mask, fill_holes, largest_component, open, resample_labels,
    resample_spacing, window,
};

#[expect(clippy::print_stdout, reason = "an example shows what it did")]
fn main() -> Result<(), Box<dyn Error>> {
    let (ct, labels) = phantom()?;
    println!("as scanned:    {:?} voxels", ct.shape_zyx());

    // Values are filtered, so that the coarser grid does not alias; labels are chosen, never mixed.
    let ct = resample_spacing(&ct, [2.0; 3])?;
    let labels = resample_labels(&labels, &ct.grid(), LabelInterpolation::OneHotLinear, 0);
    println!("at 2 mm:       {:?} voxels", ct.shape_zyx());

    // The body: what is denser than air, without the table, with the lungs.
    let dense = ct.map(|hu| *hu > -300.0);
    let opened = open(&dense, StructuringElement::ball_mm(4.0)?);
    let body = fill_holes(&largest_component(&opened, Connectivity::Faces6));
    let ct = crop_to_mask(&ct, &body, Margin::Mm(10.0))?;
    let labels = crop_to_mask(&labels, &body, Margin::Mm(10.0))?;
    println!("around a body: {:?} voxels", ct.shape_zyx());

    let (low, high) = CtWindow::SoftTissue.bounds_hu();
    let input = centre_crop_or_pad(&window(&ct, low, high), [64, 96, 96], 0.0);
    let target = centre_crop_or_pad(&labels, [64, 96, 96], 0);
    let first = input.geometry().world_from_voxel().translation;
    let organ = target.voxels().iter().filter(|label| **label == 1).count();
    println!(
        "for a network: {:?} voxels from {first} mm, organ {organ} voxels",
        input.shape_zyx()
    );
    Ok(())
}

/// An ellipsoid of tissue with a denser organ, on a thin table, in air.
fn phantom() -> Result<(Volume<f32>, Volume<u16>), Box<dyn Error>> {
    let geometry = Geometry::from_spacing_mm_xyz([0.9, 0.9, 3.0])?;
    let shape = (40, 200, 200);
    let radius = |at: (usize, usize, usize), centre: [f64; 3], radii_mm: [f64; 3]| -> f64 {
        let mm = [at.0 as f64 * 3.0, at.1 as f64 * 0.9, at.2 as f64 * 0.9];
        let squares = (0..3).map(|a| ((mm[a] - centre[a]) / radii_mm[a]).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let is_body = |at| radius(at, [60.0, 90.0, 90.0], [55.0, 50.0, 70.0]) < 1.0;
    let is_organ = |at| radius(at, [60.0, 85.0, 110.0], [20.0, 15.0, 20.0]) < 1.0;
    let ct = Array3::from_shape_fn(shape, |at| match at {
        at if is_organ(at) => 110.0,
        at if is_body(at) => 40.0,
        (_, 170..172, _) => 300.0,
        _ => -1000.0,
    });
    let labels = Array3::from_shape_fn(shape, |at| u16::from(is_organ(at)));
    Ok((Volume::new(ct, geometry), Volume::new(labels, geometry)))
}
