//! Resizing to the byte as Pillow does: what the models saw when they were trained and exported.

use ndarray::Array3;

use super::Filter;

/// Weights are whole numbers of so many bits after the point; more would overflow 32 bits in Pillow.
const PRECISION_BITS: u32 = 22;

const CHANNELS: usize = 3;

/// `rgb` `(y, x, 3)` at `[height, width]`: along x first, rounded to 8 bits, then along y.
pub(super) fn resize(rgb: &Array3<u8>, size_yx: [usize; 2], filter: Filter) -> Array3<u8> {
    let [height, width] = size_yx;
    let (rows, columns, _) = rgb.dim();
    let pixels: Vec<u8> = rgb.iter().copied().collect();
    let wide = if width == columns {
        pixels
    } else {
        let taps = taps(columns, width, filter);
        let mut wide = Vec::with_capacity(rows * width * CHANNELS);
        for row in pixels.chunks_exact(columns * CHANNELS) {
            for tap in &taps {
                for channel in 0..CHANNELS {
                    let values = row[tap.first * CHANNELS + channel..]
                        .iter()
                        .step_by(CHANNELS);
                    wide.push(tap.weigh(values));
                }
            }
        }
        wide
    };
    let stride = width * CHANNELS;
    let tall = if height == rows {
        wide
    } else {
        let mut tall = Vec::with_capacity(height * stride);
        let mut sums = vec![0_i64; stride];
        for tap in taps(rows, height, filter) {
            sums.fill(HALF);
            let beneath = wide.chunks_exact(stride).skip(tap.first);
            for (weight, row) in tap.weights.iter().zip(beneath) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * i64::from(*value);
                }
            }
            tall.extend(sums.iter().map(|sum| to_byte(*sum)));
        }
        tall
    };
    // Of this length by construction.
    Array3::from_shape_vec((height, width, CHANNELS), tall).unwrap_or_else(|_| rgb.clone())
}

const HALF: i64 = 1 << (PRECISION_BITS - 1);

fn to_byte(sum: i64) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// What one new pixel is made of: old ones from `first` on.
struct Tap {
    first: usize,
    weights: Vec<i64>,
}

impl Tap {
    fn weigh<'a>(&self, values: impl Iterator<Item = &'a u8>) -> u8 {
        let weighed = self.weights.iter().zip(values);
        to_byte(
            HALF + weighed
                .map(|(weight, value)| weight * i64::from(*value))
                .sum::<i64>(),
        )
    }
}

/// The taps of `new` pixels out of `old`; where pixels get fewer the filter gets wider, so that none is left out.
fn taps(old: usize, new: usize, filter: Filter) -> Vec<Tap> {
    let scale = old as f64 / new as f64;
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    (0..new)
        .map(|pixel| {
            let centre = (pixel as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let last = ((centre + support + 0.5) as usize).min(old);
            let weights: Vec<f64> = (first..last)
                .map(|at| filter.weight((at as f64 - centre + 0.5) / stretch))
                .collect();
            let total: f64 = weights.iter().sum();
            let whole = |weight: f64| (weight / total * f64::from(1 << PRECISION_BITS)).round();
            Tap {
                first,
                weights: weights
                    .into_iter()
                    .map(|weight| whole(weight) as i64)
                    .collect(),
            }
        })
        .collect()
}

impl Filter {
    /// How far it reaches, in pixels.
    fn support(self) -> f64 {
        match self {
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Bilinear => (1.0 - x).max(0.0),
            // Keys' cubic with a = -1/2.
            Self::Bicubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Self::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Self::Bicubic => 0.0,
        }
    }
}
