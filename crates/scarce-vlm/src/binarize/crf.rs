//! A dense conditional random field over a picture: neighbours of like colour agree.
//!
//! P. Krähenbühl, V. Koltun: Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials, NIPS 2011, as the
//! released tools of MedCLIP-SAMv2 set it up.

use ndarray::{Array2, ArrayView2, Axis};
use scarce_image::{Mask, Volume};
use serde::{Deserialize, Serialize};

use super::permutohedral::{Permutohedral, Values};
use crate::{LocalizeError, picture::Picture, slices::Shown};

/// Keeps the logarithm of no heat finite.
const EPSILON: f32 = 1e-6;

/// The field's settings; by default those of the released tools.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrfOptions {
    /// Divides what heat says; below 1 heat counts for more.
    pub tau: f32,
    /// Standard deviation of the smoothing in pixels.
    pub smooth_pixels: f32,
    /// Weight of the smoothing.
    pub smooth_weight: f32,
    /// Standard deviation in pixels of the term that follows colour.
    pub colour_pixels: f32,
    /// And in steps of 8-bit colour.
    pub colour_steps: f32,
    /// Its weight.
    pub colour_weight: f32,
    /// Steps of mean-field inference.
    pub iterations: usize,
}

impl Default for CrfOptions {
    fn default() -> Self {
        Self {
            tau: 1.0,
            smooth_pixels: 3.0,
            smooth_weight: 3.0,
            colour_pixels: 50.0,
            colour_steps: 5.0,
            colour_weight: 5.0,
            iterations: 1,
        }
    }
}

impl CrfOptions {
    /// Where the field holds inside for likelier than outside, slice by slice.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a width, a weight or a tau that is none, or no iteration.
    pub(super) fn mask(&self, heat: &Volume<f32>, shown: &Shown) -> Result<Mask, LocalizeError> {
        self.check()?;
        let mut slices = shown.slices(heat);
        for (z, mut slice) in slices.axis_iter_mut(Axis(0)).enumerate() {
            // The field only moves borders: where nothing is warm there are none.
            if slice.iter().any(|value| *value > 0.0) {
                let inside = self.inside(slice.view(), &shown.picture(z)?);
                slice.assign(&inside);
            }
        }
        Ok(shown.volume(slices.view()).map(|share| *share > 0.5))
    }

    /// Likelihood of being inside, `(y, x)`, of a picture with `heat` over it.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] as for settings that cannot be computed; `heat` of another size than the picture is one.
    pub fn likelihood(
        &self,
        heat: ArrayView2<'_, f32>,
        picture: &Picture,
    ) -> Result<Array2<f32>, LocalizeError> {
        self.check()?;
        if picture.size_yx() != [heat.nrows(), heat.ncols()] {
            return Err(LocalizeError::Option {
                option: "heat",
                expected: "the picture's size",
                got: format!("{:?} for {:?}", heat.dim(), picture.size_yx()),
            });
        }
        Ok(self.inside(heat, picture))
    }

    fn check(&self) -> Result<(), LocalizeError> {
        let widths = [
            ("tau", self.tau),
            ("smooth_pixels", self.smooth_pixels),
            ("colour_pixels", self.colour_pixels),
            ("colour_steps", self.colour_steps),
            ("iterations", self.iterations as f32),
        ];
        let weights = [
            ("smooth_weight", self.smooth_weight),
            ("colour_weight", self.colour_weight),
        ];
        let refused = |option: &'static str, expected: &'static str, got: f32| {
            let got = got.to_string();
            Err(LocalizeError::Option {
                option,
                expected,
                got,
            })
        };
        for (option, value) in widths {
            if !(value > 0.0 && value.is_finite()) {
                return refused(option, "a finite number above 0", value);
            }
        }
        for (option, value) in weights {
            if !(value >= 0.0 && value.is_finite()) {
                return refused(option, "a finite number, 0 or more", value);
            }
        }
        Ok(())
    }

    fn inside(&self, heat: ArrayView2<'_, f32>, picture: &Picture) -> Array2<f32> {
        let (height, width) = heat.dim();
        let pixels = || (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)));
        let smooth = Kernel::new(self.smooth_weight, pixels(), |(y, x)| {
            [x as f32, y as f32].map(|at| at / self.smooth_pixels)
        });
        let colour = Kernel::new(self.colour_weight, pixels(), |(y, x)| {
            let rgb = |channel| f32::from(picture.rgb()[[y, x, channel]]) / self.colour_steps;
            let [x, y] = [x as f32, y as f32].map(|at| at / self.colour_pixels);
            [x, y, rgb(0), rgb(1), rgb(2)]
        });
        let unary: Vec<Values> = pixels()
            .map(|at| [1.0 - heat[at], heat[at]].map(|share| self.energy(share)))
            .collect();
        let mut shares: Vec<Values> = unary
            .iter()
            .map(|energy| softmax(energy.map(|e| -e)))
            .collect();
        for _ in 0..self.iterations {
            let messages = [smooth.messages(&shares), colour.messages(&shares)];
            shares = (0..unary.len())
                .map(|i| {
                    softmax([0, 1].map(|c| -unary[i][c] + messages[0][i][c] + messages[1][i][c]))
                })
                .collect();
        }
        Array2::from_shape_fn((height, width), |(y, x)| shares[y * width + x][1])
    }

    /// What a class costs whose share of the heat is `share`; the sigmoid is the released tools' own.
    fn energy(&self, share: f32) -> f32 {
        let share = share.clamp(0.0, 1.0);
        let sigmoid = 1.0 / (1.0 + (-share).exp());
        -(share + EPSILON).ln() / (self.tau * sigmoid)
    }
}

/// A Gaussian in feature space, with a Potts model between the classes.
struct Kernel {
    lattice: Permutohedral,
    /// One over the root of how much each point receives from all, its own share too.
    norms: Vec<f32>,
    weight: f32,
}

impl Kernel {
    fn new<const D: usize>(
        weight: f32,
        pixels: impl Iterator<Item = (usize, usize)>,
        features: impl Fn((usize, usize)) -> [f32; D],
    ) -> Self {
        let lattice = Permutohedral::new(pixels.map(features));
        let norms = lattice
            .filter(&vec![[1.0, 0.0]; lattice.len()])
            .into_iter()
            .map(|[received, _]| 1.0 / (received + 1e-20).sqrt())
            .collect();
        Self {
            lattice,
            norms,
            weight,
        }
    }

    /// What each pixel hears from all others in favour of each class.
    fn messages(&self, shares: &[Values]) -> Vec<Values> {
        let scaled: Vec<Values> = (shares.iter().zip(&self.norms))
            .map(|(shares, norm)| shares.map(|share| share * norm))
            .collect();
        (self.lattice.filter(&scaled).into_iter().zip(&self.norms))
            .map(|(heard, norm)| heard.map(|value| self.weight * value * norm))
            .collect()
    }
}

fn softmax([outside, inside]: Values) -> Values {
    let share = 1.0 / (1.0 + (outside - inside).exp());
    [1.0 - share, share]
}
