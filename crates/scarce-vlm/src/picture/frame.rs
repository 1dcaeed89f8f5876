//! Where a picture lies in what a network sees, and the way back.

use ndarray::{Array2, Array3, ArrayView2};
use serde::Serialize;

use super::{Filter, Picture, PictureError};

/// A rectangle in a picture, in pixels: pixel `(y, x)` covers `x..x + 1` and `y..y + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PictureBox {
    /// Left, top.
    pub start_xy: [f32; 2],
    /// Right, bottom.
    pub stop_xy: [f32; 2],
}

/// A picture is resized, and laid into the network's input: parts may be cut off, parts of the input may stay empty.
///
/// The frame knows the way back, so that a map over the input comes out where the picture has what it shows; a map that is
/// stretched over the whole picture after a centre crop, as in MedCLIP-SAMv2, lies beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(
    clippy::struct_field_names,
    reason = "the suffix tells the order of axes"
)]
pub struct Frame {
    picture_yx: [usize; 2],
    resized_yx: [usize; 2],
    /// Where the first pixel of the resized picture lies in the input; negative where it is cut off.
    offset_yx: [i64; 2],
    input_yx: [usize; 2],
}

impl Frame {
    /// The whole picture, its sides scaled apart: MedSAM, CLIPSeg.
    pub fn squash(picture_yx: [usize; 2], input_yx: [usize; 2]) -> Self {
        Self {
            picture_yx,
            resized_yx: input_yx,
            offset_yx: [0; 2],
            input_yx,
        }
    }

    /// The shorter side becomes `side`, and the middle of the longer one is seen: CLIP's processor.
    pub fn centre_crop(picture_yx: [usize; 2], side: usize) -> Self {
        let shorter = picture_yx[0].min(picture_yx[1]).max(1);
        // `transformers` truncates the longer side.
        let resized_yx = picture_yx.map(|pixels| (pixels * side / shorter).max(1));
        let offset_yx = resized_yx.map(|pixels| -((pixels.saturating_sub(side) / 2) as i64));
        Self {
            picture_yx,
            resized_yx,
            offset_yx,
            input_yx: [side; 2],
        }
    }

    /// The longer side becomes `side`, and the picture lies in the middle of a square: nothing is cut off.
    pub fn centred_in_square(picture_yx: [usize; 2], side: usize) -> Self {
        let resized_yx = longest_side(picture_yx, side);
        Self {
            picture_yx,
            resized_yx,
            offset_yx: resized_yx.map(|pixels| ((side - pixels) / 2) as i64),
            input_yx: [side; 2],
        }
    }

    /// The longer side becomes `side`, and what is missing of a square is empty at the right or at the bottom: SAM.
    pub fn longest_side(picture_yx: [usize; 2], side: usize) -> Self {
        Self {
            picture_yx,
            resized_yx: longest_side(picture_yx, side),
            offset_yx: [0; 2],
            input_yx: [side; 2],
        }
    }

    /// Pixels of the input along y and x.
    pub fn input_yx(&self) -> [usize; 2] {
        self.input_yx
    }

    /// Pixels of the resized picture along y and x, before anything is cut off or filled up.
    pub fn resized_yx(&self) -> [usize; 2] {
        self.resized_yx
    }

    /// What the network sees of `picture`; black where there is nothing of it.
    ///
    /// # Errors
    /// [`PictureError::Size`] for a picture of another size than the frame's.
    pub fn view(&self, picture: &Picture, filter: Filter) -> Result<Picture, PictureError> {
        if picture.size_yx() != self.picture_yx {
            let [height, width] = picture.size_yx();
            return Err(PictureError::Size { height, width });
        }
        let resized = picture.resized(self.resized_yx, filter)?;
        if self.resized_yx == self.input_yx {
            return Ok(resized);
        }
        let source = resized.rgb();
        let [height, width] = self.input_yx;
        let rgb = Array3::from_shape_fn((height, width, 3), |(y, x, channel)| {
            let inside = |at: usize, axis: usize| {
                let at = at as i64 - self.offset_yx[axis];
                usize::try_from(at)
                    .ok()
                    .filter(|at| *at < self.resized_yx[axis])
            };
            match (inside(y, 0), inside(x, 1)) {
                (Some(y), Some(x)) => source[[y, x, channel]],
                _ => 0,
            }
        });
        Picture::new(rgb)
    }

    /// A map over the input, of any resolution, as a map over the picture: bilinear, as PyTorch's `interpolate` with
    /// `align_corners=False` where the whole picture is seen. `outside` stands where the network did not see the picture.
    pub fn to_picture(&self, map: ArrayView2<'_, f32>, outside: f32) -> Array2<f32> {
        let (rows, columns) = map.dim();
        let along_y = self.taps(0, rows);
        let along_x = self.taps(1, columns);
        let map = map.as_standard_layout();
        let map = map.as_slice().unwrap_or_default();
        let mut picture = Array2::from_elem(self.picture_yx, outside);
        for (y, mut row) in along_y.iter().zip(picture.rows_mut()) {
            let Some(y) = y else { continue };
            let low = &map[y.low * columns..(y.low + 1) * columns];
            let high = &map[y.high * columns..(y.high + 1) * columns];
            for (value, x) in row.iter_mut().zip(&along_x) {
                let Some(x) = x else { continue };
                let at = |row: &[f32]| row[x.low] * (1.0 - x.share) + row[x.high] * x.share;
                *value = at(low) * (1.0 - y.share) + at(high) * y.share;
            }
        }
        picture
    }

    /// A box in the picture as a box in the input.
    pub fn box_to_input(&self, in_picture: PictureBox) -> PictureBox {
        let point = |[x, y]: [f32; 2]| {
            [(x, 1), (y, 0)].map(|(at, axis): (f32, usize)| {
                (f64::from(at) * self.scale(axis) + self.offset_yx[axis] as f64) as f32
            })
        };
        PictureBox {
            start_xy: point(in_picture.start_xy),
            stop_xy: point(in_picture.stop_xy),
        }
    }

    /// A box in the input as a box in the picture, cut at the picture's edges; none if nothing of it is left.
    pub fn box_to_picture(&self, in_input: PictureBox) -> Option<PictureBox> {
        let point = |[x, y]: [f32; 2]| {
            [(x, 1), (y, 0)].map(|(at, axis): (f32, usize)| {
                let at = (f64::from(at) - self.offset_yx[axis] as f64) / self.scale(axis);
                at.clamp(0.0, self.picture_yx[axis] as f64) as f32
            })
        };
        let found = PictureBox {
            start_xy: point(in_input.start_xy),
            stop_xy: point(in_input.stop_xy),
        };
        let has_area = (0..2).all(|axis| found.start_xy[axis] < found.stop_xy[axis]);
        has_area.then_some(found)
    }

    /// Pixels of the resized picture for one of the picture.
    fn scale(&self, axis: usize) -> f64 {
        self.resized_yx[axis] as f64 / self.picture_yx[axis].max(1) as f64
    }

    /// For each pixel of the picture along `axis`, which of the map's `n` values it lies between.
    fn taps(&self, axis: usize, n: usize) -> Vec<Option<Tap>> {
        let input = self.input_yx[axis] as f64;
        (0..self.picture_yx[axis])
            .map(|pixel| {
                let at = (pixel as f64 + 0.5) * self.scale(axis) + self.offset_yx[axis] as f64;
                let is_seen = n > 0 && at >= 0.0 && at < input;
                is_seen.then(|| {
                    let at = (at * n as f64 / input - 0.5).max(0.0);
                    let low = (at as usize).min(n - 1);
                    Tap {
                        low,
                        high: (low + 1).min(n - 1),
                        share: (at - low as f64) as f32,
                    }
                })
            })
            .collect()
    }
}

/// Between `low` and `high`, `share` of the way.
#[derive(Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    share: f32,
}

/// `segment_anything`'s rounding: half a pixel up.
fn longest_side(picture_yx: [usize; 2], side: usize) -> [usize; 2] {
    let longer = picture_yx[0].max(picture_yx[1]).max(1);
    picture_yx.map(|pixels| ((pixels * side * 2 + longer) / (2 * longer)).clamp(1, side))
}
