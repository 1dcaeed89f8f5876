//! How axial slices are looked at.

use ndarray::{Array2, ArrayView2, Axis};

/// A slice of a RAS volume, `(y, x)`, with anterior up and the patient's right on the viewer's left.
pub fn radiological<T: Clone>(slice: ArrayView2<'_, T>) -> Array2<T> {
    let mut slice = slice;
    slice.invert_axis(Axis(0));
    slice.invert_axis(Axis(1));
    slice.to_owned()
}
