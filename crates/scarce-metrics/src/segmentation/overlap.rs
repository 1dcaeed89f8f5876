//! Voxel counts of a label and the figures that follow from them.

/// Voxels by prediction and reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) prediction: usize,
    pub(crate) reference: usize,
    pub(crate) both: usize,
}

impl Counts {
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            prediction: self.prediction + other.prediction,
            reference: self.reference + other.reference,
            both: self.both + other.both,
        }
    }

    /// Neither has a voxel.
    pub(crate) fn both_empty(self) -> bool {
        self.prediction == 0 && self.reference == 0
    }

    /// At least one has no voxel.
    pub(crate) fn either_empty(self) -> bool {
        self.prediction == 0 || self.reference == 0
    }

    /// 1 for two empty masks, which agree.
    pub(crate) fn dice(self) -> f64 {
        ratio(2 * self.both, self.prediction + self.reference).unwrap_or(1.0)
    }

    /// 1 for two empty masks, which agree.
    pub(crate) fn jaccard(self) -> f64 {
        ratio(self.both, self.prediction + self.reference - self.both).unwrap_or(1.0)
    }

    /// Undefined for an empty prediction.
    pub(crate) fn precision(self) -> Option<f64> {
        ratio(self.both, self.prediction)
    }

    /// Undefined for an empty reference.
    pub(crate) fn recall(self) -> Option<f64> {
        ratio(self.both, self.reference)
    }

    /// Voxels predicted beyond the reference's.
    pub(crate) fn surplus(self) -> f64 {
        self.prediction as f64 - self.reference as f64
    }

    /// Undefined for an empty reference.
    pub(crate) fn relative_volume_error(self) -> Option<f64> {
        (self.reference > 0).then(|| self.surplus() / self.reference as f64)
    }
}

fn ratio(numerator: usize, denominator: usize) -> Option<f64> {
    (denominator > 0).then(|| numerator as f64 / denominator as f64)
}
