//! Areas, overlaps, and offsets between boxes.

use tch::{Kind, Tensor};

use crate::DetectError;

/// Largest log of a size ratio that is decoded: exp of more leaves any image.
const MAX_LOG_RATIO: f64 = 4.135_166_556_742_356; // ln(1000/16)

/// Checks the shape `(n, 4)`.
pub(crate) fn check(boxes: &Tensor, what: &'static str) -> Result<(), DetectError> {
    match boxes.size()[..] {
        [_, 4] => Ok(()),
        _ => Err(DetectError::Shape {
            what,
            expected: "(n, 4)",
            got: boxes.size(),
        }),
    }
}

/// The corners of boxes `(n, 4)` as numbers.
///
/// # Errors
/// [`DetectError::Shape`].
pub(crate) fn corners(boxes: &Tensor) -> Result<Vec<[f32; 4]>, DetectError> {
    check(boxes, "boxes")?;
    let flat = boxes.detach().f_to_kind(Kind::Float)?.f_contiguous()?;
    let numbers = Vec::<f32>::try_from(flat.f_view([-1])?)?;
    Ok(numbers.as_chunks::<4>().0.to_vec())
}

/// Width times height, `(n)`.
///
/// # Errors
/// [`DetectError::Shape`].
pub fn area(boxes: &Tensor) -> Result<Tensor, DetectError> {
    check(boxes, "boxes")?;
    let side = |low: i64, high: i64| boxes.select(1, high) - boxes.select(1, low);
    Ok(side(0, 2) * side(1, 3))
}

/// Intersection over union of each of `(n, 4)` with each of `(m, 4)`: `(n, m)`. Two boxes without
/// area have 0.
///
/// # Errors
/// [`DetectError::Shape`].
pub fn iou(a: &Tensor, b: &Tensor) -> Result<Tensor, DetectError> {
    let (area_a, area_b) = (area(a)?, area(b)?);
    let corner = |t: &Tensor, from: i64, dim: i64| t.narrow(1, from, 2).unsqueeze(dim);
    let low = corner(a, 0, 1).f_maximum(&corner(b, 0, 0))?;
    let high = corner(a, 2, 1).f_minimum(&corner(b, 2, 0))?;
    let sides = (high - low).f_clamp_min(0.0)?;
    let overlap = sides.select(2, 0) * sides.select(2, 1);
    let union = area_a.unsqueeze(1) + area_b.unsqueeze(0) - &overlap;
    let defined = union.gt(0.0);
    Ok(overlap / union.f_clamp_min(f64::MIN_POSITIVE)? * defined)
}

/// Boxes cut back to an image of `height` and `width`.
///
/// # Errors
/// [`DetectError::Shape`].
pub fn clip(boxes: &Tensor, height: f64, width: f64) -> Result<Tensor, DetectError> {
    check(boxes, "boxes")?;
    let limited = |k: i64| {
        boxes
            .select(1, k)
            .clamp(0.0, if k % 2 == 0 { width } else { height })
    };
    Ok(Tensor::f_stack(
        &[limited(0), limited(1), limited(2), limited(3)],
        1,
    )?)
}

/// Indices of the boxes whose sides are both at least `least`.
///
/// # Errors
/// [`DetectError::Shape`].
pub(crate) fn wide_enough(boxes: &Tensor, least: f64) -> Result<Tensor, DetectError> {
    check(boxes, "boxes")?;
    let sides = boxes.f_narrow(1, 2, 2)?.f_sub(&boxes.f_narrow(1, 0, 2)?)?;
    let wide = sides.f_ge(least)?.f_all_dim(1, false)?;
    Ok(wide.f_nonzero()?.f_view([-1])?)
}

/// Offsets between reference boxes and others, scaled by weights (torchvision's `BoxCoder`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxCoder {
    /// Weights of the offsets of centre x, centre y, width and height.
    pub weights: [f64; 4],
}

impl BoxCoder {
    /// The offsets `(n, 4)` that lead from `references` to `targets`.
    ///
    /// # Errors
    /// [`DetectError::Shape`].
    pub fn encode(&self, references: &Tensor, targets: &Tensor) -> Result<Tensor, DetectError> {
        let ([x, y, w, h], [tx, ty, tw, th]) = (centred(references)?, centred(targets)?);
        let [wx, wy, ww, wh] = self.weights;
        let columns = [
            (tx - x) / &w * wx,
            (ty - y) / &h * wy,
            (tw / w).f_log()? * ww,
            (th / h).f_log()? * wh,
        ];
        Ok(Tensor::f_stack(&columns, 1)?)
    }

    /// The boxes that offsets `(n, 4)` lead to from `references`.
    ///
    /// # Errors
    /// [`DetectError::Shape`].
    pub fn decode(&self, references: &Tensor, offsets: &Tensor) -> Result<Tensor, DetectError> {
        check(offsets, "offsets")?;
        let [x, y, w, h] = centred(references)?;
        let offset = |k: usize| offsets.select(1, k as i64) / self.weights[k];
        let size = |k: usize| offset(k).f_clamp_max(MAX_LOG_RATIO)?.f_exp();
        let (cx, cy) = (offset(0) * &w + x, offset(1) * &h + y);
        let (half_w, half_h) = (size(2)? * w * 0.5, size(3)? * h * 0.5);
        let columns = [&cx - &half_w, &cy - &half_h, cx + half_w, cy + half_h];
        Ok(Tensor::f_stack(&columns, 1)?)
    }
}

/// Centre x, centre y, width and height.
fn centred(boxes: &Tensor) -> Result<[Tensor; 4], DetectError> {
    check(boxes, "boxes")?;
    let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|k| boxes.select(1, k));
    let (w, h) = (x2 - &x1, y2 - &y1);
    Ok([x1 + &w * 0.5, y1 + &h * 0.5, w, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(rows: &[[f64; 4]]) -> Tensor {
        Tensor::from_slice(rows.as_flattened()).view([-1, 4])
    }

    fn close(got: &Tensor, expected: &[f64]) {
        let got = Vec::<f64>::try_from(got.reshape([-1])).unwrap();
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-9, "{got} {expected}");
        }
    }

    #[test]
    fn overlaps_are_shares_of_the_union() {
        let a = boxes(&[[0., 0., 4., 4.], [1., 1., 1., 5.]]);
        let b = boxes(&[[2., 2., 6., 4.], [0., 0., 4., 4.], [1., 1., 1., 5.]]);
        close(
            &iou(&a, &b).unwrap(),
            &[4.0 / 20.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        );
        close(
            &clip(&boxes(&[[-1., 2., 9., 3.]]), 2.5, 8.0).unwrap(),
            &[0., 2., 8., 2.5],
        );
        assert!(area(&Tensor::from_slice(&[1.0, 2.0])).is_err());
    }

    /// ```python
    /// import math  # torchvision.models.detection._utils.BoxCoder, weights (10, 10, 5, 5)
    /// # reference (10, 20, 30, 60): centre 20, 40, size 20, 40; target (12, 18, 40, 50)
    /// [10 * (26 - 20) / 20, 10 * (34 - 40) / 40, 5 * math.log(28 / 20), 5 * math.log(32 / 40)]
    /// ```
    #[test]
    fn offsets_lead_there_and_back() {
        let coder = BoxCoder {
            weights: [10., 10., 5., 5.],
        };
        let (reference, target) = (
            boxes(&[[10., 20., 30., 60.]]),
            boxes(&[[12., 18., 40., 50.]]),
        );
        let offsets = coder.encode(&reference, &target).unwrap();
        close(
            &offsets,
            &[3.0, -1.5, 1.682361183106064, -1.1157177565710485],
        );
        close(
            &coder.decode(&reference, &offsets).unwrap(),
            &[12., 18., 40., 50.],
        );
        let wild = coder
            .decode(&reference, &boxes(&[[0., 0., 1e6, 0.]]))
            .unwrap();
        close(&wild.narrow(1, 0, 1), &[20.0 - 10.0 * 62.5]);
    }
}
