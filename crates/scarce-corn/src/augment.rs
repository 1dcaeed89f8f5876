//! Random crops with a small affine jitter, image and label in step.

use ndarray::{Array3, ArrayView3};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::CornError;

/// How training crops vary. The defaults keep the body's sides where they are: a chest mirrored
/// left to right has its heart on the wrong side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Flips and quarter turns of x and y together, in place of `quarter_turns`, `flip_y` and `flip_x`.
    pub symmetry: Symmetry,
    /// Zoom factor drawn from 1/(1 + z) to 1 + z, one for all axes.
    pub zoom: f64,
    /// Rotation about z drawn from −r to r degrees.
    pub rotation_degrees: f64,
    /// Chance of a rotation about z by 90, 180 or 270 degrees beside the small one.
    pub quarter_turns: f64,
    /// Chance of a flip along z (inferior–superior in RAS).
    pub flip_z: f64,
    /// Chance of a flip along y (posterior–anterior in RAS).
    pub flip_y: f64,
    /// Chance of a flip along x (left–right in RAS).
    pub flip_x: f64,
    /// Intensities are multiplied by a factor from 1 − s to 1 + s.
    pub intensity_scale: f64,
    /// … shifted by −s to s …
    pub intensity_shift: f64,
    /// … clipped to 0 to 1, where volumes lie before, too: to be put out for others, such as those of mean 0 and
    /// variance 1 …
    pub clip: bool,
    /// … and raised to a power from 1/(1 + g) to 1 + g, which takes `clip`.
    pub gamma: f64,
}

/// Which symmetries of the square a crop is drawn in, each as often as the others, in the plane of x and y.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetry {
    /// The identity alone.
    #[default]
    None,
    /// The four reflections: a quarter turn drawn, then always a flip, as UA-MT's code and all of its descendants have it.
    /// Neither the identity nor a turn ever comes up, though images to be segmented are not reflected.
    Reference,
    /// All eight: four turns, reflected or not.
    D4,
}

impl Symmetry {
    /// Quarter turns about z, and whether y is flipped before.
    fn draw(self, rng: &mut impl Rng) -> (u32, bool) {
        match self {
            Self::None => (0, false),
            Self::Reference => (rng.random_range(0..4u32), true),
            Self::D4 => (rng.random_range(0..4u32), rng.random_range(0..2u32) == 1),
        }
    }
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            symmetry: Symmetry::None,
            zoom: 0.2,
            rotation_degrees: 10.0,
            quarter_turns: 0.0,
            flip_z: 0.0,
            flip_y: 0.0,
            flip_x: 0.0,
            intensity_scale: 0.15,
            intensity_shift: 0.1,
            clip: true,
            gamma: 0.3,
        }
    }
}

impl AugmentConfig {
    /// No variation but the crop's place, which then falls on whole voxels.
    pub fn none() -> Self {
        Self {
            symmetry: Symmetry::None,
            zoom: 0.0,
            rotation_degrees: 0.0,
            quarter_turns: 0.0,
            flip_z: 0.0,
            flip_y: 0.0,
            flip_x: 0.0,
            intensity_scale: 0.0,
            intensity_shift: 0.0,
            clip: false,
            gamma: 0.0,
        }
    }

    /// Refuses widths and chances out of their range.
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self) -> Result<(), CornError> {
        for (name, chance) in [
            ("augment.quarter_turns", self.quarter_turns),
            ("augment.flip_z", self.flip_z),
            ("augment.flip_y", self.flip_y),
            ("augment.flip_x", self.flip_x),
            ("augment.intensity_scale", self.intensity_scale),
            ("augment.intensity_shift", self.intensity_shift),
        ] {
            if !(0.0..=1.0).contains(&chance) {
                return Err(CornError::setting(name, "0 to 1", chance));
            }
        }
        for (name, width, largest, expected) in [
            ("augment.zoom", self.zoom, 10.0, "0 to 10"),
            ("augment.gamma", self.gamma, 10.0, "0 to 10"),
            (
                "augment.rotation_degrees",
                self.rotation_degrees,
                180.0,
                "0 to 180",
            ),
        ] {
            if !(0.0..=largest).contains(&width) {
                return Err(CornError::setting(name, expected, width));
            }
        }
        if self.gamma > 0.0 && !self.clip {
            let expected = "0 without `augment.clip`: powers are of 0 to 1";
            return Err(CornError::setting("augment.gamma", expected, self.gamma));
        }
        if self.symmetry != Symmetry::None {
            for (name, chance) in [
                ("augment.quarter_turns", self.quarter_turns),
                ("augment.flip_y", self.flip_y),
                ("augment.flip_x", self.flip_x),
            ] {
                if chance > 0.0 {
                    let expected = "0 beside `augment.symmetry`, which has its own";
                    return Err(CornError::setting(name, expected, chance));
                }
            }
        }
        Ok(())
    }
}

/// A crop of an image, and of its label where it has one.
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
    /// Voxels `(z, y, x)` to take crops about, and the chance of doing so: the crop's middle is one
    /// of them, moved by up to an eighth of the patch. Otherwise a crop lies anywhere inside.
    pub foreground: &'a [[u32; 3]],
    /// That chance.
    pub foreground_chance: f64,
}

/// Draws one crop. It stays inside the image where the image is as large as the crop, but for what
/// zoom and rotation bring in from beyond, which is 0: the low end of an intensity window or the mean of a
/// normalised volume, and background.
///
/// Images are interpolated linearly, labels by the nearest voxel. All choices come from `rng`: key
/// its stream by (seed, step, sample, purpose).
pub fn random_crop(
    image: ArrayView3<'_, f32>,
    label: Option<ArrayView3<'_, u8>>,
    plan: &CropPlan<'_>,
    augment: &AugmentConfig,
    rng: &mut impl Rng,
) -> Crop {
    let placement = Placement::draw(image.dim().into(), plan, augment, rng);
    let tone = Tone::draw(augment, rng);
    Crop {
        image: placement.fill(plan.patch_zyx, |at| tone.apply(linear(&image, at))),
        label: label.map(|label| placement.fill(plan.patch_zyx, |at| nearest(&label, at))),
    }
}

/// Where in the image the voxels of a crop come from.
struct Placement {
    centre: [f64; 3],
    /// Step in the image for one voxel of the crop, along the crop's own axes.
    step: [f64; 3],
    cos: f64,
    sin: f64,
}

impl Placement {
    fn draw(
        shape: [usize; 3],
        plan: &CropPlan<'_>,
        augment: &AugmentConfig,
        rng: &mut impl Rng,
    ) -> Self {
        let zoom = (1.0 + augment.zoom).powf(uniform(rng, 1.0));
        let angle = uniform(rng, augment.rotation_degrees).to_radians();
        let turns = if chance(rng, augment.quarter_turns) {
            rng.random_range(1..4u32)
        } else {
            0
        };
        let flips = [augment.flip_z, augment.flip_y, augment.flip_x];
        let mut step = flips.map(|p| {
            if chance(rng, p) {
                -1.0 / zoom
            } else {
                1.0 / zoom
            }
        });
        let (of_symmetry, reflected) = augment.symmetry.draw(rng);
        let turns = turns + of_symmetry;
        if reflected {
            step[1] = -step[1];
        }
        let (mut sin, mut cos) = angle.sin_cos();
        for _ in 0..turns {
            (sin, cos) = (cos, -sin);
        }
        // What the crop covers along the image's axes, an odd quarter turn taken into account.
        let mut extent = plan.patch_zyx;
        if turns % 2 == 1 {
            extent.swap(1, 2);
        }
        let on_foreground = chance(rng, plan.foreground_chance) && !plan.foreground.is_empty();
        let target = if on_foreground {
            let pick = rng.random_range(0..plan.foreground.len() as u64) as usize;
            // Not always in the middle: the network must not learn that.
            [0, 1, 2]
                .map(|a| f64::from(plan.foreground[pick][a]) + uniform(rng, extent[a] as f64 / 8.0))
        } else {
            [0, 1, 2].map(|a| {
                let room = shape[a].saturating_sub(extent[a]) as f64;
                (shape[a] as f64 - 1.0) / 2.0 + uniform(rng, room / 2.0)
            })
        };
        let still = augment.zoom == 0.0 && augment.rotation_degrees == 0.0;
        let centre = [0, 1, 2].map(|a| {
            let first = target[a] - (extent[a] as f64 - 1.0) / 2.0;
            let room = shape[a] as f64 - extent[a] as f64;
            let first = first.clamp(room.min(0.0), room.max(0.0));
            // Without zoom or rotation nothing needs interpolation: whole voxels stay sharp.
            let first = match (still, on_foreground || room < 0.0) {
                (false, _) => first,
                (true, true) => first.round(),
                // Rounded, the first and the last place would come up half as often as the others.
                (true, false) => (first * (room + 1.0) / room.max(1.0)).floor().min(room),
            };
            first + (extent[a] as f64 - 1.0) / 2.0
        });
        Self {
            centre,
            step,
            cos,
            sin,
        }
    }

    /// A crop of what `value` finds at the place in the image of each of its voxels.
    fn fill<T: Clone + Default>(
        &self,
        patch: [usize; 3],
        value: impl Fn([f64; 3]) -> T,
    ) -> Array3<T> {
        let half = patch.map(|n| (n as f64 - 1.0) / 2.0);
        let along = |axis: usize, i: usize| (i as f64 - half[axis]) * self.step[axis];
        let [centre_z, centre_y, centre_x] = self.centre;
        let mut crop = Array3::default(patch);
        for (row, mut cells) in crop.rows_mut().into_iter().enumerate() {
            let at_z = centre_z + along(0, row / patch[1]);
            let v = along(1, row % patch[1]);
            let (row_y, row_x) = (centre_y + self.cos * v, centre_x + self.sin * v);
            for (x, cell) in cells.iter_mut().enumerate() {
                let u = along(2, x);
                *cell = value([at_z, row_y - self.sin * u, row_x + self.cos * u]);
            }
        }
        crop
    }
}

/// What happens to an intensity.
struct Tone {
    scale: f32,
    shift: f32,
    clip: bool,
    gamma: f32,
}

impl Tone {
    fn draw(augment: &AugmentConfig, rng: &mut impl Rng) -> Self {
        Self {
            scale: (1.0 + uniform(rng, augment.intensity_scale)) as f32,
            shift: uniform(rng, augment.intensity_shift) as f32,
            clip: augment.clip,
            gamma: (1.0 + augment.gamma).powf(uniform(rng, 1.0)) as f32,
        }
    }

    fn apply(&self, value: f32) -> f32 {
        let value = value * self.scale + self.shift;
        let value = if self.clip {
            value.clamp(0.0, 1.0)
        } else {
            value
        };
        if self.gamma == 1.0 {
            value
        } else {
            value.powf(self.gamma)
        }
    }
}

fn uniform(rng: &mut impl Rng, width: f64) -> f64 {
    width * (2.0 * rng.random::<f64>() - 1.0)
}

fn chance(rng: &mut impl Rng, p: f64) -> bool {
    rng.random::<f64>() < p
}

fn nearest(label: &ArrayView3<'_, u8>, at: [f64; 3]) -> u8 {
    let index = at.map(|c| (c + 0.5).floor());
    if index.iter().any(|c| *c < 0.0) {
        return 0;
    }
    // Beyond the last voxel there is none to get.
    label.get(index.map(|c| c as usize)).copied().unwrap_or(0)
}

fn linear(image: &ArrayView3<'_, f32>, at: [f64; 3]) -> f32 {
    let floor = at.map(f64::floor);
    let [tz, ty, tx] = [0, 1, 2].map(|a| (at[a] - floor[a]) as f32);
    let shape = image.shape();
    let interior = (0..3).all(|a| floor[a] >= 0.0 && floor[a] + 1.0 < shape[a] as f64);
    let [z, y, x] = floor.map(|c| c as i64);
    let value = |dz: i64, dy: i64, dx: i64| -> f32 {
        let (z, y, x) = (z + dz, y + dy, x + dx);
        if !interior && (z < 0 || y < 0 || x < 0) {
            return 0.0;
        }
        image
            .get([z as usize, y as usize, x as usize])
            .copied()
            .unwrap_or(0.0)
    };
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let row = |dz, dy| mix(value(dz, dy, 0), value(dz, dy, 1), tx);
    let plane = |dz| mix(row(dz, 0), row(dz, 1), ty);
    mix(plane(0), plane(1), tz)
}
