//! Non-maximum suppression.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::DetectError;
use crate::boxes::corners;

/// Indices of the boxes that stay, best score first: a box falls when a better one overlaps it by
/// more than `threshold`. Of equal scores the earlier box is the better (torchvision's `nms`).
///
/// # Errors
/// [`DetectError::Shape`] unless there is one score a box.
pub fn nms(boxes: &Tensor, scores: &Tensor, threshold: f64) -> Result<Vec<i64>, DetectError> {
    let classes = vec![0; boxes.size().first().map_or(0, |n| *n as usize)];
    batched_nms(boxes, scores, &classes, threshold)
}

/// The same within each class: boxes of different classes leave one another alone.
///
/// # Errors
/// As [`nms`], and unless there is one class a box.
pub fn batched_nms(
    boxes: &Tensor,
    scores: &Tensor,
    classes: &[i64],
    threshold: f64,
) -> Result<Vec<i64>, DetectError> {
    let boxes = corners(boxes)?;
    let n = boxes.len() as i64;
    if scores.size() != [n] {
        return Err(DetectError::Shape {
            what: "scores",
            expected: "(n)",
            got: scores.size(),
        });
    }
    if classes.len() as i64 != n {
        return Err(DetectError::Shape {
            what: "classes",
            expected: "(n)",
            got: vec![classes.len() as i64],
        });
    }
    let scores = Vec::<f32>::try_from(scores.f_to_kind(Kind::Float)?)?;
    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let threshold = largest_not_above(threshold);
    let mut of_class: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (rank, index) in order.iter().enumerate() {
        of_class.entry(classes[*index]).or_default().push(rank);
    }
    let groups: Vec<Vec<usize>> = of_class.into_values().collect();
    let mut kept: Vec<usize> = groups
        .par_iter()
        .flat_map_iter(|ranks| {
            let candidates = Candidates::new(&boxes, ranks.iter().map(|rank| order[*rank]));
            candidates.kept(threshold).into_iter().map(|k| ranks[k])
        })
        .collect();
    kept.sort_unstable();
    Ok(kept.into_iter().map(|rank| order[rank] as i64).collect())
}

/// Boxes of one class in order of their scores, a list for each side: what compares one with all that follow has four of
/// them in a register.
struct Candidates {
    x1: Vec<f32>,
    y1: Vec<f32>,
    x2: Vec<f32>,
    y2: Vec<f32>,
    area: Vec<f32>,
}

impl Candidates {
    /// Of `boxes` those at `order`.
    fn new(boxes: &[[f32; 4]], order: impl Iterator<Item = usize> + Clone) -> Self {
        let side = |k: usize| -> Vec<f32> { order.clone().map(|n| boxes[n][k]).collect() };
        let (x1, y1, x2, y2) = (side(0), side(1), side(2), side(3));
        let area = (0..x1.len())
            .map(|n| (x2[n] - x1[n]) * (y2[n] - y1[n]))
            .collect();
        Self {
            x1,
            y1,
            x2,
            y2,
            area,
        }
    }

    /// Places of those that stay.
    fn kept(&self, threshold: f32) -> Vec<usize> {
        let n = self.area.len();
        let mut fallen = vec![0u32; n];
        let mut kept = Vec::new();
        for better in 0..n {
            if fallen[better] != 0 {
                continue;
            }
            kept.push(better);
            let (x1, y1) = (self.x1[better], self.y1[better]);
            let (x2, y2) = (self.x2[better], self.y2[better]);
            let area = self.area[better];
            let rest = better + 1..n;
            let others = (self.x1[rest.clone()].iter())
                .zip(&self.y1[rest.clone()])
                .zip(&self.x2[rest.clone()])
                .zip(&self.y2[rest.clone()])
                .zip(&self.area[rest.clone()]);
            for (fallen, ((((ox1, oy1), ox2), oy2), other)) in fallen[rest].iter_mut().zip(others) {
                let width = (least(x2, *ox2) - most(x1, *ox1)).max(0.0);
                let height = (least(y2, *oy2) - most(y1, *oy1)).max(0.0);
                let overlap = width * height;
                let share = overlap / (area + other - overlap);
                *fallen |= u32::from(share > threshold);
            }
        }
        kept
    }
}

/// As one instruction, where `f32::min` minds NaN.
fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn most(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// A number of 32 bits is above this one if and only if it is above `threshold`.
fn largest_not_above(threshold: f64) -> f32 {
    let near = threshold as f32;
    if f64::from(near) > threshold {
        near.next_down()
    } else {
        near
    }
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
