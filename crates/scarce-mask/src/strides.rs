//! Masks at the strides of a network's feature maps.

use ndarray::{Array, ArrayView, Dimension, IntoDimension};

use crate::MaskError;
use crate::grid::Tiling;

/// A mask drawn on patches of `mask_stride` pixels, as a feature map of `feature_stride` sees it, along
/// each axis. On a coarser map a position is hidden if every patch under it is, so that what is
/// visible stays visible; on a finer one each patch is repeated.
///
/// Masks can so be finer than a network's last map (stride 16 or 8 below 32), which keeps small regions
/// that a grid of the last map's cells would swallow. SparK (arXiv 2301.03580) ties both together.
///
/// # Errors
/// [`MaskError::Grid`] where the strides don't divide each other or the grid.
///
/// ```
/// use ndarray::array;
/// use scarce_mask::hidden_at_stride;
///
/// let hidden = array![[true, true, false, true], [true, true, true, true]];
/// let coarse = hidden_at_stride(hidden.view(), [16, 16], [32, 32])?;
/// assert_eq!(coarse, array![[true, false]]);
/// let fine = hidden_at_stride(coarse.view(), [32, 32], [16, 16])?;
/// assert_eq!(fine, array![[true, true, false, false], [true, true, false, false]]);
/// # Ok::<(), scarce_mask::MaskError>(())
/// ```
pub fn hidden_at_stride<D: Dimension>(
    hidden: ArrayView<'_, bool, D>,
    mask_stride: impl IntoDimension<Dim = D>,
    feature_stride: impl IntoDimension<Dim = D>,
) -> Result<Array<bool, D>, MaskError> {
    let (from, to) = (
        mask_stride.into_dimension(),
        feature_stride.into_dimension(),
    );
    let mut shape = hidden.raw_dim();
    for axis in 0..hidden.ndim() {
        let pixels = hidden.shape()[axis] * from[axis];
        let nested = to[axis] > 0
            && from[axis] > 0
            && (to[axis] % from[axis] == 0 || from[axis] % to[axis] == 0);
        if !nested || !pixels.is_multiple_of(to[axis]) {
            return Err(MaskError::Grid {
                grid: to.slice().to_vec(),
                pixels: hidden.shape().to_vec(),
            });
        }
        shape[axis] = pixels / to[axis];
    }
    // Along each axis either every position holds patches, or every patch positions.
    let mut coarse = hidden.raw_dim();
    for axis in 0..hidden.ndim() {
        coarse[axis] = coarse[axis].min(shape[axis]);
    }
    let tiling = Tiling::new(hidden.shape(), coarse.slice())?;
    let mut all_hidden = vec![true; tiling.cells()];
    tiling.pieces(&hidden, |cell, patches| {
        all_hidden[cell] &= patches.iter().all(|v| *v);
    });
    let pooled =
        Array::from_shape_vec(coarse.clone(), all_hidden).map_err(|_| MaskError::Grid {
            grid: coarse.slice().to_vec(),
            pixels: hidden.shape().to_vec(),
        })?;
    let repeats: Vec<usize> = (0..hidden.ndim()).map(|a| shape[a] / coarse[a]).collect();
    Ok(Array::from_shape_fn(shape, |at| {
        let mut at = at.into_dimension();
        for (axis, repeat) in repeats.iter().enumerate() {
            at[axis] /= repeat;
        }
        pooled[at]
    }))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    #[test]
    fn levels_follow_each_other() {
        let hidden = Array2::from_shape_fn((28, 28), |(y, x)| (y * 7 + x * 3) % 5 != 0 || y < 14);
        for (stride, side) in [(4, 56), (8, 28), (16, 14), (32, 7)] {
            let level = hidden_at_stride(hidden.view(), [8, 8], [stride, stride]).unwrap();
            assert_eq!(level.dim(), (side, side));
            for ((y, x), v) in level.indexed_iter() {
                // By pixels: hidden where each pixel's patch is.
                let all = (y * stride..(y + 1) * stride)
                    .all(|p| (x * stride..(x + 1) * stride).all(|q| hidden[[p / 8, q / 8]]));
                assert_eq!(*v, all, "stride {stride} at {y}, {x}");
            }
        }
    }

    #[test]
    fn axes_go_their_own_way() {
        let hidden = Array3::from_shape_fn((4, 2, 6), |(z, y, x)| z < 2 && (y + x) % 3 > 0);
        let level = hidden_at_stride(hidden.view(), [2, 8, 8], [4, 4, 8]).unwrap();
        assert_eq!(level.dim(), (2, 4, 6));
        for ((z, y, x), v) in level.indexed_iter() {
            let both = hidden[[2 * z, y / 2, x]] && hidden[[2 * z + 1, y / 2, x]];
            assert_eq!(*v, both);
        }
        for (from, to) in [
            ([2, 8, 8], [3, 8, 8]),
            ([2, 8, 8], [4, 32, 8]),
            ([2, 8, 8], [0, 8, 8]),
            ([0, 8, 8], [2, 8, 8]),
        ] {
            assert!(hidden_at_stride(hidden.view(), from, to).is_err(), "{to:?}");
        }
    }
}
