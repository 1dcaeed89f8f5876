//! What the order of scores says.

use super::{ClassificationError, Undefined};

/// Cases by descending score of one class, which is the positive one.
///
/// ```
/// use scarce_metrics::classification::RankedScores;
///
/// let ranked = RankedScores::new(&[false, false, true, true], &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(ranked.roc_auc(), Ok(0.75));
/// # Ok::<(), scarce_metrics::classification::ClassificationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankedScores {
    /// Indices of the cases, by descending score.
    order: Vec<usize>,
    /// Whether each of them is positive, in the same order.
    positive: Vec<bool>,
    /// Where each group of equal scores ends.
    ends: Vec<usize>,
}

impl RankedScores {
    /// Ranks cases by score, in O(n log n); the higher, the surer that the case is positive.
    ///
    /// # Errors
    /// [`ClassificationError::NoCases`], [`ClassificationError::Length`], and
    /// [`ClassificationError::NotFinite`] for NaN and infinite scores.
    pub fn new(positive: &[bool], scores: &[f64]) -> Result<Self, ClassificationError> {
        if scores.len() != positive.len() {
            return Err(ClassificationError::Length {
                what: "scores",
                expected: positive.len(),
                got: scores.len(),
            });
        }
        if scores.is_empty() {
            return Err(ClassificationError::NoCases);
        }
        if let Some(case) = scores.iter().position(|score| !score.is_finite()) {
            return Err(ClassificationError::NotFinite {
                case: case.to_string(),
                column: 0,
                value: scores[case],
            });
        }
        Ok(Self::of_checked(positive, scores))
    }

    pub(super) fn of_checked(positive: &[bool], scores: &[f64]) -> Self {
        let mut keyed: Vec<(u64, usize)> = scores
            .iter()
            .enumerate()
            .map(|(index, score)| (descending_key(*score), index))
            .collect();
        // By key and index: whole numbers sort several times faster than floats by comparison.
        keyed.sort_unstable();
        let mut ends = Vec::new();
        for group in keyed.chunk_by(|a, b| a.0 == b.0) {
            ends.push(ends.last().copied().unwrap_or(0) + group.len());
        }
        let order: Vec<usize> = keyed.into_iter().map(|(_, index)| index).collect();
        let positive = order.iter().map(|index| positive[*index]).collect();
        Self {
            order,
            positive,
            ends,
        }
    }

    /// The area under the receiver operating characteristic: the share of pairs of a positive and a
    /// negative in which the positive scores higher, ties counting half.
    ///
    /// # Errors
    /// [`Undefined::OneClass`] if all cases are positive or all are negative.
    pub fn roc_auc(&self) -> Result<f64, Undefined> {
        roc_auc(self.groups(|_| 1))
    }

    /// Average precision: Σ (Rₖ − Rₖ₋₁) Pₖ with P and R the precision and recall of calling the k
    /// highest scores positive, no interpolation; equal scores are called together.
    ///
    /// # Errors
    /// [`Undefined::OneClass`] if all cases are positive or all are negative.
    pub fn average_precision(&self) -> Result<f64, Undefined> {
        average_precision(self.groups(|_| 1))
    }

    /// [`Self::roc_auc`] with each case counted so many times.
    pub(super) fn roc_auc_weighted(&self, times: &[u32]) -> Result<f64, Undefined> {
        roc_auc(self.groups(|index| times[index]))
    }

    /// [`Self::average_precision`] with each case counted so many times.
    pub(super) fn average_precision_weighted(&self, times: &[u32]) -> Result<f64, Undefined> {
        average_precision(self.groups(|index| times[index]))
    }

    /// Positives and negatives of each group of equal scores, the highest first.
    fn groups(&self, times: impl Fn(usize) -> u32) -> impl Iterator<Item = (u64, u64)> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let (mut positives, mut negatives) = (0, 0);
            for (index, positive) in self.order[start..*end]
                .iter()
                .zip(&self.positive[start..*end])
            {
                let times = u64::from(times(*index));
                if *positive {
                    positives += times;
                } else {
                    negatives += times;
                }
            }
            start = *end;
            (positives, negatives)
        })
    }
}

fn roc_auc(groups: impl Iterator<Item = (u64, u64)>) -> Result<f64, Undefined> {
    // Twice the area in pairs, whole numbers: 2n² stays below 2⁶⁴ for up to 10⁹ cases.
    let (mut positives, mut negatives, mut doubled) = (0u64, 0u64, 0u64);
    for (p, n) in groups {
        doubled += n * (2 * positives + p);
        positives += p;
        negatives += n;
    }
    if positives == 0 || negatives == 0 {
        return Err(Undefined::OneClass);
    }
    Ok(doubled as f64 / (2.0 * positives as f64 * negatives as f64))
}

fn average_precision(groups: impl Iterator<Item = (u64, u64)>) -> Result<f64, Undefined> {
    let (mut positives, mut negatives, mut sum) = (0u64, 0u64, 0.0);
    for (p, n) in groups {
        positives += p;
        negatives += n;
        if p > 0 {
            sum += p as f64 * (positives as f64 / (positives + negatives) as f64);
        }
    }
    if positives == 0 || negatives == 0 {
        return Err(Undefined::OneClass);
    }
    Ok(sum / positives as f64)
}

/// A whole number that is the smaller the higher a finite score is, and equal for equal scores.
fn descending_key(score: f64) -> u64 {
    // −0 equals 0.
    let bits = (score + 0.0).to_bits();
    let ascending = if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    };
    !ascending
}
