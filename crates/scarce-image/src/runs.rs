//! Rows of a binary array as runs: where each stretch of equal voxels begins and ends.

/// Voxels `begin..end` of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) begin: u32,
    pub(crate) end: u32,
}

/// Adds the runs of `value` in `row` to `runs`.
pub(crate) fn find_runs(row: &[bool], value: bool, runs: &mut Vec<Run>) {
    let mut begin = 0;
    let mut before = 0;
    let mut at = 0;
    let mut scan = |word: u64, at: u32| {
        // A bit wherever a voxel differs from the one before it.
        let mut turns = word ^ (word << 1 | before);
        before = word >> 63;
        while turns != 0 {
            let bit = turns.trailing_zeros();
            if word >> bit & 1 == 1 {
                begin = at + bit;
            } else {
                runs.push(Run {
                    begin,
                    end: at + bit,
                });
            }
            turns &= turns - 1;
        }
    };
    let flip = if value { 0 } else { u64::MAX };
    let (words, rest) = row.as_chunks::<64>();
    for word in words {
        scan(bits(word) ^ flip, at);
        at += 64;
    }
    // The end of the row ends the last run.
    let mut last = [!value; 64];
    last[..rest.len()].copy_from_slice(rest);
    scan(bits(&last) ^ flip, at);
}

/// The voxels as bits, the first the lowest.
fn bits(voxels: &[bool; 64]) -> u64 {
    let (eights, _) = voxels.as_chunks::<8>();
    let mut word = 0;
    for (k, eight) in eights.iter().enumerate() {
        let bytes = u64::from_le_bytes(eight.map(u8::from));
        // Brings byte i's lowest bit to bit 56 + i; no two products meet, so nothing carries.
        let byte = bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (8 * k);
    }
    word
}

/// Hands over each pair `(i, j)` of indices of runs of two rows that come within `reach` voxels of
/// overlapping: 0 to overlap, 1 to touch at a corner as well.
pub(crate) fn touching(a: &[Run], b: &[Run], reach: u32, mut pair: impl FnMut(usize, usize)) {
    let (mut i, mut j) = (0, 0);
    while let (Some(p), Some(q)) = (a.get(i), b.get(j)) {
        if p.begin < q.end + reach && q.begin < p.end + reach {
            pair(i, j);
        }
        // Runs of a row lie at least a voxel apart: the next one cannot touch a run that ends here.
        if p.end < q.end {
            i += 1;
        } else {
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_what_they_are_of() {
        for n in [0, 1, 63, 64, 65, 128, 200] {
            for step in [1, 2, 3, 7, 50, 300] {
                let row: Vec<bool> = (0..n).map(|x| x / step % 2 == 0 || x % 11 == 3).collect();
                for value in [true, false] {
                    let mut runs = Vec::new();
                    find_runs(&row, value, &mut runs);
                    let mut painted = vec![!value; n];
                    for run in &runs {
                        painted[run.begin as usize..run.end as usize].fill(value);
                    }
                    assert_eq!(painted, row, "{n} {step} {value}");
                    assert!(runs.windows(2).all(|w| w[0].end < w[1].begin));
                }
            }
        }
    }
}
