//! From what the graph gives to boxes in the picture, and to heat.

use ndarray::{Array2, ArrayView2};

use crate::picture::PictureBox;

/// A box that a phrase was found in.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// In the picture, cut at its edges.
    pub in_picture: PictureBox,
    /// The highest probability of any token.
    pub score: f32,
    /// The tokens of the phrase whose probability is above the text threshold, in words; empty if there is none.
    pub words: String,
}

/// A box and its tokens, before tokens become words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// As shares of the picture, from 0 to 1: left, top, right, bottom.
    pub shares: [f32; 4],
    pub score: f32,
    /// Which tokens are above the text threshold; separators may be among them.
    pub tokens: Vec<usize>,
}

/// Boxes whose score is above `box_threshold`, in the graph's order, and the highest score of all boxes.
///
/// `logits` `(queries, tokens)`, `boxes` `(queries, 4)`: centre x, centre y, width, height, from 0 to 1.
pub(super) fn found(
    logits: ArrayView2<'_, f32>,
    boxes: ArrayView2<'_, f32>,
    n_tokens: usize,
    [box_threshold, text_threshold]: [f32; 2],
) -> (Vec<Found>, f32) {
    let mut best = 0.0_f32;
    let mut all = Vec::new();
    for (logits, found) in logits.outer_iter().zip(boxes.outer_iter()) {
        let shares = logits.mapv(|logit| 1.0 / (1.0 + (-logit).exp()));
        let score = shares.iter().copied().fold(0.0, f32::max);
        best = best.max(score);
        if score <= box_threshold {
            continue;
        }
        // The first token and the last column stand for no word.
        let last = n_tokens.min(shares.len() - 1);
        let tokens = (1..last)
            .filter(|at| shares[*at] > text_threshold)
            .collect();
        let [x, y, width, height] = [0, 1, 2, 3].map(|at| found[at]);
        all.push(Found {
            shares: [
                x - 0.5 * width,
                y - 0.5 * height,
                x + 0.5 * width,
                y + 0.5 * height,
            ],
            score,
            tokens,
        });
    }
    (all, best)
}

/// At each pixel, the highest score of the boxes over its centre; a box too small to be over one is over the nearest.
pub(super) fn heat(detections: &[Detection], [height, width]: [usize; 2]) -> Array2<f32> {
    let mut heat = Array2::zeros((height, width));
    for found in detections {
        let range = |axis: usize, length: usize| {
            let start = (found.in_picture.start_xy[axis].round() as usize).min(length - 1);
            let stop = (found.in_picture.stop_xy[axis].round() as usize).clamp(start + 1, length);
            start..stop
        };
        for y in range(1, height) {
            for x in range(0, width) {
                let most: &mut f32 = &mut heat[[y, x]];
                *most = most.max(found.score);
            }
        }
    }
    heat
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_is_the_highest_score_over_a_pixel() {
        let detection = |corners: [f32; 4], score: f32| Detection {
            in_picture: PictureBox {
                start_xy: [corners[0], corners[1]],
                stop_xy: [corners[2], corners[3]],
            },
            score,
            words: "x".to_owned(),
        };
        let detections = [
            detection([0.6, 0.0, 3.4, 1.0], 0.5),
            detection([2.0, 0.0, 5.0, 2.0], 0.25),
            detection([4.9, 2.9, 5.0, 3.0], 0.75),
        ];
        let expected = [
            [0.0, 0.5, 0.5, 0.25, 0.25],
            [0.0, 0.0, 0.25, 0.25, 0.25],
            [0.0, 0.0, 0.0, 0.0, 0.75],
        ];
        assert_eq!(
            heat(&detections, [3, 5]),
            Array2::from_shape_fn((3, 5), |(y, x)| expected[y][x])
        );
    }
}
