//! What is done to a slice: where its pixels are taken from, and what becomes of their intensities.

use ndarray::{Array2, ArrayView2};
use rand::Rng;
use scarce_vlm::scarce_open::{SPACING_MM, grey_of_hu};
use serde::{Deserialize, Serialize};

use super::volumes::{SOURCE_SPACING_MM, Scale};

/// Corners of the grid whose shifts bend a slice.
const BEND_NODES: usize = 5;

/// How far slices are changed. Left and right are never exchanged: the words tell them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Largest turn to either side, in degrees.
    pub turn_degrees: f64,
    /// Smallest and largest magnification.
    pub magnify: [f64; 2],
    /// How much one axis may be stretched against the other.
    pub stretch: f64,
    /// Largest shift along each axis, as a share of the picture.
    pub shift: f64,
    /// Standard deviation of the shifts that bend a slice, in millimetres.
    pub bend_mm: f64,
    /// Standard deviation of the offsets that organs get, in Hounsfield units.
    pub organ_hu: f64,
    /// Largest offset of all vessels and the heart together, in Hounsfield units: contrast that comes and goes.
    pub vessel_hu: f64,
    /// Share of CT slices seen through a window of the reading room instead of the tone curve.
    pub windows: f64,
    /// Largest change of the exponent of grey, as a factor.
    pub gamma: f64,
    /// Largest standard deviation of the noise, in grey.
    pub noise: f64,
    /// Share of slices that are blurred.
    pub blur: f64,
    /// Share of slices of which only a circle or a rectangle is seen.
    pub cut: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            turn_degrees: 15.0,
            magnify: [0.75, 1.3],
            stretch: 0.15,
            shift: 0.15,
            bend_mm: 7.0,
            organ_hu: 25.0,
            vessel_hu: 180.0,
            windows: 0.2,
            gamma: 1.4,
            noise: 0.06,
            blur: 0.3,
            cut: 0.15,
        }
    }
}

/// A slice as the network is to see it.
pub struct Seen {
    /// Grey, 0 to 1.
    pub grey: Array2<f32>,
    /// The class of each pixel.
    pub classes: Array2<u16>,
}

impl Augmentation {
    /// Draws what is done to a slice, and does it. `vessels` and `organs` say of each class whether it is one.
    pub fn apply(
        &self,
        slice: (ArrayView2<'_, f32>, ArrayView2<'_, u16>),
        scale: Scale,
        structures: &[Vec<String>],
        pixels: usize,
        rng: &mut impl Rng,
    ) -> Seen {
        let (mut values, classes) = self.warp(slice, scale, pixels, rng);
        if scale == Scale::Hounsfield {
            self.shift_organs(&mut values, &classes, structures, rng);
            self.develop(&mut values, rng);
        }
        self.spoil(&mut values, rng);
        Seen {
            grey: values,
            classes,
        }
    }

    /// Turned, magnified, stretched, shifted and bent.
    fn warp(
        &self,
        (image, labels): (ArrayView2<'_, f32>, ArrayView2<'_, u16>),
        scale: Scale,
        pixels: usize,
        rng: &mut impl Rng,
    ) -> (Array2<f32>, Array2<u16>) {
        let (rows, columns) = image.dim();
        let angle = (self.turn_degrees * symmetric(rng)).to_radians();
        let [low, high] = self.magnify;
        let magnified = (low.ln() + (high.ln() - low.ln()) * rng.random::<f64>()).exp();
        let stretch = (self.stretch * symmetric(rng)).exp();
        let step = SPACING_MM / SOURCE_SPACING_MM / magnified;
        let (sin, cos) = angle.sin_cos();
        let centre = [rows, columns].map(|n| (n as f64 - 1.0) / 2.0);
        let middle = (pixels as f64 - 1.0) / 2.0;
        let shift = [0, 1].map(|_| self.shift * pixels as f64 * symmetric(rng));
        let bend = std::array::from_fn::<_, 2, _>(|_| {
            let scale = self.bend_mm / SOURCE_SPACING_MM;
            Array2::from_shape_simple_fn((BEND_NODES, BEND_NODES), || scale * gauss(rng))
        });
        let outside = match scale {
            Scale::Hounsfield => -1024.0,
            Scale::Grey => 0.0,
        };
        let mut values = Array2::from_elem((pixels, pixels), outside);
        let mut classes = Array2::zeros((pixels, pixels));
        for r in 0..pixels {
            for c in 0..pixels {
                let (v, u) = (r as f64 - middle + shift[0], c as f64 - middle + shift[1]);
                let node = |at: usize| at as f64 / (pixels - 1) as f64 * (BEND_NODES - 1) as f64;
                let (by, bx) = (node(r), node(c));
                let y =
                    centre[0] + step * stretch * (cos * v + sin * u) + bilinear(&bend[0], by, bx);
                let x =
                    centre[1] + step / stretch * (cos * u - sin * v) + bilinear(&bend[1], by, bx);
                if y < -0.5 || x < -0.5 || y >= rows as f64 - 0.5 || x >= columns as f64 - 0.5 {
                    continue;
                }
                values[[r, c]] = interpolate(&image, y, x);
                let nearest = [(y.round().max(0.0)) as usize, (x.round().max(0.0)) as usize];
                classes[[r, c]] = labels[[nearest[0].min(rows - 1), nearest[1].min(columns - 1)]];
            }
        }
        (values, classes)
    }

    /// Contrast agents and scanners, as far as labels allow to imitate them.
    fn shift_organs(
        &self,
        values: &mut Array2<f32>,
        classes: &Array2<u16>,
        structures: &[Vec<String>],
        rng: &mut impl Rng,
    ) {
        let vessels = self.vessel_hu * symmetric(rng);
        let offsets: Vec<f32> = structures
            .iter()
            .map(|names| {
                let own = self.organ_hu * gauss(rng);
                let is = |words: &[&str]| names.iter().any(|n| words.iter().any(|w| n.contains(w)));
                let offset = if is(&VESSELS) {
                    vessels + own
                } else if is(&ENHANCING) {
                    0.3 * vessels + own
                } else {
                    0.0
                };
                offset as f32
            })
            .collect();
        values.zip_mut_with(classes, |value, class| *value += offsets[*class as usize]);
    }

    /// From Hounsfield units to grey.
    fn develop(&self, values: &mut Array2<f32>, rng: &mut impl Rng) {
        let offset = (15.0 * gauss(rng)) as f32;
        if rng.random::<f64>() >= self.windows {
            values.mapv_inplace(|hu| grey_of_hu(hu + offset));
            return;
        }
        let (level, width) = WINDOWS[rng.random_range(0..WINDOWS.len())];
        let width = width * (0.3 * symmetric(rng)).exp();
        let low = level + 40.0 * symmetric(rng) - width / 2.0;
        values.mapv_inplace(|hu| ((f64::from(hu) - low) / width).clamp(0.0, 1.0) as f32);
    }

    /// Gamma, brightness, blur, noise and a narrow field of view.
    fn spoil(&self, values: &mut Array2<f32>, rng: &mut impl Rng) {
        let gamma = (self.gamma.ln() * symmetric(rng)).exp() as f32;
        let gain = 1.0 + 0.1 * symmetric(rng) as f32;
        let lift = 0.05 * symmetric(rng) as f32;
        values.mapv_inplace(|v| gain * v.max(0.0).powf(gamma) + lift);
        if rng.random::<f64>() < self.blur {
            blur(values);
        }
        let noise = self.noise * rng.random::<f64>().powi(2);
        values.mapv_inplace(|v| (v + (noise * gauss(rng)) as f32).clamp(0.0, 1.0));
        if rng.random::<f64>() < self.cut {
            cut(values, rng);
        }
    }
}

/// Parts of the names of what blood flows through.
const VESSELS: [&str; 10] = [
    "aorta", "heart", "vein", "vena", "artery", "arteria", "atrial", "trunk", "venae", "atrium",
];

/// Parts of the names of what takes up contrast agent.
const ENHANCING: [&str; 6] = [
    "liver", "spleen", "kidney", "pancreas", "stomach", "adrenal",
];

/// Level and width in Hounsfield units: mediastinum, abdomen, lung, bone, and all there is.
const WINDOWS: [(f64, f64); 5] = [
    (50.0, 350.0),
    (40.0, 400.0),
    (-600.0, 1500.0),
    (400.0, 1800.0),
    (0.0, 2000.0),
];

/// From -1 to 1.
fn symmetric(rng: &mut impl Rng) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}

/// Normally distributed by Box and Muller's formula.
fn gauss(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

fn bilinear(nodes: &Array2<f64>, y: f64, x: f64) -> f64 {
    let (y0, x0) = (
        (y as usize).min(nodes.nrows() - 2),
        (x as usize).min(nodes.ncols() - 2),
    );
    let (fy, fx) = (y - y0 as f64, x - x0 as f64);
    let row = |r: usize| nodes[[r, x0]] * (1.0 - fx) + nodes[[r, x0 + 1]] * fx;
    row(y0) * (1.0 - fy) + row(y0 + 1) * fy
}

fn interpolate(image: &ArrayView2<'_, f32>, y: f64, x: f64) -> f32 {
    let (rows, columns) = image.dim();
    let (y, x) = (
        y.clamp(0.0, rows as f64 - 1.0),
        x.clamp(0.0, columns as f64 - 1.0),
    );
    let (y0, x0) = (y as usize, x as usize);
    let (y1, x1) = ((y0 + 1).min(rows - 1), (x0 + 1).min(columns - 1));
    let (fy, fx) = ((y - y0 as f64) as f32, (x - x0 as f64) as f32);
    let row = |r: usize| image[[r, x0]] * (1.0 - fx) + image[[r, x1]] * fx;
    row(y0) * (1.0 - fy) + row(y1) * fy
}

/// 1 2 1 along both axes.
fn blur(values: &mut Array2<f32>) {
    for axis in 0..2 {
        let before = values.clone();
        let last = before.len_of(ndarray::Axis(axis)) - 1;
        for ((r, c), value) in values.indexed_iter_mut() {
            let at = [r, c];
            let neighbour = |index: usize| {
                let mut there = at;
                there[axis] = index;
                before[there]
            };
            *value = 0.25 * neighbour(at[axis].saturating_sub(1))
                + 0.5 * before[at]
                + 0.25 * neighbour((at[axis] + 1).min(last));
        }
    }
}

/// Black beyond a circle or a rectangle.
fn cut(values: &mut Array2<f32>, rng: &mut impl Rng) {
    let n = values.nrows() as f64;
    let (cy, cx) = (
        n * (0.35 + 0.3 * rng.random::<f64>()),
        n * (0.35 + 0.3 * rng.random::<f64>()),
    );
    let (a, b) = (
        n * (0.3 + 0.3 * rng.random::<f64>()),
        n * (0.3 + 0.3 * rng.random::<f64>()),
    );
    let is_round = rng.random::<bool>();
    for ((r, c), value) in values.indexed_iter_mut() {
        let (dy, dx) = ((r as f64 - cy) / a, (c as f64 - cx) / b);
        let is_out = if is_round {
            dy * dy + dx * dx > 1.0
        } else {
            dy.abs() > 1.0 || dx.abs() > 1.0
        };
        if is_out {
            *value = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use scarce_image::{Seed, StreamKey};

    use super::*;

    fn still() -> Augmentation {
        Augmentation {
            turn_degrees: 0.0,
            magnify: [1.0, 1.0],
            stretch: 0.0,
            shift: 0.0,
            bend_mm: 0.0,
            ..Augmentation::default()
        }
    }

    fn stream(purpose: &str) -> impl Rng + use<> {
        Seed(1).stream(StreamKey {
            epoch: 0,
            sample_id: "slice",
            purpose,
        })
    }

    #[test]
    fn a_still_slice_is_resampled_about_its_centre() {
        let image = Array2::from_shape_fn((61, 81), |(r, c)| (100 * r + c) as f32);
        let labels = image.mapv(|v| u16::from(v >= 3000.0));
        let slice = (image.view(), labels.view());
        let (values, classes) = still().warp(slice, Scale::Grey, 33, &mut stream("warp"));
        // The middle stays where it is; a pixel on is 4 mm, of which the source has 3 a sample.
        for (r, c) in [(16_usize, 16_usize), (10, 16), (20, 25)] {
            let at = |i: usize, n: f64| (n - 1.0) / 2.0 + (i as f64 - 16.0) * 4.0 / 3.0;
            let expected = 100.0 * at(r, 61.0) + at(c, 81.0);
            assert!(
                (f64::from(values[[r, c]]) - expected).abs() < 0.01,
                "{r} {c}"
            );
        }
        assert_eq!((classes[[15, 16]], classes[[17, 16]]), (0, 1));
        // Beyond the source there is nothing.
        let small = (image.view(), labels.view());
        let (values, classes) = still().warp(small, Scale::Grey, 97, &mut stream("warp"));
        assert_eq!((values[[0, 0]], classes[[96, 96]]), (0.0, 0));
    }

    #[test]
    fn what_is_seen_is_grey_and_a_function_of_the_stream() {
        let image = Array2::from_shape_fn((40, 40), |(r, c)| (r * c) as f32 - 1000.0);
        let labels = image.mapv(|v| u16::from(v > 0.0));
        let structures = [vec![], vec!["aorta".to_owned()]];
        let see = |purpose: &str| {
            let slice = (image.view(), labels.view());
            let mut rng = stream(purpose);
            Augmentation::default().apply(slice, Scale::Hounsfield, &structures, 32, &mut rng)
        };
        for purpose in ["a", "b", "c", "d", "e"] {
            let seen = see(purpose);
            assert!(
                seen.grey.iter().all(|v| (0.0..=1.0).contains(v)),
                "{purpose}"
            );
            assert_eq!(seen.grey, see(purpose).grey);
        }
        assert_ne!(see("a").grey, see("b").grey);
    }
}
