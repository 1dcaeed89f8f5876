//! Random subsets, as functions of a stream.

use rand::Rng;
use rand::seq::index;
use tch::Tensor;

use crate::CornError;

/// At most `count` of `candidates` `(n,)`, uniformly without replacement, in random order unless all
/// of them are taken.
pub(crate) fn subset(
    candidates: &Tensor,
    count: i64,
    rng: &mut impl Rng,
) -> Result<Tensor, CornError> {
    let n = candidates.size1()?;
    if n <= count {
        return Ok(candidates.shallow_clone());
    }
    let chosen = Tensor::from_slice(&draw(n, count, rng)).to_device(candidates.device());
    Ok(candidates.f_index_select(0, &chosen)?)
}

/// `count` different numbers below `n`, in random order; `count` is at most `n`.
pub(crate) fn draw(n: i64, count: i64, rng: &mut impl Rng) -> Vec<i64> {
    let (n, count) = (n.max(0) as usize, count.max(0) as usize);
    let chosen = index::sample(rng, n, count.min(n));
    chosen.into_iter().map(|row| row as i64).collect()
}

/// How many of `count` rows drawn without replacement from all come from each of the parts of which `seen` tells the sizes:
/// a multivariate hypergeometric draw.
pub(super) fn shares(seen: &[i64], count: i64, rng: &mut impl Rng) -> Vec<i64> {
    // Where each part's rows end in the line of all rows.
    let ends: Vec<i64> = seen
        .iter()
        .scan(0, |end, seen| {
            *end += seen;
            Some(*end)
        })
        .collect();
    let mut shares = vec![0; seen.len()];
    for row in draw(ends.last().copied().unwrap_or(0), count, rng) {
        shares[ends.partition_point(|end| *end <= row)] += 1;
    }
    shares
}
