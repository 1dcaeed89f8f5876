//! Which level of the pyramid a region is looked for in.

use scarce_train::interchange::onnx::{Attribute, OnnxGraph, Value};
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

/// The same as nodes of a graph.
pub(crate) struct TracedPooling {
    /// Maps and how many of their cells a pixel is wide.
    pub levels: Vec<(Value, f64)>,
    /// `(box, 4)`.
    pub boxes: Value,
    /// The image of each box, `(box)`.
    pub image: Value,
    /// The level of each box, `(box, 1)`.
    level: Value,
}

impl TracedPooling {
    pub fn new(
        graph: &mut OnnxGraph,
        levels: Vec<(Value, f64)>,
        boxes: Value,
        image: Value,
    ) -> Result<Self, DetectError> {
        let mut corners = Vec::with_capacity(4);
        for corner in 0..4 {
            let index = graph.integers("corner", &[corner])?;
            corners.push(graph.node("Gather", &[&boxes, &index], &[("axis", Attribute::Int(1))]));
        }
        let width = graph.node("Sub", &[&corners[2], &corners[0]], &[]);
        let height = graph.node("Sub", &[&corners[3], &corners[1]], &[]);
        let area = graph.node("Mul", &[&width, &height], &[]);
        let mut number = |value: f32| graph.weight("number", &Tensor::from_slice(&[value]));
        let (none, canonical) = (number(0.0)?, number(CANONICAL_SIDE)?);
        let per_octave = number(std::f32::consts::LOG2_E)?;
        let finest = levels.first().map_or(0.0, |(_, scale)| -scale.log2()) as f32;
        let shift = number(CANONICAL_LEVEL + 1e-6 - finest)?;
        let last = number(levels.len().saturating_sub(1) as f32)?;
        let area = graph.node("Max", &[&area, &none], &[]);
        let side = graph.node("Sqrt", &[&area], &[]);
        let side = graph.node("Div", &[&side, &canonical], &[]);
        let octaves = graph.node("Log", &[&side], &[]);
        let octaves = graph.node("Mul", &[&octaves, &per_octave], &[]);
        let level = graph.node("Add", &[&octaves, &shift], &[]);
        let level = graph.node("Floor", &[&level], &[]);
        let level = graph.node("Max", &[&level, &none], &[]);
        Ok(Self {
            level: graph.node("Min", &[&level, &last], &[]),
            levels,
            boxes,
            image,
        })
    }

    /// `(box, channel, side, side)`: every box is pooled from every level, and that of its own level is kept.
    pub fn pool(&self, graph: &mut OnnxGraph, side: usize) -> Result<Value, DetectError> {
        let mut sum: Option<Value> = None;
        for (number, (map, scale)) in self.levels.iter().enumerate() {
            let pooled = graph.node(
                "RoiAlign",
                &[map, &self.boxes, &self.image],
                &[
                    ("output_height", Attribute::Int(side as i64)),
                    ("output_width", Attribute::Int(side as i64)),
                    ("sampling_ratio", Attribute::Int(SAMPLES as i64)),
                    ("spatial_scale", Attribute::Float(*scale as f32)),
                    (
                        "coordinate_transformation_mode",
                        Attribute::Text("output_half_pixel"),
                    ),
                ],
            );
            let own = graph.weight("level", &Tensor::from_slice(&[number as f32]))?;
            let one = graph.weight("one", &Tensor::from_slice(&[1.0_f32]))?;
            let apart = graph.node("Sub", &[&self.level, &own], &[]);
            let apart = graph.node("Abs", &[&apart], &[]);
            let apart = graph.node("Min", &[&apart, &one], &[]);
            let kept = graph.node("Sub", &[&one, &apart], &[]);
            let shape = graph.integers("shape", &[-1, 1, 1, 1])?;
            let kept = graph.node("Reshape", &[&kept, &shape], &[]);
            let of_level = graph.node("Mul", &[&pooled, &kept], &[]);
            sum = Some(match sum {
                None => of_level,
                Some(sum) => graph.node("Add", &[&sum, &of_level], &[]),
            });
        }
        sum.ok_or(DetectError::Shape {
            what: "pyramid",
            expected: "a level to pool from",
            got: Vec::new(),
        })
    }
}
