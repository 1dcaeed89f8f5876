//! Non-maximum suppression.

use tch::{Kind, Tensor};

use crate::DetectError;
use crate::boxes::{check, iou};

/// Indices of the boxes that stay, best score first: a box falls when a better one overlaps it by
/// more than `threshold`. Of equal scores the earlier box is the better (torchvision's `nms`).
///
/// # Errors
/// [`DetectError::Shape`] unless there is one score a box.
pub fn nms(boxes: &Tensor, scores: &Tensor, threshold: f64) -> Result<Vec<i64>, DetectError> {
    check(boxes, "boxes")?;
    if scores.size() != [boxes.size()[0]] {
        return Err(DetectError::Shape {
            what: "scores",
            expected: "(n)",
            got: scores.size(),
        });
    }
    let order = Vec::<i64>::try_from(scores.f_argsort_stable(true, 0, true)?)?;
    let n = order.len();
    let overlaps = iou(&boxes.to_kind(Kind::Double), &boxes.to_kind(Kind::Double))?;
    let overlaps = Vec::<f64>::try_from(overlaps.f_contiguous()?.view([-1]))?;
    let mut kept: Vec<i64> = Vec::new();
    for candidate in order {
        let row = candidate as usize * n;
        if kept
            .iter()
            .all(|better| overlaps[row + *better as usize] <= threshold)
        {
            kept.push(candidate);
        }
    }
    Ok(kept)
}

/// The same within each class: boxes of different classes leave one another alone.
///
/// # Errors
/// As [`nms`].
pub fn batched_nms(
    boxes: &Tensor,
    scores: &Tensor,
    classes: &[i64],
    threshold: f64,
) -> Result<Vec<i64>, DetectError> {
    check(boxes, "boxes")?;
    if classes.len() as i64 != boxes.size()[0] {
        let got = vec![classes.len() as i64];
        return Err(DetectError::Shape {
            what: "classes",
            expected: "(n)",
            got,
        });
    }
    if classes.is_empty() {
        return Ok(Vec::new());
    }
    // Classes are moved so far apart that none overlaps another.
    let span = boxes.f_max()? - boxes.f_min()? + 1.0;
    let shift = Tensor::from_slice(classes).to_kind(boxes.kind()) * span;
    nms(&(boxes + shift.unsqueeze(1)), scores, threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_kept(
        rows: &[[f32; 4]],
        scores: &[f32],
        classes: &[i64],
        threshold: f64,
        expected: &[i64],
    ) {
        let boxes = Tensor::from_slice(rows.as_flattened()).view([-1, 4]);
        let scores = Tensor::from_slice(scores);
        assert_eq!(
            batched_nms(&boxes, &scores, classes, threshold).unwrap(),
            expected
        );
    }

    #[test]
    fn keeps_the_best_of_each_heap() {
        let rows = [
            [0., 0., 10., 10.],
            [1., 1., 11., 11.],
            [20., 20., 30., 30.],
            [0., 0., 10., 9.],
        ];
        let scores = [0.8, 0.9, 0.1, 0.9];
        check_kept(&rows, &scores, &[0, 0, 0, 0], 0.5, &[1, 2]);
        check_kept(&rows, &scores, &[0, 0, 0, 1], 0.5, &[1, 3, 2]);
        check_kept(&rows, &scores, &[0, 0, 0, 0], 0.95, &[1, 3, 0, 2]);
        check_kept(&[], &[], &[], 0.5, &[]);
    }

    #[test]
    fn of_equals_the_first_stays() {
        check_kept(&[[0., 0., 1., 1.]; 3], &[0.5; 3], &[0; 3], 0.5, &[0]);
    }
}
