//! Anchors: the boxes that a region proposal network starts from.

use tch::{Device, Kind, Tensor};

use crate::DetectError;

/// Anchor sizes of one feature map, each in every aspect ratio (torchvision's `AnchorGenerator`).
#[derive(Debug, Clone, PartialEq)]
pub struct AnchorConfig {
    /// Sides of a square anchor in pixels.
    pub sizes: Vec<f64>,
    /// Height over width.
    pub aspect_ratios: Vec<f64>,
}

impl AnchorConfig {
    /// Anchors of a map of `rows` × `columns` cells `stride_y` × `stride_x` pixels apart:
    /// `(rows · columns · per cell, 4)`, cells row by row, within a cell ratio by ratio and size by
    /// size. A cell's anchors are centred on its first pixel and rounded to whole pixels.
    ///
    /// # Errors
    /// [`DetectError::Setting`] without a size or ratio.
    pub fn anchors(
        &self,
        rows: i64,
        columns: i64,
        stride_yx: [i64; 2],
    ) -> Result<Tensor, DetectError> {
        if self.sizes.is_empty() || self.aspect_ratios.is_empty() {
            return Err(DetectError::Setting {
                name: "anchors",
                expected: "at least one size and one aspect ratio",
                got: format!("{self:?}"),
            });
        }
        let mut cell = Vec::new();
        for ratio in &self.aspect_ratios {
            for size in &self.sizes {
                let (w, h) = (size / ratio.sqrt(), size * ratio.sqrt());
                // Halves go to the even neighbour, as torch.round does.
                cell.extend([-w / 2.0, -h / 2.0, w / 2.0, h / 2.0].map(f64::round_ties_even));
            }
        }
        let options = (Kind::Double, Device::Cpu);
        let y = Tensor::arange(rows, options) * stride_yx[0];
        let x = Tensor::arange(columns, options) * stride_yx[1];
        let y = y.view([-1, 1]).expand([rows, columns], false).reshape([-1]);
        let x = x.view([1, -1]).expand([rows, columns], false).reshape([-1]);
        let shifts = Tensor::f_stack(&[&x, &y, &x, &y], 1)?.view([-1, 1, 4]);
        let anchors = shifts + Tensor::from_slice(&cell).view([1, -1, 4]);
        Ok(anchors.reshape([-1, 4]).to_kind(Kind::Float))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torchvision.models.detection.anchor_utils.AnchorGenerator(((32,),), ((0.5, 1.0, 2.0),))`
    /// has the cell anchors (-23, -11, 23, 11), (-16, -16, 16, 16), (-11, -23, 11, 23).
    #[test]
    fn are_torchvisions() {
        let config = AnchorConfig {
            sizes: vec![32.0],
            aspect_ratios: vec![0.5, 1.0, 2.0],
        };
        let anchors = config.anchors(2, 3, [16, 8]).unwrap();
        assert_eq!(anchors.size(), [18, 4]);
        let row = |k: i64| Vec::<f32>::try_from(anchors.select(0, k)).unwrap();
        assert_eq!(row(0), [-23.0, -11.0, 23.0, 11.0]);
        assert_eq!(row(1), [-16.0, -16.0, 16.0, 16.0]);
        // The third cell of the second row: x 16, y 16.
        assert_eq!(row(17), [5.0, -7.0, 27.0, 39.0]);
        let none = AnchorConfig {
            sizes: vec![],
            aspect_ratios: vec![1.0],
        };
        assert!(none.anchors(1, 1, [1, 1]).is_err());
    }
}
