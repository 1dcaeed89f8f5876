//! Random crops with a small affine jitter, image and label in step.

use ndarray::{Array3, ArrayView3};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// How training crops vary. The defaults keep the body's sides where they are: a chest mirrored
/// left to right has its heart on the wrong side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Zoom factor drawn from 1/(1 + z) to 1 + z, one for all axes.
    pub zoom: f64,
    /// Rotation about z drawn from −r to r degrees.
    pub rotation_degrees: f64,
    /// Chance of a flip along x (left–right in RAS).
    pub flip_x: f64,
    /// Intensities are multiplied by a factor from 1 − s to 1 + s.
    pub intensity_scale: f64,
    /// … shifted by −s to s …
    pub intensity_shift: f64,
    /// … and raised to a power from 1/(1 + g) to 1 + g, all clipped to 0 to 1.
    pub gamma: f64,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            zoom: 0.2,
            rotation_degrees: 10.0,
            flip_x: 0.0,
            intensity_scale: 0.15,
            intensity_shift: 0.1,
            gamma: 0.3,
        }
    }
}

/// A crop of an image in 0 to 1, and of its label where it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Crop {
    /// `(z, y, x)`.
    pub image: Array3<f32>,
    /// `(z, y, x)`.
    pub label: Option<Array3<u8>>,
}

/// Where crops are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CropPlan<'a> {
    /// Voxels of the crop along z, y and x.
    pub patch_zyx: [usize; 3],
    /// Foreground voxels to centre crops on, and the chance of doing so; otherwise a crop lies
    /// anywhere inside.
    pub foreground: &'a [[usize; 3]],
    /// That chance.
    pub foreground_chance: f64,
}

/// Draws one crop. Beyond the image it is 0, the low end of the intensity window.
///
/// All choices come from `rng`: key its stream by (seed, epoch, sample, purpose).
pub fn random_crop(
    image: ArrayView3<'_, f32>,
    label: Option<ArrayView3<'_, u8>>,
    plan: &CropPlan<'_>,
    augment: &AugmentConfig,
    rng: &mut impl Rng,
) -> Crop {
    let shape: [usize; 3] = image.dim().into();
    let symmetric = |rng: &mut _, width: f64| uniform(rng, -width, width);
    let on_foreground = rng.random::<f64>() < plan.foreground_chance && !plan.foreground.is_empty();
    let centre = if on_foreground {
        let pick = rng.random_range(0..plan.foreground.len() as u64) as usize;
        // Not always in the middle: the network must not learn that.
        [0, 1, 2].map(|a| {
            plan.foreground[pick][a] as f64 + symmetric(rng, plan.patch_zyx[a] as f64 / 8.0)
        })
    } else {
        [0, 1, 2].map(|a| {
            let (size, patch) = (shape[a] as f64, plan.patch_zyx[a] as f64);
            let middle = (size - 1.0) / 2.0;
            middle + symmetric(rng, ((size - patch) / 2.0).max(0.0))
        })
    };
    let zoom = (1.0 + augment.zoom).powf(symmetric(rng, 1.0));
    let angle = symmetric(rng, augment.rotation_degrees).to_radians();
    let flip = if rng.random::<f64>() < augment.flip_x {
        -1.0
    } else {
        1.0
    };
    let scale = 1.0 + symmetric(rng, augment.intensity_scale);
    let shift = symmetric(rng, augment.intensity_shift);
    let gamma = (1.0 + augment.gamma).powf(symmetric(rng, 1.0));

    let (sin, cos) = angle.sin_cos();
    let half = plan.patch_zyx.map(|n| (n as f64 - 1.0) / 2.0);
    let source = |(z, y, x): (usize, usize, usize)| -> [f64; 3] {
        let [z, y, x] = [
            z as f64 - half[0],
            y as f64 - half[1],
            (x as f64 - half[2]) * flip,
        ];
        [
            centre[0] + z / zoom,
            centre[1] + (cos * y - sin * x) / zoom,
            centre[2] + (sin * y + cos * x) / zoom,
        ]
    };
    let patch = (plan.patch_zyx[0], plan.patch_zyx[1], plan.patch_zyx[2]);
    let image = Array3::from_shape_fn(patch, |at| {
        let value = f64::from(trilinear(image, shape, source(at)));
        ((value * scale + shift).clamp(0.0, 1.0)).powf(gamma) as f32
    });
    let label = label.map(|label| {
        Array3::from_shape_fn(patch, |at| {
            let index = source(at).map(|c| (c + 0.5).floor());
            let inside = (0..3).all(|a| index[a] >= 0.0 && index[a] < shape[a] as f64);
            if inside {
                label[index.map(|c| c as usize)]
            } else {
                0
            }
        })
    });
    Crop { image, label }
}

fn uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

fn trilinear(image: ArrayView3<'_, f32>, shape: [usize; 3], at: [f64; 3]) -> f32 {
    let floor = at.map(f64::floor);
    let mut sum = 0.0;
    for corner in 0..8 {
        let mut index = [0; 3];
        let mut share = 1.0;
        let mut inside = true;
        for axis in 0..3 {
            let bit = f64::from(corner >> axis & 1);
            let c = floor[axis] + bit;
            let part = at[axis] - floor[axis];
            share *= if bit > 0.0 { part } else { 1.0 - part };
            inside &= c >= 0.0 && c < shape[axis] as f64;
            index[axis] = c.max(0.0) as usize;
        }
        if inside {
            sum += share * f64::from(image[index]);
        }
    }
    sum as f32
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};

    use super::*;

    const STILL: AugmentConfig = AugmentConfig {
        zoom: 0.0,
        rotation_degrees: 0.0,
        flip_x: 0.0,
        intensity_scale: 0.0,
        intensity_shift: 0.0,
        gamma: 0.0,
    };

    fn scene() -> (Array3<f32>, Array3<u8>) {
        let label = Array3::from_shape_fn((12, 14, 16), |(z, y, x)| {
            u8::from((z as i32 - 5).pow(2) + (y as i32 - 7).pow(2) + (x as i32 - 9).pow(2) < 16)
        });
        (label.map(|l| 0.2 + 0.6 * f32::from(*l)), label)
    }

    fn draw(epoch: u64, augment: &AugmentConfig, foreground: &[[usize; 3]]) -> Crop {
        let (image, label) = scene();
        let plan = CropPlan {
            patch_zyx: [8, 8, 8],
            foreground,
            foreground_chance: 1.0,
        };
        let key = StreamKey {
            epoch,
            sample_id: "a",
            purpose: "crop",
        };
        random_crop(
            image.view(),
            Some(label.view()),
            &plan,
            augment,
            &mut Seed(1).stream(key),
        )
    }

    #[test]
    fn image_and_label_move_together() {
        for epoch in 0..20 {
            let crop = draw(
                epoch,
                &AugmentConfig {
                    flip_x: 0.5,
                    ..AugmentConfig::default()
                },
                &[],
            );
            let label = crop.label.unwrap();
            let mean_of = |class: u8| {
                let values: Vec<f32> = crop
                    .image
                    .iter()
                    .zip(&label)
                    .filter_map(|(v, l)| (*l == class).then_some(*v))
                    .collect();
                values.iter().sum::<f32>() / values.len() as f32
            };
            assert!(mean_of(1) > mean_of(0) + 0.2, "epoch {epoch}");
        }
    }

    #[test]
    fn is_a_function_of_its_key() {
        let augment = AugmentConfig::default();
        assert_eq!(draw(3, &augment, &[]), draw(3, &augment, &[]));
        assert_ne!(draw(3, &augment, &[]), draw(4, &augment, &[]));
    }

    #[test]
    fn without_jitter_a_crop_holds_the_images_own_values() {
        let whole = {
            let (image, _) = scene();
            let plan = CropPlan {
                patch_zyx: [12, 14, 16],
                foreground: &[],
                foreground_chance: 0.0,
            };
            let key = StreamKey {
                epoch: 0,
                sample_id: "a",
                purpose: "crop",
            };
            random_crop(image.view(), None, &plan, &STILL, &mut Seed(1).stream(key))
        };
        for (got, expected) in whole.image.iter().zip(scene().0.iter()) {
            assert!((got - expected).abs() < 1e-6);
        }
        // Centred near the ball, a crop holds most of it.
        let crop = draw(0, &STILL, &[[5, 7, 9]]);
        assert!(crop.label.unwrap().iter().filter(|l| **l == 1).count() > 150);
    }
}
