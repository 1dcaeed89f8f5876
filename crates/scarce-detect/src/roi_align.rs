//! Pooling a feature map over boxes.

use tch::{Kind, Tensor};

use crate::DetectError;
use crate::boxes::check;

/// How a box is sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiAlign {
    /// Cells of the output along y and x.
    pub output_yx: [i64; 2],
    /// Feature cells a pixel: 1/stride.
    pub spatial_scale: f64,
    /// Sampling points a cell along each axis.
    pub sampling_ratio: i64,
}

impl RoiAlign {
    /// Means of bilinear samples over boxes `(n, 4)` in pixels, on one image's map
    /// `(channel, y, x)`: `(n, channel, output y, output x)`. torchvision's `roi_align` with
    /// `aligned=True`: pixel centres lie at half integers, samples more than a cell outside are 0.
    ///
    /// # Errors
    /// [`DetectError::Shape`], [`DetectError::Setting`] for a sampling ratio below 1.
    pub fn forward(&self, map: &Tensor, boxes: &Tensor) -> Result<Tensor, DetectError> {
        check(boxes, "boxes")?;
        if self.sampling_ratio < 1 {
            return Err(DetectError::Setting {
                name: "sampling_ratio",
                expected: "at least 1",
                got: self.sampling_ratio.to_string(),
            });
        }
        let &[channels, height, width] = &map.size()[..] else {
            let got = map.size();
            return Err(DetectError::Shape {
                what: "map",
                expected: "(channel, y, x)",
                got,
            });
        };
        let n = boxes.size()[0];
        let scaled = boxes.to_kind(Kind::Double) * self.spatial_scale - 0.5;
        let [rows, columns] = self.output_yx;
        let y = self.points(&scaled, 1, 3, rows)?;
        let x = self.points(&scaled, 0, 2, columns)?;
        let (y_low, y_high, y_part, y_inside) = neighbours(&y, height)?;
        let (x_low, x_high, x_part, x_inside) = neighbours(&x, width)?;
        let flat = map.to_kind(Kind::Double).f_reshape([channels, -1])?;
        let (points_y, points_x) = (y.size()[1], x.size()[1]);
        // (n, points y, points x) against every channel.
        let pick = |y: &Tensor, x: &Tensor| -> Result<Tensor, DetectError> {
            let index = y.unsqueeze(2) * width + x.unsqueeze(1);
            let values = flat.f_index_select(1, &index.f_reshape([-1])?)?;
            Ok(values.f_view([channels, n, points_y, points_x])?)
        };
        let (wy, wx) = (y_part.unsqueeze(2), x_part.unsqueeze(1));
        let mixed = pick(&y_low, &x_low)? * ((-&wy + 1.0) * (-&wx + 1.0))
            + pick(&y_low, &x_high)? * ((-&wy + 1.0) * &wx)
            + pick(&y_high, &x_low)? * (&wy * (-&wx + 1.0))
            + pick(&y_high, &x_high)? * (wy * wx);
        let inside = y_inside.unsqueeze(2) * x_inside.unsqueeze(1);
        let s = self.sampling_ratio;
        let cells = (mixed * inside).f_view([channels, n, rows, s, columns, s])?;
        let means = cells.f_mean_dim([3i64, 5].as_slice(), false, Kind::Double)?;
        Ok(means.f_permute([1, 0, 2, 3])?.to_kind(map.kind()))
    }

    /// Sampling positions `(n, cells · ratio)` along the axis between two columns of the boxes.
    fn points(
        &self,
        boxes: &Tensor,
        low: i64,
        high: i64,
        cells: i64,
    ) -> Result<Tensor, DetectError> {
        let count = cells * self.sampling_ratio;
        let start = boxes.f_select(1, low)?.unsqueeze(1);
        let length = boxes.f_select(1, high)?.unsqueeze(1) - &start;
        let steps = (Tensor::arange(count, (Kind::Double, boxes.device())) + 0.5) / count as f64;
        Ok(start + length * steps.unsqueeze(0))
    }
}

/// Cells below and above each position, the part towards the upper, and 1 where the position counts.
fn neighbours(at: &Tensor, size: i64) -> Result<(Tensor, Tensor, Tensor, Tensor), DetectError> {
    let inside = at
        .f_ge(-1.0)?
        .f_logical_and(&at.f_le(size as f64)?)?
        .to_kind(Kind::Double);
    let last = (size - 1) as f64;
    let at = at.f_clamp(0.0, last)?;
    let low = at.f_floor()?;
    let part = at - &low;
    let high = (&low + 1.0).f_clamp_max(last)?;
    Ok((
        low.to_kind(Kind::Int64),
        high.to_kind(Kind::Int64),
        part,
        inside,
    ))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn map() -> Tensor {
        let values = Tensor::arange(2 * 5 * 6, (Kind::Float, Device::Cpu));
        (values * 0.9).sin().view([2, 5, 6])
    }

    /// The definition, point by point:
    /// ```python
    /// import numpy as np
    /// m = np.sin(np.arange(60) * .9).reshape(2, 5, 6)
    /// def at(y, x):
    ///     if y < -1 or y > 5 or x < -1 or x > 6: return np.zeros(2)
    ///     y, x = min(max(y, 0), 4), min(max(x, 0), 5)
    ///     a, b = int(y), int(x); c, d = min(a + 1, 4), min(b + 1, 5); p, q = y - a, x - b
    ///     return m[:, a, b]*(1-p)*(1-q) + m[:, a, d]*(1-p)*q + m[:, c, b]*p*(1-q) + m[:, c, d]*p*q
    /// def roi(box, out=(2, 3), scale=.5, s=2):
    ///     x1, y1, x2, y2 = (v * scale - .5 for v in box)
    ///     h, w = (y2 - y1) / out[0], (x2 - x1) / out[1]
    ///     return np.array([[np.mean([at(y1 + h * (i + (k + .5) / s), x1 + w * (j + (l + .5) / s))
    ///         for k in range(s) for l in range(s)], 0) for j in range(out[1])] for i in range(out[0])])
    /// [roi(b).transpose(2, 0, 1).ravel()[[0, 4, 11]] for b in ((1, 2, 9, 8), (-6, -4, 20, 14))]
    /// ```
    #[test]
    fn equals_the_definition() {
        let boxes = Tensor::from_slice(&[1f32, 2., 9., 8., -6., -4., 20., 14.]).view([2, 4]);
        let align = RoiAlign {
            output_yx: [2, 3],
            spatial_scale: 0.5,
            sampling_ratio: 2,
        };
        let pooled = align.forward(&map(), &boxes).unwrap();
        assert_eq!(pooled.size(), [2, 2, 2, 3]);
        for (k, expected) in EXPECTED.iter().enumerate() {
            let row = Vec::<f32>::try_from(pooled.select(0, k as i64).reshape([-1])).unwrap();
            for (got, expected) in [row[0], row[4], row[11]].iter().zip(expected) {
                assert!(
                    (f64::from(*got) - expected).abs() < 1e-5,
                    "{got} {expected}"
                );
            }
        }
        let none = align.forward(&map(), &boxes.narrow(0, 0, 0)).unwrap();
        assert_eq!(none.size(), [0, 2, 2, 3]);
    }

    const EXPECTED: [[f64; 3]; 2] = [
        [-0.38227563, -0.45488608, 0.52778170],
        [-0.16904223, -0.01331810, 0.00000000],
    ];
}
