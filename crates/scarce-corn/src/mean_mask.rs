//! What a segmentation can get right without looking at an image.

use ndarray::{Array4, ArrayView3};

use crate::CornError;

/// Class shares `(class, z, y, x)` of masks `(z, y, x)` at each voxel of an image of another shape: each mask is stretched to it
/// (the voxel whose place in the mask is the nearest), then all are averaged. Over the classes they add up to 1.
///
/// The likeliest class is the floor that a network has to beat: where volumes are cropped about the organ, as the
/// left-atrium set is, it lies far above 0. Of two classes it is where more than half of the masks are.
///
/// # Errors
/// [`CornError::Data`] without a mask; [`CornError::Shape`] for an empty one; [`CornError::Data`] for a class that is not
/// below `classes`.
pub fn mean_mask(
    masks: &[ArrayView3<'_, u8>],
    classes: usize,
    shape_zyx: [usize; 3],
) -> Result<Array4<f32>, CornError> {
    if masks.is_empty() {
        let message = "a mean mask of no mask".to_owned();
        return Err(CornError::Data { message });
    }
    let [depth, height, width] = shape_zyx;
    let mut counts = Array4::<f32>::zeros((classes, depth, height, width));
    for mask in masks {
        if mask.is_empty() {
            return Err(CornError::Shape {
                what: "mask (z, y, x)",
                expected: "at least one voxel".to_owned(),
                got: mask.shape().iter().map(|n| *n as i64).collect(),
            });
        }
        let side: [usize; 3] = mask.dim().into();
        let [from_z, from_y, from_x] = [0, 1, 2].map(|a| nearest(side[a], shape_zyx[a]));
        for (z, from_z) in from_z.iter().enumerate() {
            for (y, from_y) in from_y.iter().enumerate() {
                for (x, from_x) in from_x.iter().enumerate() {
                    let class = mask[[*from_z, *from_y, *from_x]];
                    let Some(count) = counts.get_mut([usize::from(class), z, y, x]) else {
                        let message = format!("a mask has class {class}, expected below {classes}");
                        return Err(CornError::Data { message });
                    };
                    *count += 1.0;
                }
            }
        }
    }
    counts /= masks.len() as f32;
    Ok(counts)
}

/// For each of `new` voxels along an axis, the one of `old` that its middle lies in.
fn nearest(old: usize, new: usize) -> Vec<usize> {
    (0..new).map(|i| (2 * i + 1) * old / (2 * new)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::inference::likeliest;

    #[test]
    fn masks_are_stretched_and_averaged() {
        // The left half, and the left quarter, of rows of other lengths.
        let of = |width: usize, filled: usize| {
            Array3::from_shape_fn((2, 3, width), |(_, _, x)| u8::from(x < filled))
        };
        let (half, quarter, whole) = (of(8, 4), of(4, 1), of(2, 2));
        let views = [half.view(), quarter.view()];
        let shares = mean_mask(&views, 2, [4, 2, 16]).unwrap();
        let row: Vec<f32> = (0..16).map(|x| shares[[1, 3, 1, x]]).collect();
        assert_eq!(row, [[1.0; 4], [0.5; 4], [0.0; 4], [0.0; 4]].concat());
        assert!(shares.sum_axis(ndarray::Axis(0)).iter().all(|s| *s == 1.0));
        // More than half of the masks, not half.
        let labels = likeliest(shares.view());
        assert_eq!(labels.iter().filter(|l| **l == 1).count(), 4 * 2 * 4);
        let views = [half.view(), quarter.view(), whole.view()];
        let labels = likeliest(mean_mask(&views, 2, [4, 2, 16]).unwrap().view());
        assert_eq!(labels.iter().filter(|l| **l == 1).count(), 4 * 2 * 8);
    }

    #[test]
    fn refuses_what_has_no_mean() {
        let mask = Array3::<u8>::from_elem((1, 1, 1), 2);
        let empty = Array3::<u8>::zeros((1, 0, 1));
        for (masks, part) in [
            (vec![], "no mask"),
            (vec![mask.view()], "class 2"),
            (vec![empty.view()], "[1, 0, 1]"),
        ] {
            let error = mean_mask(&masks, 2, [1, 1, 1]).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
