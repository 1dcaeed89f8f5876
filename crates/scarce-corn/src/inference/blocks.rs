//! Windows in order, and what is finished as soon as it is.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{ArrayView3, ArrayView4, Axis};
use scarce_train::array4_from_tensor;
use tch::{Device, Kind, TchError, Tensor};

use super::Windows;
use super::answer::{Answer, flips};
use super::canvas::Canvas;
use super::windows::AxisWindows;
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
    let along = [0, 1, 2].map(|a| windows.along(a, canvas.size[a]));
    let flips = flips(windows.flips_zyx);
    let mut open = OpenBlocks::new(&along, flips.len())?;
    let [in_z, in_y, in_x] = &along;
    let _guard = tch::no_grad_guard();
    for (i, &z) in in_z.starts.iter().enumerate() {
        for (j, &y) in in_y.starts.iter().enumerate() {
            for (k, &x) in in_x.starts.iter().enumerate() {
                let input = canvas.window([z, y, x], windows.patch_zyx)?;
                for flipped in &flips {
                    open.add([i, j, k], &Answer::new(forward, &input, flipped)?)?;
                }
            }
            for ([slices, rows], sums) in open.ended([i, j]) {
                let total = outer([
                    &in_z.total[slices.clone()],
                    &in_y.total[rows.clone()],
                    &in_x.total,
                ])?;
                let first = slices.start;
                let values_per_slice = sums.numel() / slices.len();
                for piece in pieces(slices.clone(), values_per_slice) {
                    let of_block = piece.start - first..piece.end - first;
                    let total = of_axis(&total, 0, of_block.clone())?;
                    let shares = of_axis(&sums, 1, of_block)?.f_div_(&total)?;
                    let shares = array4_from_tensor(&shares)?;
                    canvas.give([piece, rows.clone()], shares.view(), take)?;
                }
            }
        }
    }
    Ok(())
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
struct OpenBlocks<'a> {
    along_zyx: &'a [AxisWindows; 3],
    /// Of an answer, `(z, y, x)`.
    weights: Tensor,
    /// By their stretches along z and y.
    sums: BTreeMap<[usize; 2], Tensor>,
}

impl<'a> OpenBlocks<'a> {
    /// None yet, of windows that `answers` are given to each.
    fn new(along_zyx: &'a [AxisWindows; 3], answers: usize) -> Result<Self, CornError> {
        let weights = outer([0, 1, 2].map(|a| along_zyx[a].profile.as_slice()))?;
        Ok(Self {
            along_zyx,
            weights: weights.f_div_scalar(answers as f64)?,
            sums: BTreeMap::new(),
        })
    }

    /// Adds an answer to a window, by its numbers along the axes.
    fn add(&mut self, [i, j, k]: [usize; 3], answer: &Answer) -> Result<(), CornError> {
        let [in_z, in_y, in_x] = self.along_zyx;
        let (z, y, x) = (in_z.starts[i], in_y.starts[j], in_x.starts[k]);
        let columns = x..x + in_x.profile.len();
        for (a, slices) in in_z.covered_by(i) {
            let first = slices.voxels.start;
            for piece in pieces(slices.voxels.clone(), answer.values_per_slice()) {
                let shares = answer.shares(piece.start - z..piece.end - z)?;
                let weights = of_axis(&self.weights, 0, piece.start - z..piece.end - z)?;
                for (b, rows) in in_y.covered_by(j) {
                    let sums = self.sums_of([a, b], answer)?;
                    // A view: what is added to it is added to the block.
                    let covered = of_axis(sums, 1, piece.start - first..piece.end - first)?;
                    let mut covered = of_axis(&covered, 3, columns.clone())?;
                    let rows = rows.voxels.start - y..rows.voxels.end - y;
                    let shares = of_axis(&shares, 2, rows.clone())?;
                    let _ = covered.f_addcmul_(&shares, &of_axis(&weights, 1, rows)?)?;
                }
            }
        }
        Ok(())
    }

    fn sums_of(&mut self, number: [usize; 2], answer: &Answer) -> Result<&Tensor, CornError> {
        use std::collections::btree_map::Entry;
        let (along, classes) = (self.along_zyx, answer.classes() as i64);
        let sums = match self.sums.entry(number) {
            Entry::Occupied(sums) => sums.into_mut(),
            Entry::Vacant(place) => {
                let side = |a: usize| along[a].stretches[number[a]].voxels.len() as i64;
                let shape = [classes, side(0), side(1), along[2].total.len() as i64];
                place.insert(Tensor::f_zeros(shape, (Kind::Float, Device::Cpu))?)
            }
        };
        if sums.size()[0] != classes {
            return Err(CornError::Shape {
                what: "answer to a window (class, …)",
                expected: format!("{} classes as before", sums.size()[0]),
                got: vec![classes],
            });
        }
        Ok(sums)
    }

    /// Takes out, with their slices and rows, the blocks that no window after these of z and y covers.
    fn ended(&mut self, [i, j]: [usize; 2]) -> Vec<([Range<usize>; 2], Tensor)> {
        let [in_z, in_y, _] = self.along_zyx;
        let mut ended = Vec::new();
        for (a, slices) in in_z.ended_by(i) {
            for (b, rows) in in_y.ended_by(j) {
                let of_block = [slices.voxels.clone(), rows.voxels.clone()];
                ended.extend(self.sums.remove(&[a, b]).map(|sums| (of_block, sums)));
            }
        }
        ended
    }
}
