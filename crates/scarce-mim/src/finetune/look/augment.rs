//! What is drawn of an image in training.

use ndarray::Array3;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Placement;
use crate::{Intensities, MimError};

/// How far images are changed, on the loader's workers; held-out images never are.
///
/// The defaults are for medical images of few cases: crops that keep most of the image (SparK's 0.67 and not
/// ImageNet's 0.08, under which a lesion is often cut away), small turns, and light changes of intensity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Smallest and largest share of the image's area that a crop has, as `RandomResizedCrop`'s `scale`.
    pub crop_area: [f64; 2],
    /// Largest stretch of a crop's sides against each other, as a factor; `RandomResizedCrop`'s `ratio` is its
    /// inverse and it.
    pub crop_aspect: f64,
    /// Chance that left and right are exchanged; 0 where sides matter.
    pub flip_chance: f64,
    /// Largest turn to either side, in degrees.
    pub turn_degrees: f64,
    /// Largest change of contrast, as a share.
    pub contrast: f64,
    /// Largest change of brightness, as a share of the range of intensities.
    pub brightness: f64,
    /// Largest exponent of the intensities, or of its inverse; 1 for none.
    pub gamma: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            crop_area: [0.67, 1.0],
            crop_aspect: 1.15,
            flip_chance: 0.5,
            turn_degrees: 10.0,
            contrast: 0.15,
            brightness: 0.1,
            gamma: 1.2,
        }
    }
}

/// What was drawn for one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// Where its pixels are taken from.
    pub placement: Placement,
    gain: f32,
    lift: f32,
    exponent: f32,
}

impl Augmentation {
    /// Nothing is changed.
    pub fn none() -> Self {
        Self {
            crop_area: [1.0, 1.0],
            crop_aspect: 1.0,
            flip_chance: 0.0,
            turn_degrees: 0.0,
            contrast: 0.0,
            brightness: 0.0,
            gamma: 1.0,
        }
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn check(&self) -> Result<(), MimError> {
        let [least, most] = self.crop_area;
        let refuse = |name, expected: &str, got: String| {
            let expected = expected.to_owned();
            Err(MimError::Setting {
                name,
                expected,
                got,
            })
        };
        if !(least > 0.0 && least <= most && most <= 1.0) {
            let got = format!("{:?}", self.crop_area);
            return refuse(
                "augmentation.crop_area",
                "two shares in order, above 0",
                got,
            );
        }
        for (name, factor) in [
            ("augmentation.crop_aspect", self.crop_aspect),
            ("augmentation.gamma", self.gamma),
        ] {
            if !(factor >= 1.0 && factor.is_finite()) {
                return refuse(name, "a factor of at least 1", factor.to_string());
            }
        }
        for (name, share) in [
            ("augmentation.flip_chance", self.flip_chance),
            ("augmentation.contrast", self.contrast),
            ("augmentation.brightness", self.brightness),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return refuse(name, "0 to 1", share.to_string());
            }
        }
        if !(0.0..=180.0).contains(&self.turn_degrees) {
            let got = self.turn_degrees.to_string();
            return refuse("augmentation.turn_degrees", "0 to 180", got);
        }
        Ok(())
    }

    /// Draws what is done to an image.
    pub fn draw(&self, rng: &mut impl Rng) -> Drawn {
        let mut symmetric = |most: f64| most * (2.0 * rng.random::<f64>() - 1.0);
        let [least, most] = self.crop_area;
        let area = f64::midpoint(least, most) + symmetric((most - least) / 2.0);
        let stretch = symmetric(self.crop_aspect.ln()).exp().sqrt();
        let side = area.sqrt();
        let size = [(side / stretch).min(1.0), (side * stretch).min(1.0)];
        let centre = size.map(|n| 0.5 + symmetric((1.0 - n) / 2.0));
        let radians = symmetric(self.turn_degrees).to_radians();
        let gain = 1.0 + symmetric(self.contrast);
        let lift = symmetric(self.brightness);
        let exponent = symmetric(self.gamma.ln()).exp();
        let flipped = rng.random::<f64>() < self.flip_chance;
        Drawn {
            placement: Placement::new(centre, size, radians, flipped),
            gain: gain as f32,
            lift: lift as f32,
            exponent: exponent as f32,
        }
    }
}

impl Drawn {
    /// What is drawn of a canvas, as a network is shown it.
    pub fn see(
        &self,
        canvas: &Array3<f32>,
        input_yx: [usize; 2],
        intensities: &Intensities,
    ) -> Array3<f32> {
        let mut pixels = self.placement.see(canvas.view(), input_yx);
        self.shade(&mut pixels);
        intensities.apply(&mut pixels);
        pixels
    }

    /// Changes intensities in 0 to 1, which they stay in; black stays black, so that what lies around an image does
    /// not glow.
    pub fn shade(&self, pixels: &mut Array3<f32>) {
        pixels.mapv_inplace(|v| {
            if v <= 0.0 {
                return 0.0;
            }
            let bent = v.powf(self.exponent);
            (self.gain * (bent - 0.5) + 0.5 + self.lift).clamp(0.0, 1.0)
        });
    }
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};

    use super::*;

    fn stream(sample_id: &str) -> impl Rng + use<> {
        Seed(3).stream(StreamKey {
            epoch: 1,
            sample_id,
            purpose: "augment",
        })
    }

    #[test]
    fn no_augmentation_sees_the_whole() {
        let drawn = Augmentation::none().draw(&mut stream("a"));
        assert_eq!(drawn.placement, Placement::WHOLE);
        let pixels = Array3::from_shape_fn((1, 4, 4), |(_, y, x)| (4 * y + x) as f32 / 15.0);
        let mut shaded = pixels.clone();
        drawn.shade(&mut shaded);
        assert!(
            shaded
                .iter()
                .zip(&pixels)
                .all(|(a, b)| (a - b).abs() < 1e-6)
        );
    }

    #[test]
    fn what_is_drawn_is_a_function_of_the_stream_and_within_bounds() {
        let augmentation = Augmentation::default();
        augmentation.check().unwrap();
        let canvas = Array3::from_elem((1, 32, 32), 0.5f32);
        let mut drawn = Vec::new();
        for id in ["a", "b", "c", "d", "e", "f"] {
            let one = augmentation.draw(&mut stream(id));
            assert_eq!(one, augmentation.draw(&mut stream(id)));
            let mut seen = one.placement.see(canvas.view(), [16, 16]);
            one.shade(&mut seen);
            assert!(seen.iter().all(|v| (0.0..=1.0).contains(v)));
            // A turned crop may look over an edge, but not far.
            let black = seen.iter().filter(|v| **v == 0.0).count();
            assert!(black < 30, "{id}: {black} of 256 pixels");
            assert!(!drawn.contains(&one), "{id} is drawn as another");
            drawn.push(one);
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let none = Augmentation::none;
        for (augmentation, name) in [
            (
                Augmentation {
                    crop_area: [0.9, 0.5],
                    ..none()
                },
                "crop_area",
            ),
            (
                Augmentation {
                    gamma: 0.5,
                    ..none()
                },
                "gamma",
            ),
            (
                Augmentation {
                    flip_chance: 1.5,
                    ..none()
                },
                "flip_chance",
            ),
            (
                Augmentation {
                    turn_degrees: f64::NAN,
                    ..none()
                },
                "turn_degrees",
            ),
        ] {
            let error = augmentation.check().unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
