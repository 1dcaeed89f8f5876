//! How windows lie on an image and what their answers count for.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::CornError;

/// How the windows lie and how their answers are blended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    /// Voxels of a window along z, y and x; multiples of 16.
    pub patch_zyx: [usize; 3],
    /// Share of a window's side that its neighbours cover at least, from 0 to below 1; windows are spread
    /// evenly.
    pub overlap: f64,
    /// Voxels from one window to the next along z, y and x, in place of `overlap`; the last window is moved back to
    /// end with the image. The left-atrium papers' are 4, 18 and 18.
    pub strides_zyx: Option<[usize; 3]>,
    /// What a window's answer counts for across its sides.
    pub blend: Blend,
    /// Axes z, y and x along which windows are flipped, too: their answers, flipped back, are averaged over all
    /// combinations.
    pub flips_zyx: [bool; 3],
}

/// What a window's answer counts for across its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blend {
    /// The same everywhere (the left-atrium literature).
    Uniform,
    /// A Gaussian of σ = side/8 about the window's middle, where the network sees most context
    /// (nnU-Net's and MONAI's), at least 0.001 of its peak on each axis.
    Gaussian,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            patch_zyx: [80, 112, 112],
            overlap: 0.5,
            strides_zyx: None,
            blend: Blend::Gaussian,
            flips_zyx: [false; 3],
        }
    }
}

impl Windows {
    /// Refuses windows that leave gaps, or are none.
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self) -> Result<(), CornError> {
        if self.patch_zyx.contains(&0) {
            let got = format!("{:?}", self.patch_zyx);
            return Err(CornError::setting("patch_zyx", "at least 1", got));
        }
        if !(0.0..1.0).contains(&self.overlap) {
            let expected = "at least 0 and below 1";
            return Err(CornError::setting("overlap", expected, self.overlap));
        }
        if let Some(strides) = self.strides_zyx {
            let fits = |a: usize| (1..=self.patch_zyx[a]).contains(&strides[a]);
            if !(0..3).all(fits) {
                let expected = "1 to the window's side along each axis";
                let got = format!("{strides:?} for {:?}", self.patch_zyx);
                return Err(CornError::setting("strides_zyx", expected, got));
            }
        }
        Ok(())
    }

    /// Along an axis of `size` voxels, at least a window's side.
    pub(super) fn along(&self, axis: usize, size: usize) -> AxisWindows {
        let side = self.patch_zyx[axis];
        let starts = match self.strides_zyx {
            Some(strides) => strided(size - side, strides[axis]),
            None => spread(size, side, self.overlap),
        };
        AxisWindows::new(starts, self.blend.profile(side), size)
    }
}

impl Blend {
    /// Weights across a window's side, all above 0.
    pub(super) fn profile(self, side: usize) -> Vec<f32> {
        let middle = (side as f64 - 1.0) / 2.0;
        let weight = |i: usize| match self {
            Self::Uniform => 1.0,
            Self::Gaussian => {
                let distance = (i as f64 - middle) / (side as f64 / 8.0);
                (-0.5 * distance * distance).exp().max(1e-3) as f32
            }
        };
        (0..side).map(weight).collect()
    }
}

/// First voxels of windows so many voxels apart; the last one ends with the image.
fn strided(room: usize, stride: usize) -> Vec<usize> {
    (0..=room.div_ceil(stride))
        .map(|i| (i * stride).min(room))
        .collect()
}

/// First voxels of windows spread evenly.
fn spread(size: usize, side: usize, overlap: f64) -> Vec<usize> {
    let stride = ((side as f64 * (1.0 - overlap)).floor()).max(1.0);
    let room = size - side;
    let gaps = (room as f64 / stride).ceil() as usize;
    (0..=gaps)
        .map(|i| (i * room).checked_div(gaps).unwrap_or(0))
        .collect()
}

/// The windows along one axis, and the stretches between their ends: all voxels of a stretch are covered by the
/// same windows.
#[derive(Debug)]
pub(super) struct AxisWindows {
    /// First voxel of each, rising.
    pub starts: Vec<usize>,
    /// Weights across a window.
    pub profile: Vec<f32>,
    /// Sum of the weights at each voxel.
    pub total: Vec<f32>,
    /// In order, without gaps.
    pub stretches: Vec<Stretch>,
}

/// A stretch of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub voxels: Range<usize>,
    /// The last window that covers it.
    pub last_window: usize,
}

impl AxisWindows {
    fn new(starts: Vec<usize>, profile: Vec<f32>, size: usize) -> Self {
        let side = profile.len();
        let mut total = vec![0.0; size];
        for start in &starts {
            for (sum, weight) in total[*start..start + side].iter_mut().zip(&profile) {
                *sum += weight;
            }
        }
        let mut ends: Vec<usize> = starts.iter().flat_map(|s| [*s, s + side]).collect();
        ends.sort_unstable();
        ends.dedup();
        let stretches = ends
            .windows(2)
            .map(|pair| Stretch {
                voxels: pair[0]..pair[1],
                // The first one starts at 0.
                last_window: starts.partition_point(|start| *start <= pair[0]) - 1,
            })
            .collect();
        Self {
            starts,
            profile,
            total,
            stretches,
        }
    }

    /// The stretches that a window covers, numbered.
    pub fn covered_by(&self, window: usize) -> impl Iterator<Item = (usize, &Stretch)> {
        let start = self.starts[window];
        let end = start + self.profile.len();
        let inside = move |s: &Stretch| start <= s.voxels.start && s.voxels.end <= end;
        (self.stretches.iter().enumerate()).filter(move |(_, stretch)| inside(stretch))
    }

    /// Of these, the stretches that no later window covers.
    pub fn ended_by(&self, window: usize) -> impl Iterator<Item = (usize, &Stretch)> {
        (self.covered_by(window)).filter(move |(_, stretch)| stretch.last_window == window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_voxel_with_the_overlap() {
        for (size, side, overlap) in [
            (64, 64, 0.5),
            (65, 64, 0.5),
            (100, 32, 0.25),
            (90, 16, 0.0),
            (40, 16, 0.99),
        ] {
            let starts = spread(size, side, overlap);
            assert_eq!((starts[0], starts[starts.len() - 1]), (0, size - side));
            let widest = starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            let stride = (side as f64 * (1.0 - overlap)).max(1.0);
            assert!(widest as f64 <= stride, "{size} {side}: {starts:?}");
        }
    }

    /// UA-MT's rule: ⌈(size − side)/stride⌉ + 1 windows, each at stride·i but no further than the end.
    #[test]
    fn strides_are_the_papers() {
        for (size, side, stride, expected) in [
            (88, 80, 4, vec![0, 4, 8]),
            (144, 112, 18, vec![0, 18, 32]),
            (132, 112, 18, vec![0, 18, 20]),
            (112, 112, 18, vec![0]),
            (30, 16, 16, vec![0, 14]),
        ] {
            assert_eq!(strided(size - side, stride), expected, "{size} {stride}");
        }
    }

    #[test]
    fn stretches_are_covered_by_the_windows_they_say() {
        for starts in [vec![0], vec![0, 3, 6], vec![0, 8], vec![0, 1, 2, 10]] {
            let (side, size) = (8, starts[starts.len() - 1] + 8);
            let along = AxisWindows::new(starts.clone(), vec![1.0; side], size);
            let covering = |v: usize| {
                let covers = |k: &usize| (starts[*k]..starts[*k] + side).contains(&v);
                (0..starts.len()).filter(covers).collect::<Vec<_>>()
            };
            let mut next = 0;
            for stretch in &along.stretches {
                assert_eq!(stretch.voxels.start, next);
                next = stretch.voxels.end;
                for voxel in stretch.voxels.clone() {
                    let windows = covering(voxel);
                    assert_eq!(windows.last(), Some(&stretch.last_window));
                    assert!(along.total[voxel] == windows.len() as f32);
                }
            }
            assert_eq!(next, size);
            for (window, start) in starts.iter().enumerate() {
                let voxels: usize = along.covered_by(window).map(|(_, s)| s.voxels.len()).sum();
                assert_eq!(voxels, side, "{starts:?} at {start}");
            }
        }
    }
}
