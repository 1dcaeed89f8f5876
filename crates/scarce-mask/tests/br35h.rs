//! The released code's counts for real tumours: boxes around those of some images of Br35H-Mask-RCNN.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::Array2;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{Guard, MaskConfig, PAPER_RATIOS, PatchRule, Policy, Rounding};

/// Width and height, boxes `[x_min, y_min, x_max, y_max]` with their borders, cells of a 7 × 7 grid
/// over 224 × 224 pixels by the top-left rule and by any overlap, and what MWM's three presets then
/// hide of 49 by either.
type Image = (
    (usize, usize),
    &'static [[usize; 4]],
    [usize; 2],
    [usize; 3],
    [usize; 3],
);

/// Counted by NumPy:
///
/// ```python
/// def cells(width, height, boxes):
///     roi = np.zeros((height, width), bool)
///     for x0, y0, x1, y1 in boxes:
///         roi[y0 : y1 + 1, x0 : x1 + 1] = True
///     roi = roi[np.ix_(np.arange(224) * height // 224, np.arange(224) * width // 224)]
///     return int(roi[::32, ::32].sum()), int(roi.reshape(7, 32, 7, 32).any((1, 3)).sum())
///
/// def hidden(n):
///     presets = (0.8, 0.4), (0.7, 0.3), (0.6, 0.2)
///     return [49 - int(n * (1 - h)) - int((49 - n) * (1 - l)) for h, l in presets]
/// ```
const IMAGES: &[Image] = &[
    (
        (291, 340),
        &[[48, 195, 103, 234]],
        [0, 2],
        [20, 15, 10],
        [21, 17, 12],
    ),
    (
        (230, 219),
        &[[57, 73, 79, 90]],
        [0, 2],
        [20, 15, 10],
        [21, 17, 12],
    ),
    (
        (456, 519),
        &[[154, 344, 186, 368]],
        [0, 1],
        [20, 15, 10],
        [21, 16, 11],
    ),
    (
        (246, 310),
        &[[117, 159, 134, 180]],
        [0, 2],
        [20, 15, 10],
        [21, 17, 12],
    ),
    (
        (587, 630),
        &[[153, 2, 270, 108], [67, 101, 234, 287]],
        [6, 13],
        [23, 18, 13],
        [26, 21, 16],
    ),
    (
        (290, 355),
        &[[103, 151, 159, 215], [47, 167, 160, 267]],
        [5, 9],
        [23, 18, 12],
        [24, 19, 14],
    ),
    (
        (273, 318),
        &[[150, 37, 238, 145], [74, 76, 115, 127]],
        [10, 20],
        [25, 19, 14],
        [29, 23, 18],
    ),
    (
        (313, 360),
        &[[107, 90, 283, 294]],
        [16, 25],
        [27, 22, 17],
        [31, 26, 20],
    ),
    (
        (278, 351),
        &[[113, 143, 241, 307]],
        [16, 25],
        [27, 22, 17],
        [31, 26, 20],
    ),
    (
        (294, 355),
        &[[123, 147, 253, 307]],
        [16, 25],
        [27, 22, 17],
        [31, 26, 20],
    ),
    (
        (630, 630),
        &[[134, 218, 246, 383]],
        [2, 6],
        [21, 17, 12],
        [23, 18, 13],
    ),
    (
        (300, 347),
        &[[46, 79, 131, 172]],
        [4, 9],
        [22, 17, 12],
        [24, 19, 14],
    ),
    (
        (205, 243),
        &[[79, 25, 176, 140]],
        [16, 25],
        [27, 22, 17],
        [31, 26, 20],
    ),
    (
        (374, 456),
        &[[245, 253, 316, 322]],
        [1, 4],
        [21, 16, 11],
        [22, 17, 12],
    ),
    (
        (294, 355),
        &[[125, 44, 252, 208]],
        [16, 20],
        [27, 22, 17],
        [29, 23, 18],
    ),
];

#[test]
fn real_tumours_are_counted_as_by_the_released_code() {
    for ((width, height), boxes, cells, top_left, any_overlap) in IMAGES {
        let region = Array2::from_shape_fn((224, 224), |(y, x)| {
            let (y, x) = (y * height / 224, x * width / 224);
            let inside = |[x0, y0, x1, y1]: &[usize; 4]| {
                (*x0..=*x1).contains(&x) && (*y0..=*y1).contains(&y)
            };
            boxes.iter().any(inside)
        });
        for (rule, cells, hidden) in [
            (PatchRule::TopLeft, cells[0], top_left),
            (PatchRule::AnyOverlap, cells[1], any_overlap),
        ] {
            for ([high, low], hidden) in PAPER_RATIOS.into_iter().zip(hidden) {
                let config = MaskConfig {
                    policy: Policy::Region { high, low },
                    patch_rule: rule,
                    rounding: Rounding::TruncateKept,
                    guard: Guard::Allow,
                };
                assert_eq!(
                    config == MaskConfig::paper(high, low),
                    rule == PatchRule::TopLeft
                );
                let grid = config.region_grid(region.view(), [7, 7]).unwrap();
                let key = StreamKey {
                    epoch: 0,
                    sample_id: "br35h",
                    purpose: "mask",
                };
                let audit = config.sample(&grid, Seed(0), key).unwrap().audit;
                let got = (audit.region_cells, audit.hidden, audit.region_vanished);
                let expected = (cells, *hidden, cells == 0);
                assert_eq!(got, expected, "{boxes:?} by {rule:?} at {high}/{low}");
            }
        }
    }
}
