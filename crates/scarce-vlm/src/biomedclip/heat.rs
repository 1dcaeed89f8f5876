//! From a map over the tower's input to heat over the picture.

use ndarray::{Array2, ArrayView2};

use crate::picture::{Frame, PictureBox};

/// `map`, of any resolution over the input, at one value a pixel of the input: bilinear, as PyTorch's `interpolate` with
/// `align_corners=False`.
pub(super) fn at_input(map: ArrayView2<'_, f32>, frame: &Frame) -> Array2<f32> {
    let input_yx = frame.input_yx();
    Frame::squash(input_yx, input_yx).to_picture(map, 0.0)
}

/// Scales what the frame shows of the picture from the least to the greatest value, 0 to 1. Where all is alike nothing is
/// spoken of: 0.
pub(super) fn min_max(mut map: Array2<f32>, frame: &Frame, picture_yx: [usize; 2]) -> Array2<f32> {
    let [rows, columns] = shown(frame, picture_yx);
    let mut range = [f32::INFINITY, f32::NEG_INFINITY];
    for y in rows[0]..rows[1] {
        for x in columns[0]..columns[1] {
            let value = map[[y, x]];
            range = [range[0].min(value), range[1].max(value)];
        }
    }
    let [least, greatest] = range;
    let span = greatest - least;
    map.mapv_inplace(|value| {
        if span > 0.0 {
            ((value - least) / span).clamp(0.0, 1.0)
        } else {
            0.0
        }
    });
    map
}

/// First and last pixel (exclusive) of the input along y and x in which something of the picture is.
pub(super) fn shown(frame: &Frame, picture_yx: [usize; 2]) -> [[usize; 2]; 2] {
    let whole = frame.box_to_input(PictureBox {
        start_xy: [0.0; 2],
        stop_xy: [picture_yx[1] as f32, picture_yx[0] as f32],
    });
    let input_yx = frame.input_yx();
    // Whole pixels up to rounding: a frame lays resized pictures on the input's pixels.
    let along = |axis: usize, xy: usize| {
        let first = whole.start_xy[xy].max(0.0).round() as usize;
        let last = (whole.stop_xy[xy].round() as usize).min(input_yx[axis]);
        [first.min(last), last]
    };
    [along(0, 1), along(1, 0)]
}
