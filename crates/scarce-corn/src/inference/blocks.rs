//! Windows in order, and what is finished as soon as it is.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{ArrayView3, ArrayView4, Axis, Slice};
use scarce_train::{array4_from_tensor, tensor_from_array};
use tch::{Device, Kind, TchError, Tensor};

use super::Windows;
use super::answer::{Answer, flips};
use super::windows::{AxisWindows, Stretch};
use crate::CornError;

/// A network as inference sees it: `(n, channel, z, y, x)` to logits `(n, class, z, y, x)`, in evaluation mode.
pub type Forward<'n> = dyn Fn(&Tensor) -> Result<Tensor, CornError> + 'n;

/// A part of an image whose probabilities are known: some rows of some slices, the whole of x.
#[derive(Debug)]
pub struct FinishedBlock<'a> {
    /// Where its first voxel lies in the image, along z and y; along x at 0.
    pub first_zy: [usize; 2],
    /// `(class, z, y, x)`; over the classes they add up to 1.
    pub probabilities: ArrayView4<'a, f32>,
}

impl FinishedBlock<'_> {
    /// Which of the image's voxels it holds along an axis: 0 for z, 1 for y, 2 for x.
    pub fn voxels(&self, axis: usize) -> Range<usize> {
        let first = self.first_zy.get(axis).copied().unwrap_or(0);
        first..first + self.probabilities.len_of(Axis(axis + 1))
    }
}

/// Class probabilities of an image `(z, y, x)`, block by block, in no more memory than the blocks take that
/// some window has begun and another is to go on with: along z a window's side, along y as many rows as windows have come to.
///
/// Each voxel comes once. Smaller images are padded with 0 at both ends. No gradient is kept.
///
/// # Errors
/// [`CornError::Setting`] for windows that [`Windows::check`] refuses; [`CornError::Shape`] for an empty image, and for
/// answers that are not two classes or more for each voxel of the window; those of the network and of `take`.
pub fn sliding_window_blocks(
    forward: &Forward<'_>,
    image: ArrayView3<'_, f32>,
    windows: &Windows,
    device: Device,
    take: &mut dyn FnMut(FinishedBlock<'_>) -> Result<(), CornError>,
) -> Result<(), CornError> {
    windows.check()?;
    let canvas = Canvas::new(image, windows.patch_zyx, device)?;
    let size = canvas.size;
    let [in_z, in_y, in_x] = [0, 1, 2].map(|a| windows.along(a, size[a]));
    let flips = flips(windows.flips_zyx);
    let weights = outer([&in_z.profile, &in_y.profile, &in_x.profile])?;
    let weights = weights.f_div_scalar(flips.len() as f64)?;
    let mut open = OpenBlocks::default();
    let _guard = tch::no_grad_guard();
    for (i, &z) in in_z.starts.iter().enumerate() {
        for (j, &y) in in_y.starts.iter().enumerate() {
            for &x in &in_x.starts {
                let input = canvas.window([z, y, x], windows.patch_zyx)?;
                for flipped in &flips {
                    let answer = Answer::new(forward, &input, flipped)?;
                    for (a, slices) in in_z.covered_by(i) {
                        let first = slices.voxels.start;
                        for piece in pieces(slices.voxels.clone(), answer.values_per_slice()) {
                            let shares = answer.shares(piece.start - z..piece.end - z)?;
                            let weights = of_axis(&weights, 0, piece.start - z..piece.end - z)?;
                            for (b, rows) in in_y.covered_by(j) {
                                let sums = open.at([a, b], [slices, rows], size[2], &answer)?;
                                // A view: what is added to it is added to the block.
                                let covered =
                                    of_axis(sums, 1, piece.start - first..piece.end - first)?;
                                let mut covered =
                                    of_axis(&covered, 3, x..x + windows.patch_zyx[2])?;
                                let rows = rows.voxels.start - y..rows.voxels.end - y;
                                let shares = of_axis(&shares, 2, rows.clone())?;
                                let weights = of_axis(&weights, 1, rows)?;
                                let _ = covered.f_addcmul_(&shares, &weights)?;
                            }
                        }
                    }
                }
            }
            for (a, slices) in ended(&in_z, i) {
                for (b, rows) in ended(&in_y, j) {
                    let Some(sums) = open.0.remove(&[a, b]) else {
                        continue;
                    };
                    let total = outer([
                        &in_z.total[slices.voxels.clone()],
                        &in_y.total[rows.voxels.clone()],
                        &in_x.total,
                    ])?;
                    let first = slices.voxels.start;
                    let values_per_slice = sums.numel() / slices.voxels.len();
                    for piece in pieces(slices.voxels.clone(), values_per_slice) {
                        let of_block = piece.start - first..piece.end - first;
                        let total = of_axis(&total, 0, of_block.clone())?;
                        let shares = of_axis(&sums, 1, of_block)?.f_div_(&total)?;
                        let shares = array4_from_tensor(&shares)?;
                        canvas.give([piece, rows.voxels.clone()], shares.view(), take)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The stretches that no window after this one covers.
fn ended(along: &AxisWindows, window: usize) -> impl Iterator<Item = (usize, &Stretch)> {
    (along.covered_by(window)).filter(move |(_, stretch)| stretch.last_window == window)
}

/// Slices, so many at once that their values stay in a processor's caches.
fn pieces(slices: Range<usize>, values_per_slice: usize) -> impl Iterator<Item = Range<usize>> {
    const VALUES: usize = 1 << 19;
    let (at_once, end) = ((VALUES / values_per_slice.max(1)).max(1), slices.end);
    slices
        .step_by(at_once)
        .map(move |first| first..(first + at_once).min(end))
}

fn of_axis(t: &Tensor, axis: i64, range: Range<usize>) -> Result<Tensor, TchError> {
    t.f_narrow(axis, range.start as i64, range.len() as i64)
}

/// Products of weights along the axes, `(z, y, x)`.
fn outer([z, y, x]: [&[f32]; 3]) -> Result<Tensor, CornError> {
    let [z, y, x] = [(z, [-1, 1, 1]), (y, [1, -1, 1]), (x, [1, 1, -1])]
        .map(|(weights, shape)| Tensor::from_slice(weights).view(shape));
    Ok(z.f_mul(&y)?.f_mul(&x)?)
}

/// Weighted sums `(class, z, y, x)` of the blocks that windows have begun.
#[derive(Default)]
struct OpenBlocks(BTreeMap<[usize; 2], Tensor>);

impl OpenBlocks {
    fn at(
        &mut self,
        number: [usize; 2],
        within: [&Stretch; 2],
        width: usize,
        answer: &Answer,
    ) -> Result<&Tensor, CornError> {
        use std::collections::btree_map::Entry;
        let classes = answer.classes() as i64;
        let block = match self.0.entry(number) {
            Entry::Occupied(block) => block.into_mut(),
            Entry::Vacant(place) => {
                let [z, y] = within.map(|stretch| stretch.voxels.len() as i64);
                let shape = [classes, z, y, width as i64];
                place.insert(Tensor::f_zeros(shape, (Kind::Float, Device::Cpu))?)
            }
        };
        if block.size()[0] != classes {
            return Err(CornError::Shape {
                what: "answer to a window (class, …)",
                expected: format!("{} classes as before", block.size()[0]),
                got: vec![classes],
            });
        }
        Ok(block)
    }
}

/// An image, padded to a window's size at least.
struct Canvas {
    /// `(1, 1, z, y, x)`, where the network runs.
    voxels: Tensor,
    size: [usize; 3],
    /// Voxels before the image's first.
    before: [usize; 3],
    shape: [usize; 3],
}

impl Canvas {
    fn new(
        image: ArrayView3<'_, f32>,
        patch: [usize; 3],
        device: Device,
    ) -> Result<Self, CornError> {
        if image.is_empty() {
            return Err(CornError::Shape {
                what: "image (z, y, x)",
                expected: "at least one voxel".to_owned(),
                got: image.shape().iter().map(|n| *n as i64).collect(),
            });
        }
        let shape: [usize; 3] = image.dim().into();
        let size = [0, 1, 2].map(|a| shape[a].max(patch[a]));
        let before = [0, 1, 2].map(|a| (size[a] - shape[a]) / 2);
        // From the last axis on, as libtorch has it.
        let mut padding = Vec::with_capacity(6);
        for a in [2, 1, 0] {
            padding.extend([before[a], size[a] - shape[a] - before[a]].map(|n| n as i64));
        }
        let voxels = tensor_from_array(&image).f_unsqueeze(0)?.f_unsqueeze(0)?;
        Ok(Self {
            voxels: voxels.f_to_device(device)?.f_constant_pad_nd(&padding)?,
            size,
            before,
            shape,
        })
    }

    /// The window `(1, 1, z, y, x)` from a voxel on, a view.
    fn window(&self, start: [usize; 3], patch: [usize; 3]) -> Result<Tensor, CornError> {
        let mut window = self.voxels.shallow_clone();
        for a in 0..3 {
            window = window.f_narrow(a as i64 + 2, start[a] as i64, patch[a] as i64)?;
        }
        Ok(window)
    }

    /// Hands on what of a block lies within the image.
    fn give(
        &self,
        within: [Range<usize>; 2],
        block: ArrayView4<'_, f32>,
        take: &mut dyn FnMut(FinishedBlock<'_>) -> Result<(), CornError>,
    ) -> Result<(), CornError> {
        let mut inside = block;
        let mut first_zy = [0; 2];
        for a in 0..2 {
            let (voxels, before) = (&within[a], self.before[a]);
            let first = voxels.start.max(before);
            let end = voxels.end.min(before + self.shape[a]);
            if first >= end {
                return Ok(());
            }
            let slice = Slice::from(first - voxels.start..end - voxels.start);
            inside.slice_axis_inplace(Axis(a + 1), slice);
            first_zy[a] = first - before;
        }
        let (first, width) = (self.before[2], self.shape[2]);
        inside.slice_axis_inplace(Axis(3), (first..first + width).into());
        take(FinishedBlock {
            first_zy,
            probabilities: inside,
        })
    }
}
