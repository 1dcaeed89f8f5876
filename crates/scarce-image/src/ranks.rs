//! Values of given ranks without sorting, by counting.

use rayon::prelude::*;

/// The upper half of a key tells the bin, the lower half the place within it.
const BINS: usize = 1 << 16;

/// Values are counted in so many pieces at most.
const PIECE: usize = 1 << 20;

/// For each of `ranks`, the value that stands there once `values` are sorted (`f32::total_cmp`); ranks are below their number.
///
/// Two passes through memory: the first counts the upper halves of all keys, the second the lower halves in the bins that the
/// ranks fall into.
pub(crate) fn at_ranks<const N: usize>(values: &[f32], ranks: [usize; N]) -> [f32; N] {
    let bins = count(values, BINS, |key| Some(key as usize >> 16));
    let places = ranks.map(|rank| place(&bins, rank));
    let mut wanted: Vec<usize> = places.iter().map(|(bin, _)| *bin).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut row_of_bin = vec![u8::MAX; BINS];
    for (row, bin) in wanted.iter().enumerate() {
        row_of_bin[*bin] = row as u8;
    }
    let within = count(values, BINS * wanted.len(), |key| {
        let row = row_of_bin[key as usize >> 16];
        (row != u8::MAX).then(|| usize::from(row) * BINS + (key as usize & (BINS - 1)))
    });
    places.map(|(bin, rank)| {
        let row = wanted.partition_point(|wanted| *wanted < bin);
        let (low, _) = place(&within[row * BINS..(row + 1) * BINS], rank);
        value((bin << 16 | low) as u32)
    })
}

fn count(values: &[f32], n: usize, at: impl Fn(u32) -> Option<usize> + Sync) -> Vec<u64> {
    let joined = |mut a: Vec<u64>, b: Vec<u64>| {
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        a
    };
    values
        .par_chunks(PIECE)
        .fold(
            || vec![0; n],
            |mut counts, piece| {
                for at in piece.iter().filter_map(|value| at(key(*value))) {
                    counts[at] += 1;
                }
                counts
            },
        )
        .reduce_with(joined)
        .unwrap_or_else(|| vec![0; n])
}

/// The bin that the rank falls into, and the rank within it.
fn place(counts: &[u64], rank: usize) -> (usize, usize) {
    let mut rank = rank as u64;
    for (bin, count) in counts.iter().enumerate() {
        if rank < *count {
            return (bin, rank as usize);
        }
        rank -= count;
    }
    (counts.len() - 1, 0)
}

/// Keys are ordered as the values are.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

fn value(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key ^ 1 << 31 } else { !key })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn are_those_of_sorting(
            values in prop::collection::vec(
                prop_oneof![-1e3_f32..1e3, Just(-0.0), Just(0.0), Just(f32::MIN_POSITIVE), (-9_i16..9).prop_map(f32::from)],
                1..300,
            ),
            at in 0.0..1.0_f64,
        ) {
            let last = values.len() - 1;
            let ranks = [0, (at * last as f64) as usize, last];
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let found = at_ranks(&values, ranks).map(f32::to_bits);
            prop_assert_eq!(found, ranks.map(|rank| sorted[rank].to_bits()));
        }
    }
}
