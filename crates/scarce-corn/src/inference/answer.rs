//! What a network says of one window.

use std::ops::Range;

use tch::{Device, Kind, TchError, Tensor};

use super::Forward;
use crate::CornError;

/// An answer of so many values stays in a processor's last cache as a whole.
const CACHED: usize = 1 << 22;

/// A network's answer to a window, maybe a flipped one.
///
/// On the CPU a large one stays what the network gave, and [`Self::shares`] turns pieces of it into probabilities: a piece that
/// fits into the processor's caches is read from memory once and its probabilities never are.
pub(super) struct Answer {
    /// `(class, z, y, x)`.
    values: Tensor,
    are_logits: bool,
    /// Axes of `values` along which it is flipped.
    flipped: Vec<i64>,
}

impl Answer {
    /// What the network says of a window `(1, 1, z, y, x)` that is flipped along the axes named, 0 for z.
    pub fn new(
        forward: &Forward<'_>,
        window: &Tensor,
        flipped_zyx: &[usize],
    ) -> Result<Self, CornError> {
        let of_window: Vec<i64> = flipped_zyx.iter().map(|a| *a as i64 + 2).collect();
        // A network gets a tensor of its own to flip or to change, never a view of the image.
        let logits = forward(&window.f_flip(of_window)?.f_contiguous()?)?;
        check(&logits, window)?;
        let are_logits = logits.device() == Device::Cpu && logits.numel() > CACHED;
        let values = if are_logits {
            logits
        } else {
            let shares = logits.f_softmax(1, Kind::Float)?;
            shares.f_to_device(Device::Cpu)?
        };
        Ok(Self {
            values: values.f_squeeze_dim(0)?,
            are_logits,
            flipped: flipped_zyx.iter().map(|a| *a as i64 + 1).collect(),
        })
    }

    pub fn classes(&self) -> usize {
        self.values.size()[0] as usize
    }

    pub fn values_per_slice(&self) -> usize {
        self.values.numel() / self.values.size()[1] as usize
    }

    /// Class probabilities `(class, z, y, x)` of these slices of the window as it lies in the image.
    pub fn shares(&self, slices: Range<usize>) -> Result<Tensor, TchError> {
        let first = if self.flipped.contains(&1) {
            self.values.size()[1] - slices.end as i64
        } else {
            slices.start as i64
        };
        let mut piece = self.values.f_narrow(1, first, slices.len() as i64)?;
        if !self.flipped.is_empty() {
            piece = piece.f_flip(&self.flipped)?;
        }
        if self.are_logits {
            piece = piece.f_softmax(0, Kind::Float)?;
        }
        Ok(piece)
    }
}

/// The sets of axes along which a window is flipped: all of those of the axes chosen, the empty one first.
pub(super) fn flips(chosen_zyx: [bool; 3]) -> Vec<Vec<usize>> {
    let mut sets = vec![Vec::new()];
    for axis in (0..3).filter(|axis| chosen_zyx[*axis]) {
        for set in sets.clone() {
            sets.push([set, vec![axis]].concat());
        }
    }
    sets
}

fn check(logits: &Tensor, window: &Tensor) -> Result<(), CornError> {
    let (got, sides) = (logits.size(), window.size());
    let fits = got.len() == 5 && got[0] == 1 && got[1] >= 2 && got[2..] == sides[2..];
    if fits {
        return Ok(());
    }
    Err(CornError::Shape {
        what: "answer to a window (n, class, z, y, x)",
        expected: format!("(1, at least 2, {}, {}, {})", sides[2], sides[3], sides[4]),
        got,
    })
}
