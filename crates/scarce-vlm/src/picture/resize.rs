//! Resizing to the byte as Pillow does: what the models saw when they were trained and exported.

use ndarray::Array3;
use rayon::prelude::*;

use super::Filter;

/// Weights are whole numbers of so many bits after the point; more would overflow 32 bits in Pillow.
const PRECISION_BITS: u32 = 22;

const CHANNELS: usize = 3;

/// `rgb` `(y, x, 3)` at `[height, width]`: along x first, rounded to 8 bits, then along y.
pub(super) fn resize(rgb: &Array3<u8>, size_yx: [usize; 2], filter: Filter) -> Array3<u8> {
    let [height, width] = size_yx;
    let (rows, columns, _) = rgb.dim();
    // A picture keeps its pixels in C-order.
    let pixels = rgb.as_slice().unwrap_or_default();
    let along_x = (width != columns).then(|| taps(columns, width, filter));
    let along_y = (height != rows).then(|| taps(rows, height, filter));
    let along = [along_x.as_deref(), along_y.as_deref()];
    let is_grey = pixels
        .chunks_exact(CHANNELS)
        .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
    let resized = if is_grey {
        // A third of the work, and slices are grey.
        let grey: Vec<u8> = pixels.iter().copied().step_by(CHANNELS).collect();
        let grey = resized::<1>(&grey, columns, along);
        let mut resized = vec![0; grey.len() * CHANNELS];
        for (pixel, value) in resized.chunks_exact_mut(CHANNELS).zip(grey) {
            pixel.fill(value);
        }
        resized
    } else {
        resized::<CHANNELS>(pixels, columns, along)
    };
    // Of this length by construction.
    Array3::from_shape_vec((height, width, CHANNELS), resized).unwrap_or_else(|_| rgb.clone())
}

/// Pixels of `N` channels in rows of `columns`; an axis without taps stays as it is.
fn resized<const N: usize>(
    pixels: &[u8],
    columns: usize,
    [along_x, along_y]: [Option<&[Tap]>; 2],
) -> Vec<u8> {
    let wide = match along_x {
        None => pixels.to_vec(),
        Some(taps) => {
            let mut wide = vec![0; pixels.len() / columns * taps.len()];
            wide.par_chunks_exact_mut(taps.len() * N)
                .zip(pixels.par_chunks_exact(columns * N))
                .for_each(|(wide, row)| {
                    for (pixel, tap) in wide.chunks_exact_mut(N).zip(taps) {
                        pixel.copy_from_slice(&tap.weigh::<N>(row));
                    }
                });
            wide
        }
    };
    let Some(taps) = along_y else {
        return wide;
    };
    let stride = along_x.map_or(columns, <[Tap]>::len) * N;
    let mut tall = vec![0; taps.len() * stride];
    tall.par_chunks_exact_mut(stride).zip(taps).for_each_init(
        || vec![0; stride],
        |sums, (tall, tap)| {
            sums.fill(HALF);
            let beneath = wide.chunks_exact(stride).skip(tap.first);
            for (weight, row) in tap.weights.iter().zip(beneath) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += weight * i32::from(*value);
                }
            }
            for (value, sum) in tall.iter_mut().zip(sums) {
                *value = to_byte(*sum);
            }
        },
    );
    tall
}

const HALF: i32 = 1 << (PRECISION_BITS - 1);

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// What one new pixel is made of: old ones from `first` on.
struct Tap {
    first: usize,
    weights: Vec<i32>,
}

impl Tap {
    fn weigh<const N: usize>(&self, row: &[u8]) -> [u8; N] {
        let mut sums = [HALF; N];
        let pixels = row[self.first * N..].chunks_exact(N);
        for (weight, pixel) in self.weights.iter().zip(pixels) {
            for (sum, value) in sums.iter_mut().zip(pixel) {
                *sum += weight * i32::from(*value);
            }
        }
        sums.map(to_byte)
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
                    .map(|weight| whole(weight) as i32)
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
