//! Sliding-window inference: any network on images larger than its window.
//!
//! | function | gives | memory beside the network's |
//! | --- | --- | --- |
//! | [`sliding_window`] | all class probabilities | class × image |
//! | [`sliding_window_labels`] | the likeliest class of each voxel, one class's probability if asked | class × what windows have begun |
//! | [`sliding_window_blocks`] | probabilities, block by block, as they are finished | the same |
//!
//! All three add the same numbers in the same order. A window's weights are products of profiles along the axes, so that the sum of
//! weights at a voxel is one, too, and is never summed over windows.

mod answer;
mod blocks;
mod canvas;
mod windows;

use ndarray::{Array1, Array3, Array4, ArrayView3, ArrayView4, Axis, AxisDescription, Zip};
use tch::Device;

use crate::CornError;

pub use blocks::{FinishedBlock, Forward, sliding_window_blocks};
pub use windows::{Blend, Windows};

/// Class probabilities `(class, z, y, x)` of an image `(z, y, x)`, a convex blend of the windows' softmaxes.
///
/// # Errors
/// As [`sliding_window_blocks`].
pub fn sliding_window(
    forward: &Forward<'_>,
    image: ArrayView3<'_, f32>,
    windows: &Windows,
    device: Device,
) -> Result<Array4<f32>, CornError> {
    let (depth, height, width) = image.dim();
    let mut whole: Option<Array4<f32>> = None;
    sliding_window_blocks(forward, image, windows, device, &mut |block| {
        let shares = block.probabilities;
        let whole = whole
            .get_or_insert_with(|| Array4::zeros((shares.len_of(Axis(0)), depth, height, width)));
        whole
            .slice_each_axis_mut(|axis| match axis.axis.index() {
                0 => (..).into(),
                a => block.voxels(a - 1).into(),
            })
            .assign(&shares);
        Ok(())
    })?;
    // An image has at least one voxel, so there was a block.
    Ok(whole.unwrap_or_default())
}

/// A segmentation.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The likeliest class of each voxel `(z, y, x)`, the first of equals.
    pub labels: Array3<u16>,
    /// How many classes there are.
    pub classes: usize,
    /// The probability `(z, y, x)` of the class that was asked for.
    pub probability: Option<Array3<f32>>,
}

/// The likeliest class of each voxel of an image `(z, y, x)`, and the probability of one class: what
/// [`sliding_window`] and [`likeliest`] give, without ever holding all classes of the whole image.
///
/// # Errors
/// As [`sliding_window_blocks`]; [`CornError::Setting`] for a class that the network does not have.
pub fn sliding_window_labels(
    forward: &Forward<'_>,
    image: ArrayView3<'_, f32>,
    windows: &Windows,
    probability_of: Option<usize>,
    device: Device,
) -> Result<Labels, CornError> {
    let mut found = Labels {
        labels: Array3::zeros(image.dim()),
        classes: 0,
        probability: probability_of.map(|_| Array3::zeros(image.dim())),
    };
    sliding_window_blocks(forward, image, windows, device, &mut |block| {
        let shares = block.probabilities;
        let classes = shares.len_of(Axis(0));
        let place = |axis: AxisDescription| block.voxels(axis.axis.index()).into();
        found.classes = classes;
        found
            .labels
            .slice_each_axis_mut(place)
            .assign(&likeliest(shares));
        if let (Some(class), Some(probability)) = (probability_of, &mut found.probability) {
            if class >= classes {
                let expected = "a class of the network";
                return Err(CornError::setting("probability_of", expected, class));
            }
            let share = shares.index_axis(Axis(0), class);
            probability.slice_each_axis_mut(place).assign(&share);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The likeliest class of each voxel, by probabilities `(class, z, y, x)`: the first of equals.
pub fn likeliest(probabilities: ArrayView4<'_, f32>) -> Array3<u16> {
    let (_, z, y, x) = probabilities.dim();
    let mut labels = Array3::zeros((z, y, x));
    // Row by row, so that what is the best yet stays in the fastest cache; as wide as what it is chosen by.
    let (mut best, mut chosen) = (Array1::zeros(x), Array1::<u32>::zeros(x));
    for ((z, y), mut row) in (0..z)
        .flat_map(|z| (0..y).map(move |y| (z, y)))
        .zip(labels.rows_mut())
    {
        best.fill(f32::NEG_INFINITY);
        chosen.fill(0);
        for (class, shares) in probabilities.outer_iter().enumerate() {
            let shares = shares
                .index_axis_move(Axis(0), z)
                .index_axis_move(Axis(0), y);
            let rows = Zip::from(&mut best).and(&mut chosen).and(shares);
            rows.for_each(|best, chosen, share| {
                let is_better = *share > *best;
                *best = if is_better { *share } else { *best };
                *chosen = if is_better { class as u32 } else { *chosen };
            });
        }
        row.zip_mut_with(&chosen, |label, class| *label = *class as u16);
    }
    labels
}
