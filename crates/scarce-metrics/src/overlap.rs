//! Counts of a prediction against a reference.

use ndarray::{ArrayView3, Zip};

/// Voxels by prediction and reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub prediction: usize,
    pub reference: usize,
    pub both: usize,
}

impl Counts {
    pub(crate) fn of(prediction: ArrayView3<'_, bool>, reference: ArrayView3<'_, bool>) -> Self {
        let zero = Self {
            prediction: 0,
            reference: 0,
            both: 0,
        };
        Zip::from(&prediction)
            .and(&reference)
            .fold(zero, |c, p, r| Self {
                prediction: c.prediction + usize::from(*p),
                reference: c.reference + usize::from(*r),
                both: c.both + usize::from(*p && *r),
            })
    }

    /// Neither mask has a voxel.
    pub(crate) fn both_empty(self) -> bool {
        self.prediction == 0 && self.reference == 0
    }

    pub(crate) fn dice(self) -> f64 {
        agreed_or(2 * self.both, self.prediction + self.reference)
    }

    pub(crate) fn jaccard(self) -> f64 {
        agreed_or(self.both, self.prediction + self.reference - self.both)
    }

    /// Undefined for an empty prediction of something.
    pub(crate) fn precision(self) -> Option<f64> {
        ratio(self.both, self.prediction, self.reference)
    }

    /// Undefined for an empty reference that something was predicted for.
    pub(crate) fn recall(self) -> Option<f64> {
        ratio(self.both, self.reference, self.prediction)
    }

    /// Undefined for an empty reference that something was predicted for.
    pub(crate) fn relative_volume_error(self) -> Option<f64> {
        match (self.prediction, self.reference) {
            (0, 0) => Some(0.0),
            (_, 0) => None,
            (p, r) => Some((p as f64 - r as f64) / r as f64),
        }
    }
}

/// Two empty masks agree.
fn agreed_or(numerator: usize, denominator: usize) -> f64 {
    if denominator == 0 {
        1.0
    } else {
        numerator as f64 / denominator as f64
    }
}

fn ratio(both: usize, of: usize, other: usize) -> Option<f64> {
    match (of, other) {
        (0, 0) => Some(1.0),
        (0, _) => None,
        (of, _) => Some(both as f64 / of as f64),
    }
}
