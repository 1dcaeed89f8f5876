//! Covering parts of the picture.

use ndarray::{Array1, Array2, Array4};
use serde::{Deserialize, Serialize};

use super::super::VisionTower;
use super::cosine;
use crate::LocalizeError;

/// The settings of occlusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OcclusionOptions {
    /// Pixels along a side of the cover, of the 224 or so that the tower sees.
    pub window: usize,
    /// Pixels from one place of the cover to the next.
    pub stride: usize,
    /// Covered pictures in one run of the tower.
    pub batch: usize,
}

impl Default for OcclusionOptions {
    /// 49 looks at a square picture.
    fn default() -> Self {
        Self {
            window: 56,
            stride: 28,
            batch: 8,
        }
    }
}

/// Heat of places whose cover makes the picture's cosine with the prompt fall. The cover is of the colour that normalisation
/// makes 0: the mean of the pictures CLIP was trained on.
pub struct Occlusion {
    vision: VisionTower,
    options: OcclusionOptions,
}

impl Occlusion {
    /// On a vision tower.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a cover that does not fit, or that leaves places out.
    pub fn new(vision: VisionTower, options: OcclusionOptions) -> Result<Self, LocalizeError> {
        let OcclusionOptions {
            window,
            stride,
            batch,
        } = options;
        let checks = [
            (
                "window",
                (1..=vision.side()).contains(&window),
                "1 to the pixels that the tower sees",
                window,
            ),
            (
                "stride",
                (1..=window).contains(&stride),
                "1 to window",
                stride,
            ),
            ("batch", batch > 0, "1 or more", batch),
        ];
        for (option, is_met, expected, got) in checks {
            if !is_met {
                let got = got.to_string();
                return Err(LocalizeError::Option {
                    option,
                    expected,
                    got,
                });
            }
        }
        Ok(Self { vision, options })
    }

    /// The tower.
    pub fn vision(&self) -> &VisionTower {
        &self.vision
    }

    /// How far the cosine falls at each pixel of the input, the mean over the covers on it and at least 0, as a share of the
    /// greatest fall; and the whole picture's cosine. Covers lie on rows and columns `shown` only.
    ///
    /// # Errors
    /// When the model fails.
    pub fn falls(
        &mut self,
        pixel_values: &Array4<f32>,
        shown: [[usize; 2]; 2],
        prompt_features: &Array1<f32>,
    ) -> Result<(Array2<f32>, f32), LocalizeError> {
        let whole = self.vision.features(pixel_values.clone())?;
        self.vision
            .check_width(whole.ncols(), prompt_features.len())?;
        let score = cosine(whole.row(0), prompt_features.view());
        let window = self.options.window;
        let [rows, columns] = shown.map(|range| self.starts(range));
        let places: Vec<[usize; 2]> = rows
            .iter()
            .flat_map(|top| columns.iter().map(|left| [*top, *left]))
            .collect();
        let side = self.vision.side();
        let mut falls = Array2::<f64>::zeros((side, side));
        let mut covers = Array2::<u32>::zeros((side, side));
        for places in places.chunks(self.options.batch) {
            let is_covered = |[top, left]: [usize; 2], y: usize, x: usize| {
                (top..top + window).contains(&y) && (left..left + window).contains(&x)
            };
            let covered = Array4::from_shape_fn((places.len(), 3, side, side), |(n, c, y, x)| {
                if is_covered(places[n], y, x) {
                    0.0
                } else {
                    pixel_values[[0, c, y, x]]
                }
            });
            let features = self.vision.features(covered)?;
            for (features, [top, left]) in features.outer_iter().zip(places) {
                let fall = f64::from(score - cosine(features, prompt_features.view()));
                for y in *top..(top + window).min(side) {
                    for x in *left..(left + window).min(side) {
                        falls[[y, x]] += fall;
                        covers[[y, x]] += 1;
                    }
                }
            }
        }
        falls.zip_mut_with(&covers, |fall, n| {
            *fall = (*fall / f64::from((*n).max(1))).max(0.0);
        });
        let greatest = falls.iter().copied().fold(0.0, f64::max);
        let share = |fall: f64| {
            if greatest > 0.0 {
                (fall / greatest) as f32
            } else {
                0.0
            }
        };
        Ok((falls.mapv(share), score))
    }

    /// Where covers start along an axis; the last ends where the picture does.
    fn starts(&self, [first, last]: [usize; 2]) -> Vec<usize> {
        let end = last.saturating_sub(self.options.window).max(first);
        let mut starts: Vec<usize> = (first..end).step_by(self.options.stride).collect();
        starts.push(end);
        starts
    }
}
