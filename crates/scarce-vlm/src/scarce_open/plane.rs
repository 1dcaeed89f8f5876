//! Slices of a volume as radiologists look at them, and back.

use ndarray::{Array3, ArrayView3, Axis};

/// A direction to slice in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plane {
    /// From above: rows from front to back, columns from the patient's right to left.
    Axial,
    /// From the front: rows from head to feet, columns from the patient's right to left.
    Coronal,
    /// From the side: rows from head to feet, columns from front to back.
    Sagittal,
}

impl Plane {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    /// The slices of a volume in RAS, `(z, y, x)`, as `(slice, row, column)`.
    pub fn slices<'a, T>(self, ras: &'a ArrayView3<'_, T>) -> ArrayView3<'a, T> {
        let mut view = ras.view();
        for axis in 0..3 {
            view.invert_axis(Axis(axis));
        }
        view.permuted_axes(self.order())
    }

    /// The volume in RAS whose [`Self::slices`] these are.
    pub fn volume<T: Clone>(self, slices: ArrayView3<'_, T>) -> Array3<T> {
        let order = self.order();
        let mut back = [0; 3];
        for (to, from) in order.into_iter().enumerate() {
            back[from] = to;
        }
        let mut view = slices.permuted_axes(back);
        for axis in 0..3 {
            view.invert_axis(Axis(axis));
        }
        view.as_standard_layout().into_owned()
    }

    fn order(self) -> [usize; 3] {
        match self {
            Self::Axial => [0, 1, 2],
            Self::Coronal => [1, 0, 2],
            Self::Sagittal => [2, 0, 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_seen_as_radiologists_do_and_go_back() {
        // Index [z, y, x] as a number of three digits.
        let ras = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| 100 * z + 10 * y + x);
        for (plane, shape, first) in [
            // Top left: front and right, in the uppermost slice.
            (Plane::Axial, [2, 3, 4], 123),
            (Plane::Coronal, [3, 2, 4], 123),
            (Plane::Sagittal, [4, 2, 3], 123),
        ] {
            let view = ras.view();
            let slices = plane.slices(&view);
            assert_eq!(slices.shape(), shape);
            assert_eq!(slices[[0, 0, 0]], first);
            assert_eq!(plane.volume(slices), ras);
        }
        let view = ras.view();
        // One column on is one step to the patient's left, or to the back in the sagittal plane.
        assert_eq!(Plane::Axial.slices(&view)[[0, 0, 1]], 122);
        assert_eq!(Plane::Coronal.slices(&view)[[0, 1, 0]], 23);
        assert_eq!(Plane::Sagittal.slices(&view)[[0, 0, 1]], 113);
    }
}
