//! Masks over boxes as masks over images.

use tch::Tensor;

use crate::DetectError;
use crate::boxes::{check, corners};

/// Probabilities `(n, cell, cell)` over boxes `(n, 4)`, laid into an image: `(n, y, x)`, 0 outside the boxes
/// (torchvision's `paste_masks_in_image`: a cell is added round each mask, boxes are widened with it, cut to whole
/// pixels, and the mask is stretched over them bilinearly).
///
/// # Errors
/// [`DetectError::Shape`] unless there is a mask for each box.
pub fn pasted(
    masks: &Tensor,
    boxes: &Tensor,
    [height, width]: [i64; 2],
) -> Result<Tensor, DetectError> {
    check(boxes, "boxes of masks")?;
    let (n, rows, columns) = masks.size3()?;
    if n != boxes.size()[0] || rows != columns || rows == 0 {
        return Err(DetectError::Shape {
            what: "masks",
            expected: "(n, cell, cell), one for each box",
            got: masks.size(),
        });
    }
    let framed = masks.f_constant_pad_nd([1, 1, 1, 1])?;
    let scale = (rows + 2) as f32 / rows as f32;
    let mut images = Vec::with_capacity(n as usize);
    for (index, [x1, y1, x2, y2]) in corners(boxes)?.into_iter().enumerate() {
        let wider = |low: f32, high: f32| {
            let (middle, half) = ((high + low) * 0.5, (high - low) * 0.5 * scale);
            [(middle - half) as i64, (middle + half) as i64]
        };
        let ([left, right], [top, bottom]) = (wider(x1, x2), wider(y1, y2));
        let (w, h) = ((right - left + 1).max(1), (bottom - top + 1).max(1));
        let mask = framed.f_narrow(0, index as i64, 1)?.f_unsqueeze(0)?;
        let mask = mask
            .f_upsample_bilinear2d([h, w], false, None, None)?
            .f_view([h, w])?;
        let image = Tensor::f_zeros([height, width], (mask.kind(), mask.device()))?;
        let (from_x, to_x) = (left.max(0), (right + 1).min(width));
        let (from_y, to_y) = (top.max(0), (bottom + 1).min(height));
        if from_x < to_x && from_y < to_y {
            let seen = mask.f_narrow(0, from_y - top, to_y - from_y)?.f_narrow(
                1,
                from_x - left,
                to_x - from_x,
            )?;
            image
                .f_narrow(0, from_y, to_y - from_y)?
                .f_narrow(1, from_x, to_x - from_x)?
                .f_copy_(&seen)?;
        }
        images.push(image);
    }
    if images.is_empty() {
        return Ok(Tensor::f_zeros(
            [0, height, width],
            (masks.kind(), masks.device()),
        )?);
    }
    Ok(Tensor::f_stack(&images, 0)?)
}
