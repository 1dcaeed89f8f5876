//! Weighted sums over the three axes at once, a row of the result at a time.

use rayon::prelude::*;

use super::taps::AxisTaps;

/// Scratch space of one thread.
#[derive(Default)]
struct Scratch {
    /// Where in the source the rows begin that a result's row draws from, and their weights.
    terms: Vec<(usize, f32)>,
    /// Their weighted sum.
    sum: Vec<f32>,
}

/// The array of shape `onto` whose value at `(z, y, x)` is the sum of the voxels of `source` in the
/// windows of the three `taps`, `outside` where a table has no window.
///
/// For each row of the result, the rows of the source that it draws from are added up first: whole
/// rows are vector code. Only their sum is then gathered along x.
pub(super) fn weighted_sums(
    source: &[f32],
    shape: [usize; 3],
    taps: &[AxisTaps; 3],
    onto: [usize; 3],
    outside: f32,
) -> Vec<f32> {
    let [nz, ny, nx] = onto;
    let [in_z, in_y, in_x] = taps;
    let (rows, length) = (shape[1], shape[2]);
    let mut values = vec![0.0; nz * ny * nx];
    let write = |scratch: &mut Scratch, row: usize, values: &mut [f32]| {
        let (Some((first_z, weights_z)), Some((first_y, weights_y))) =
            (in_z.window(row / ny), in_y.window(row % ny))
        else {
            values.fill(outside);
            return;
        };
        scratch.terms.clear();
        for (z, weight_z) in (first_z..).zip(weights_z) {
            for (y, weight_y) in (first_y..).zip(weights_y) {
                let weight = weight_z * weight_y;
                if weight != 0.0 {
                    scratch.terms.push(((z * rows + y) * length, weight));
                }
            }
        }
        values[..in_x.inside.start].fill(outside);
        values[in_x.inside.end..].fill(outside);
        let values = &mut values[in_x.inside.clone()];
        match scratch.terms[..] {
            [(begin, weight)] if weight == 1.0 && length >= in_x.width => {
                gather(&source[begin..][..length], in_x, values);
            }
            _ => {
                scratch.sum.resize(length.max(in_x.width), 0.0);
                add_up(source, &scratch.terms, &mut scratch.sum[..length]);
                gather(&scratch.sum, in_x, values);
            }
        }
    };
    values.par_chunks_mut(nx.max(1)).enumerate().for_each_init(
        Scratch::default,
        |scratch, (row, values)| {
            write(scratch, row, values);
        },
    );
    values
}

/// `sum` ← the weighted sum of the rows of `source` that `terms` begin.
fn add_up(source: &[f32], terms: &[(usize, f32)], sum: &mut [f32]) {
    let n = sum.len();
    let row = |term: (usize, f32)| &source[term.0..][..n];
    let mut is_first = true;
    // Four rows at a time, so that the sum is not written and read again for each.
    let (fours, rest) = terms.as_chunks::<4>();
    for [a, b, c, d] in fours {
        let rows = row(*a).iter().zip(row(*b)).zip(row(*c)).zip(row(*d));
        let weighted = rows.map(|(((p, q), r), s)| (a.1 * p + b.1 * q) + (c.1 * r + d.1 * s));
        put(sum, weighted, is_first);
        is_first = false;
    }
    let (twos, rest) = rest.as_chunks::<2>();
    for [a, b] in twos {
        let weighted = row(*a).iter().zip(row(*b)).map(|(p, q)| a.1 * p + b.1 * q);
        put(sum, weighted, is_first);
        is_first = false;
    }
    for a in rest {
        put(sum, row(*a).iter().map(|p| a.1 * p), is_first);
        is_first = false;
    }
    if is_first {
        sum.fill(0.0);
    }
}

fn put(sum: &mut [f32], values: impl Iterator<Item = f32>, is_first: bool) {
    if is_first {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum = value;
        }
    } else {
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

/// The windows of `taps` over one row.
fn gather(row: &[f32], taps: &AxisTaps, values: &mut [f32]) {
    match taps.width {
        1 => {
            for (value, first) in values.iter_mut().zip(&taps.first) {
                *value = row[*first];
            }
        }
        2 => gather_fixed::<2>(row, taps, values),
        3 => gather_fixed::<3>(row, taps, values),
        4 => gather_fixed::<4>(row, taps, values),
        5 => gather_fixed::<5>(row, taps, values),
        width => {
            let windows = taps.first.iter().zip(taps.weights.chunks_exact(width));
            for (value, (first, weights)) in values.iter_mut().zip(windows) {
                let near = row[*first..][..width].iter().zip(weights);
                *value = near.map(|(v, w)| v * w).sum();
            }
        }
    }
}

/// The same for a width that the compiler knows.
fn gather_fixed<const WIDTH: usize>(row: &[f32], taps: &AxisTaps, values: &mut [f32]) {
    let (weights, _) = taps.weights.as_chunks::<WIDTH>();
    for (value, (first, weights)) in values.iter_mut().zip(taps.first.iter().zip(weights)) {
        let near = &row[*first..*first + WIDTH];
        let mut sum = near[0] * weights[0];
        for k in 1..WIDTH {
            sum += near[k] * weights[k];
        }
        *value = sum;
    }
}
