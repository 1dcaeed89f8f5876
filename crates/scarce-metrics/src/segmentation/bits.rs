//! A label's voxels within a box, a bit each.

use ndarray::Array3;
use rayon::prelude::*;
use scarce_image::VoxelBox;

/// Points of a grid, a bit each, rows along x from the lowest bit up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BitGrid {
    shape_zyx: [usize; 3],
    words_per_row: usize,
    words: Vec<u64>,
}

impl BitGrid {
    /// Where the voxels of a C-order array in a box have the value.
    pub(crate) fn of_value<T: Copy + PartialEq + Sync>(
        voxels: &Array3<T>,
        bounds: VoxelBox,
        value: T,
    ) -> Self {
        let (_, ny, nx) = voxels.dim();
        let [z0, y0, x0] = bounds.begin_zyx;
        let voxels = voxels.as_slice().unwrap_or_default();
        Self::by_rows(bounds.shape_zyx(), |[z, y], words| {
            let row = &voxels[((z0 + z) * ny + y0 + y) * nx..][..nx];
            pack(&row[x0..bounds.end_zyx[2]], value, words);
        })
    }

    /// Each row as `fill` writes it at `(z, y)`.
    pub(crate) fn by_rows(
        shape_zyx: [usize; 3],
        fill: impl Fn([usize; 2], &mut [u64]) + Sync,
    ) -> Self {
        let [nz, ny, nx] = shape_zyx;
        let words_per_row = nx.div_ceil(64).max(1);
        let mut words = vec![0; nz * ny * words_per_row];
        words
            .par_chunks_exact_mut(words_per_row)
            .with_min_len(64)
            .enumerate()
            .for_each(|(row, words)| fill([row / ny, row % ny], words));
        Self {
            shape_zyx,
            words_per_row,
            words,
        }
    }

    pub(crate) fn shape_zyx(&self) -> [usize; 3] {
        self.shape_zyx
    }

    pub(crate) fn row(&self, z: usize, y: usize) -> &[u64] {
        let begin = (z * self.shape_zyx[1] + y) * self.words_per_row;
        &self.words[begin..begin + self.words_per_row]
    }

    /// The row; one without words where there is none, before the first or after the last.
    pub(crate) fn row_or_none(&self, z: isize, y: isize) -> &[u64] {
        let [nz, ny, _] = self.shape_zyx;
        match (usize::try_from(z), usize::try_from(y)) {
            (Ok(z), Ok(y)) if z < nz && y < ny => self.row(z, y),
            _ => &[],
        }
    }

    /// Number of points set.
    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The points set in both.
    pub(crate) fn count_both(&self, other: &Self) -> usize {
        let words = self.words.iter().zip(&other.words);
        words.map(|(a, b)| (a & b).count_ones() as usize).sum()
    }
}

/// The positions of a row's points, from the first.
pub(crate) fn points(row: &[u64]) -> impl Iterator<Item = usize> + '_ {
    row.iter().enumerate().flat_map(|(k, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(64 * k + bit)
        })
    })
}

/// Word `k` of a row; beyond its end no point is set.
pub(crate) fn word(row: &[u64], k: usize) -> u64 {
    row.get(k).copied().unwrap_or(0)
}

/// Word `k` of a row moved up by one: at each bit, the point before it.
pub(crate) fn before(row: &[u64], k: usize) -> u64 {
    let carried = if k > 0 { word(row, k - 1) >> 63 } else { 0 };
    word(row, k) << 1 | carried
}

/// Word `k` of a row moved down by one: at each bit, the point after it.
pub(crate) fn after(row: &[u64], k: usize) -> u64 {
    word(row, k) >> 1 | word(row, k + 1) << 63
}

fn pack<T: Copy + PartialEq>(row: &[T], value: T, words: &mut [u64]) {
    let (chunks, rest) = row.as_chunks::<64>();
    for (word, chunk) in words.iter_mut().zip(chunks) {
        *word = word_of(&chunk.map(|v| u8::from(v == value)));
    }
    if let Some(word) = words.get_mut(chunks.len()) {
        let mut last = [0; 64];
        for (flag, v) in last.iter_mut().zip(rest) {
            *flag = u8::from(*v == value);
        }
        *word = word_of(&last);
    }
}

/// 64 flags, 0 or 1, as bits, the first the lowest.
fn word_of(flags: &[u8; 64]) -> u64 {
    let (eights, _) = flags.as_chunks::<8>();
    let mut word = 0;
    for (k, eight) in eights.iter().enumerate() {
        // Brings byte i's lowest bit to bit 56 + i; no two products meet, so nothing carries.
        let byte = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (8 * k);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_the_voxels_of_the_value() {
        for nx in [1, 63, 64, 65, 130] {
            let voxels =
                Array3::from_shape_fn((3, 4, nx), |(z, y, x)| ((z * 5 + y * 3 + x * x) % 3) as u16);
            let bounds = VoxelBox {
                begin_zyx: [1, 1, nx / 3],
                end_zyx: [3, 4, nx],
            };
            let grid = BitGrid::of_value(&voxels, bounds, 2);
            assert_eq!(grid.shape_zyx(), bounds.shape_zyx());
            let mut count = 0;
            for z in 0..2 {
                for y in 0..3 {
                    let row = grid.row(z, y);
                    let width = nx - nx / 3;
                    let inside = |x: &usize| voxels[[z + 1, y + 1, x + nx / 3]] == 2;
                    let expected: Vec<usize> = (0..width).filter(inside).collect();
                    assert_eq!(points(row).collect::<Vec<_>>(), expected);
                    count += expected.len();
                    for x in 0..64 * row.len() + 64 {
                        let bit = |word: u64| word >> (x % 64) & 1 == 1;
                        let has = |x: Option<usize>| x.is_some_and(|x| expected.contains(&x));
                        assert_eq!(bit(before(row, x / 64)), has(x.checked_sub(1)));
                        assert_eq!(bit(after(row, x / 64)), has(Some(x + 1)));
                    }
                }
            }
            assert_eq!((grid.count(), grid.count_both(&grid)), (count, count));
        }
    }
}
