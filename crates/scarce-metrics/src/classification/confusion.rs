//! Counts of predicted classes by reference class.

use super::ClassificationError;

/// Counts of cases by reference class (rows) and predicted class (columns), of at least two classes
/// and one case. Its figures are in [`super`]'s table.
///
/// ```
/// use scarce_metrics::classification::ConfusionMatrix;
///
/// let matrix = ConfusionMatrix::of(2, &[0, 0, 1, 1], &[0, 1, 1, 1])?;
/// assert_eq!(matrix.rows(), [[1, 1], [0, 2]]);
/// assert_eq!(matrix.accuracy(), 0.75);
/// assert_eq!(matrix.sensitivity(1), Ok(1.0));
/// # Ok::<(), scarce_metrics::classification::ClassificationError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    n_classes: usize,
    /// Row after row.
    counts: Vec<u64>,
    total: u64,
}

impl ConfusionMatrix {
    /// Counts cases by their classes, which are indices below `n_classes`.
    ///
    /// # Errors
    /// [`ClassificationError`] for fewer than two classes, no case, different lengths, or an index
    /// out of range.
    pub fn of(
        n_classes: usize,
        reference: &[usize],
        predicted: &[usize],
    ) -> Result<Self, ClassificationError> {
        if predicted.len() != reference.len() {
            return Err(ClassificationError::Length {
                what: "predicted classes",
                expected: reference.len(),
                got: predicted.len(),
            });
        }
        for (column, classes) in [("reference", reference), ("predicted", predicted)] {
            if let Some(case) = classes.iter().position(|class| *class >= n_classes) {
                return Err(ClassificationError::ClassIndex {
                    case,
                    column,
                    class: classes[case],
                    n_classes,
                });
            }
        }
        let mut counts = vec![0; n_classes * n_classes];
        for (r, p) in reference.iter().zip(predicted) {
            counts[r * n_classes + p] += 1;
        }
        Self::from_counts(n_classes, counts)
    }

    /// From counts, row after row.
    ///
    /// # Errors
    /// [`ClassificationError`] for fewer than two classes, another number of counts than
    /// `n_classes`², or no case.
    pub fn from_counts(n_classes: usize, counts: Vec<u64>) -> Result<Self, ClassificationError> {
        if n_classes < 2 {
            return Err(ClassificationError::TooFewClasses { n: n_classes });
        }
        if counts.len() != n_classes * n_classes {
            return Err(ClassificationError::Length {
                what: "counts of the confusion matrix",
                expected: n_classes * n_classes,
                got: counts.len(),
            });
        }
        let total = counts.iter().sum();
        if total == 0 {
            return Err(ClassificationError::NoCases);
        }
        Ok(Self {
            n_classes,
            counts,
            total,
        })
    }

    /// Of cases already checked, each counted so many times, at least one of them at all.
    pub(super) fn weighted(
        n_classes: usize,
        reference: &[usize],
        predicted: &[usize],
        times: &[u32],
    ) -> Self {
        let mut counts = vec![0; n_classes * n_classes];
        for ((r, p), times) in reference.iter().zip(predicted).zip(times) {
            counts[r * n_classes + p] += u64::from(*times);
        }
        let total = counts.iter().sum();
        Self {
            n_classes,
            counts,
            total,
        }
    }

    /// How many classes there are.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// How many cases there are.
    pub fn n_cases(&self) -> u64 {
        self.total
    }

    /// One row for each reference class, as tables show it.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        self.rows_iter().map(<[u64]>::to_vec).collect()
    }

    pub(super) fn rows_iter(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.n_classes)
    }

    /// Cases of a class.
    pub(super) fn of_class(&self, class: usize) -> u64 {
        self.counts[class * self.n_classes..][..self.n_classes]
            .iter()
            .sum()
    }

    /// Cases predicted to be of a class.
    pub(super) fn predicted_as(&self, class: usize) -> u64 {
        self.rows_iter().map(|row| row[class]).sum()
    }

    /// Cases of a class that were predicted to be.
    pub(super) fn correct(&self, class: usize) -> u64 {
        self.counts[class * (self.n_classes + 1)]
    }
}
