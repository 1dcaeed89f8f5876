//! An image with room for windows.

use std::ops::Range;

use ndarray::{ArrayView3, ArrayView4, Axis, Slice};
use scarce_train::tensor_from_array;
use tch::{Device, Tensor};

use super::FinishedBlock;
use crate::CornError;

/// An image, padded to a window's size at least.
pub(super) struct Canvas {
    /// `(1, 1, z, y, x)`, where the network runs.
    voxels: Tensor,
    pub size: [usize; 3],
    /// Voxels before the image's first.
    before: [usize; 3],
    shape: [usize; 3],
}

impl Canvas {
    pub fn new(
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
    pub fn window(&self, start: [usize; 3], patch: [usize; 3]) -> Result<Tensor, CornError> {
        let mut window = self.voxels.shallow_clone();
        for a in 0..3 {
            window = window.f_narrow(a as i64 + 2, start[a] as i64, patch[a] as i64)?;
        }
        Ok(window)
    }

    /// Hands on what of a block lies within the image.
    pub fn give(
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
