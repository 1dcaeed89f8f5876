//! From a volume to a heat map for each prompt: all three planes, averaged.

use ndarray::{Array3, Array4, ArrayView2, ArrayView3, Axis, Slice};

use super::{OpenNetwork, Plane, STRIDE};
use crate::onnx::OnnxError;

/// Slices that the network sees at once.
const BATCH: usize = 8;

/// Planes with fewer rows or columns than this are left out: they show too little to go by.
const LEAST_PIXELS: usize = 16;

/// Presence is that of the slices that show most of it: so many of a hundred, at least one.
const PRESENCE_SHARE: usize = 10;

/// What was found of one prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Heat {
    /// Probability that a voxel belongs to it, `(z, y, x)` in RAS.
    pub(super) probability: Array3<f32>,
    /// Probability that it is in the volume at all.
    pub(super) presence: f32,
}

/// One heat map for each row of `text`, for a prepared volume.
pub(super) fn heat(
    network: &mut OpenNetwork,
    ras: ArrayView3<'_, f32>,
    text: ArrayView2<'_, f32>,
) -> Result<Vec<Heat>, OnnxError> {
    let planes = planes(ras.dim());
    let prompts = text.nrows();
    let mut found = Vec::new();
    for plane in &planes {
        let slices = plane.slices(&ras);
        found.push((*plane, look(network, slices, text)?));
    }
    let weight = 1.0 / found.len() as f32;
    let each = |prompt: usize| {
        let mut probability = Array3::zeros(ras.dim());
        let mut presence = 0.0;
        for (plane, seen) in &found {
            let of_prompt = seen.probability.index_axis(Axis(1), prompt);
            probability.scaled_add(weight, &plane.volume(of_prompt));
            presence += weight * most_present(&seen.presence, prompt);
        }
        Heat {
            probability,
            presence,
        }
    };
    Ok((0..prompts).map(each).collect())
}

/// The planes that a volume of this shape is looked at in.
fn planes((nz, ny, nx): (usize, usize, usize)) -> Vec<Plane> {
    let is_large = |n: usize| n >= LEAST_PIXELS;
    let mut planes = vec![Plane::Axial];
    if is_large(nz) && is_large(nx) && is_large(ny) {
        planes.extend([Plane::Coronal, Plane::Sagittal]);
    }
    planes
}

struct Seen {
    /// `(slice, prompt, row, column)`.
    probability: Array4<f32>,
    /// `(prompt)` for each slice.
    presence: Vec<Vec<f32>>,
}

fn look(
    network: &mut OpenNetwork,
    slices: ArrayView3<'_, f32>,
    text: ArrayView2<'_, f32>,
) -> Result<Seen, OnnxError> {
    let (count, rows, columns) = slices.dim();
    let padded = [rows, columns].map(|n| n.next_multiple_of(STRIDE));
    let before = [(padded[0] - rows) / 2, (padded[1] - columns) / 2];
    let inner = [
        Slice::from(before[0]..before[0] + rows),
        Slice::from(before[1]..before[1] + columns),
    ];
    let mut seen = Seen {
        probability: Array4::zeros((count, text.nrows(), rows, columns)),
        presence: Vec::with_capacity(count),
    };
    for start in (0..count).step_by(BATCH) {
        let range = Slice::from(start..(start + BATCH).min(count));
        let part = slices.slice_axis(Axis(0), range);
        let mut batch = Array3::zeros((part.len_of(Axis(0)), padded[0], padded[1]));
        batch
            .slice_axis_mut(Axis(1), inner[0])
            .slice_axis_mut(Axis(2), inner[1])
            .assign(&part);
        let answers = network.run(batch.view(), text)?;
        let logits = answers.logits.slice_axis(Axis(2), inner[0]);
        let presence = answers.presence.mapv(sigmoid);
        // A pixel is part of it where the slice shows it and the pixel looks like it.
        let slice_shows = presence.view().insert_axis(Axis(2)).insert_axis(Axis(3));
        let looks_like = logits.slice_axis(Axis(3), inner[1]).mapv(sigmoid);
        seen.probability
            .slice_axis_mut(Axis(0), range)
            .assign(&(looks_like * slice_shows));
        seen.presence
            .extend(presence.outer_iter().map(|row| row.to_vec()));
    }
    Ok(seen)
}

/// The mean over the slices that show most of it.
fn most_present(presence: &[Vec<f32>], prompt: usize) -> f32 {
    let mut of_prompt: Vec<f32> = presence.iter().map(|slice| slice[prompt]).collect();
    of_prompt.sort_by(|a, b| b.total_cmp(a));
    let count = (of_prompt.len() * PRESENCE_SHARE).div_ceil(100).max(1);
    of_prompt.truncate(count);
    of_prompt.iter().sum::<f32>() / of_prompt.len().max(1) as f32
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
