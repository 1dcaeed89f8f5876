//! Which level of the pyramid a region is looked for in.

use tch::Tensor;

use crate::boxes::corners;
use crate::roi_align::{Level, Region, RoiAlign};
use crate::{DetectError, Images};

/// The pyramid's levels but the coarsest, which is for proposals alone.
#[derive(Debug)]
pub(super) struct Pooling {
    levels: Vec<Level>,
    /// The finest level's stride is 2 to the power of it.
    finest: f64,
}

/// Boxes of so many pixels a side, as ImageNet's pictures, belong in the level of stride 16 (Lin et al. 2017, eq. 1).
const CANONICAL_SIDE: f32 = 224.0;
const CANONICAL_LEVEL: f32 = 4.0;

/// Sampling points a cell.
const SAMPLES: usize = 2;

impl Pooling {
    pub(super) fn of(pyramid: &[Tensor], images: &Images) -> Result<Self, DetectError> {
        let (_, _, height, _) = images.pixels.size4()?;
        let levels: Vec<Level> = pyramid
            .split_last()
            .map_or(&[][..], |(_, finer)| finer)
            .iter()
            .map(|maps| {
                let stride = height as f64 / maps.size()[2].max(1) as f64;
                Level {
                    maps: maps.shallow_clone(),
                    // A power of two, whatever rounding the encoder's padding did.
                    spatial_scale: (-stride.log2().round()).exp2(),
                }
            })
            .collect();
        let finest = levels
            .first()
            .map_or(0.0, |level| -level.spatial_scale.log2());
        Ok(Self { levels, finest })
    }

    /// Boxes `(n, 4)` of each image as `(n of all, channel, side, side)`.
    pub(super) fn pool(&self, boxes: &[Tensor], side: usize) -> Result<Tensor, DetectError> {
        let mut regions = Vec::new();
        for (image, boxes) in boxes.iter().enumerate() {
            for xyxy in corners(boxes)? {
                regions.push(Region {
                    image,
                    level: self.level_of(xyxy),
                    xyxy,
                });
            }
        }
        let align = RoiAlign {
            output_yx: [side; 2],
            sampling_ratio: Some(SAMPLES),
            aligned: false,
        };
        align.forward(&self.levels, &regions)
    }

    fn level_of(&self, [x1, y1, x2, y2]: [f32; 4]) -> usize {
        let side = ((x2 - x1) * (y2 - y1)).max(0.0).sqrt();
        let level = (CANONICAL_LEVEL + (side / CANONICAL_SIDE).log2() + 1e-6).floor();
        let last = self.levels.len().saturating_sub(1) as f32;
        (level - self.finest as f32).clamp(0.0, last) as usize
    }
}
