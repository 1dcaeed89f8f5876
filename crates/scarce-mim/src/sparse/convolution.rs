//! Convolution over visible cells.

use std::rc::Rc;

use scarce_train::interchange::onnx::Attribute;
use tch::Tensor;
use tch::nn::{Init, Path};

use super::features::VisibleCells;
use super::{Features, Input, Traced};
use crate::MimError;

/// What a convolution does along each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Number of sides: 2 for images, 3 for volumes.
    pub dimensions: usize,
    /// Cells a side of the kernel.
    pub kernel: i64,
    /// Cells between outputs.
    pub stride: i64,
    /// Zeros beyond each border.
    pub padding: i64,
    /// Channel groups that don't see each other.
    pub groups: i64,
}

impl Geometry {
    /// Centred, one group: an odd `kernel` keeps the size but for `stride`.
    pub fn centred(dimensions: usize, kernel: i64, stride: i64) -> Self {
        Self {
            dimensions,
            kernel,
            stride,
            padding: kernel / 2,
            groups: 1,
        }
    }

    /// Windows side by side: `kernel` cells become one.
    pub fn patches(dimensions: usize, kernel: i64) -> Self {
        Self {
            dimensions,
            kernel,
            stride: kernel,
            padding: 0,
            groups: 1,
        }
    }

    /// A kernel for each of `channels`.
    #[must_use]
    pub fn depthwise(self, channels: i64) -> Self {
        Self {
            groups: channels,
            ..self
        }
    }

    /// Whether a window of a visible cell holds that patch's cells alone.
    fn stays_inside(&self) -> bool {
        self.padding == 0 && self.kernel <= self.stride && self.groups == 1
    }
}

/// A convolution that no value seeps through into hidden cells, while hidden neighbours count as zeros.
#[derive(Debug)]
pub struct Convolution {
    weight: Tensor,
    bias: Option<Tensor>,
    geometry: Geometry,
}

impl Convolution {
    /// `weight` and, unless `bias` is none, `bias` under `path`, drawn as the two say.
    pub fn new(
        path: &Path<'_>,
        [from, to]: [i64; 2],
        geometry: Geometry,
        weight: Init,
        bias: Option<Init>,
    ) -> Self {
        let mut shape = vec![to, from / geometry.groups];
        shape.resize(2 + geometry.dimensions, geometry.kernel);
        Self {
            weight: path.var("weight", &shape, weight),
            bias: bias.map(|init| path.var("bias", &[to], init)),
            geometry,
        }
    }

    /// Of a network's input `(batch, channel, side…)`; what it holds where it is hidden is not looked at.
    ///
    /// # Errors
    /// [`MimError::Shape`] when input or output do not fit the mask's grid.
    pub fn forward_input<'a>(&self, input: &Input<'_, 'a>) -> Result<Features<'a>, MimError> {
        let (input, active) = match input {
            Input::Pixels(pixels, Some(active)) => (*pixels, *active),
            Input::Pixels(pixels, None) => return Ok(Features::Dense(self.over(pixels)?)),
            Input::Graph(traced) => return Ok(Features::Traced(self.traced(traced)?)),
        };
        let mask = active.like(input)?;
        if mask.size()[0] != input.size()[0] {
            return Features::new(input, Some(active));
        }
        // Not a product: a NaN that is hidden would remain one.
        let seen = input.f_masked_fill(&mask.f_eq(0.0)?, 0.0)?;
        Features::new(&self.over(&seen)?, Some(active))
    }

    /// Of a map.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the output does not fit the mask's grid.
    pub fn forward<'a>(&self, input: &Features<'a>) -> Result<Features<'a>, MimError> {
        match input {
            Features::Dense(map) => Ok(Features::Dense(self.over(map)?)),
            Features::Traced(traced) => Ok(Features::Traced(self.traced(traced)?)),
            Features::Visible(cells) if self.geometry.stays_inside() => {
                Ok(Features::Visible(self.inside(cells)?))
            }
            Features::Visible(cells) => {
                let map = cells.spread_over(0.0)?;
                Features::new(&self.over(&map)?, Some(cells.active))
            }
        }
    }

    /// Of a map of which everything is visible, `(batch, channel, side…)`.
    pub(crate) fn over(&self, map: &Tensor) -> Result<Tensor, MimError> {
        let (g, weight, bias) = (self.geometry, &self.weight, self.bias.as_ref());
        let each = |n: i64| vec![n; g.dimensions];
        let (stride, padding, dilation) = (each(g.stride), each(g.padding), each(1));
        // By dimensions: autocast passes the general form over.
        Ok(match g.dimensions {
            3 => map.f_conv3d(weight, bias, stride, padding, dilation, g.groups)?,
            _ => map.f_conv2d(weight, bias, stride, padding, dilation, g.groups)?,
        })
    }

    fn traced<'a>(&self, map: &Traced<'a>) -> Result<Traced<'a>, MimError> {
        let g = self.geometry;
        let mut attributes = map.windows(g.kernel, g.stride, g.padding);
        attributes.push(("group", Attribute::Int(g.groups)));
        let mut constants = vec![&self.weight];
        constants.extend(&self.bias);
        map.node("Conv", &constants, &attributes)
    }

    /// As a product of matrices: a row of the output from the rows of its window.
    fn inside<'a>(&self, cells: &VisibleCells<'a>) -> Result<VisibleCells<'a>, MimError> {
        let Geometry { kernel, stride, .. } = self.geometry;
        let size = self.weight.size();
        let (level, rows) = if stride == 1 {
            (Rc::clone(&cells.level), cells.rows.shallow_clone())
        } else {
            let sides: Vec<i64> = (cells.level.sides.iter())
                .map(|side| (side - kernel) / stride + 1)
                .collect();
            let level = cells.active.level(&sides)?;
            let windows = cells.active.windows(&cells.level, &level, kernel, stride)?;
            let taps = self.weight.numel() as i64 / size[0];
            let rows = if cells.active.is_finer_than(&level) {
                let options = (cells.rows.kind(), cells.rows.device());
                let hidden = Tensor::f_zeros([1, cells.channels()], options)?;
                Tensor::f_cat(&[&cells.rows, &hidden], 0)?
            } else {
                cells.rows.shallow_clone()
            };
            let rows = rows.f_index_select(0, &windows)?;
            (level, rows.f_view([-1, taps])?)
        };
        // (out, kernel…, in): the order in which a window's rows follow each other.
        let inward: Vec<i64> = [0]
            .into_iter()
            .chain(2..size.len() as i64)
            .chain([1])
            .collect();
        let weight = self.weight.f_permute(&inward)?.f_reshape([size[0], -1])?;
        Ok(VisibleCells {
            rows: rows.f_linear(&weight, self.bias.as_ref())?,
            level,
            active: cells.active,
        })
    }
}
