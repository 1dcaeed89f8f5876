//! What probabilities say beyond their order.

use ndarray::Array2;

use super::ClassificationError;

/// Bins of the expected calibration error that reports carry.
pub const CALIBRATION_BINS: usize = 15;

/// How far the probabilities of a case may be from summing to 1 (single precision, rounding).
const SUM_TOLERANCE: f64 = 1e-5;

/// Probabilities of each case's classes, and the class it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Probabilities {
    n_classes: usize,
    /// Case after case.
    values: Vec<f64>,
    reference: Vec<usize>,
}

impl Probabilities {
    /// Of `values`, case × class, with `reference` the true classes.
    ///
    /// # Errors
    /// [`ClassificationError`] for no case, fewer than two classes, another number of references,
    /// a class out of range, a probability that is not finite or outside 0 to 1, and a sum that
    /// is not 1 within 1e-5.
    pub fn new(values: Array2<f64>, reference: Vec<usize>) -> Result<Self, ClassificationError> {
        let (n_cases, n_classes) = values.dim();
        if reference.len() != n_cases {
            return Err(ClassificationError::Length {
                what: "reference classes",
                expected: n_cases,
                got: reference.len(),
            });
        }
        if n_cases == 0 {
            return Err(ClassificationError::NoCases);
        }
        if n_classes < 2 {
            return Err(ClassificationError::TooFewClasses { n: n_classes });
        }
        if let Some(case) = reference.iter().position(|class| *class >= n_classes) {
            return Err(ClassificationError::ClassIndex {
                case,
                column: "reference",
                class: reference[case],
                n_classes,
            });
        }
        let probabilities = Self::of_checked(values, reference);
        for (case, row) in probabilities.rows().enumerate() {
            check_row(row, &|| case.to_string())?;
        }
        Ok(probabilities)
    }

    pub(super) fn of_checked(values: Array2<f64>, reference: Vec<usize>) -> Self {
        Self {
            n_classes: values.ncols(),
            values: in_rows(values),
            reference,
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_classes)
    }

    /// Of two classes, by the probability of the second one, which `positive` tells the cases of.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn binary(positive: &[bool], probability: &[f64]) -> Result<Self, ClassificationError> {
        let reference = positive.iter().map(|p| usize::from(*p)).collect();
        let both = |(case, class): (usize, usize)| match class {
            0 => 1.0 - probability[case],
            _ => probability[case],
        };
        Self::new(
            Array2::from_shape_fn((probability.len(), 2), both),
            reference,
        )
    }

    /// Mean of [`Self::brier_of_cases`].
    pub fn brier(&self) -> f64 {
        self.brier_of_cases().iter().sum::<f64>() / self.reference.len() as f64
    }

    /// Σₖ (pₖ − yₖ)² of each case, y being 1 for its class and else 0; halved for two classes, where
    /// that is (p − y)² of either (scikit-learn 1.7's `scale_by_half="auto"`).
    pub fn brier_of_cases(&self) -> Vec<f64> {
        let scale = if self.n_classes == 2 { 0.5 } else { 1.0 };
        let of_case = |(row, class): (&[f64], &usize)| {
            let square = |(k, p): (usize, &f64)| (p - f64::from(u8::from(k == *class))).powi(2);
            scale * row.iter().enumerate().map(square).sum::<f64>()
        };
        self.rows().zip(&self.reference).map(of_case).collect()
    }

    /// Expected calibration error of the surest class (Guo et al. 2017): cases go by their largest
    /// probability into `bins` bins of equal width, (k/bins, (k+1)/bins], the first with its lower
    /// end; Σ (bin's cases / n) |share of correct cases − mean probability|. Few cases make it too
    /// large.
    ///
    /// # Errors
    /// [`ClassificationError::Length`] for no bins.
    pub fn expected_calibration_error(&self, bins: usize) -> Result<f64, ClassificationError> {
        if bins == 0 {
            return Err(ClassificationError::Length {
                what: "bins, at least",
                expected: 1,
                got: 0,
            });
        }
        let times = vec![1; self.reference.len()];
        Ok(self.confidences(bins).error(&times))
    }

    pub(super) fn confidences(&self, bins: usize) -> Confidences {
        let edge = |bin: usize| bin as f64 * (1.0 / bins as f64);
        let of_case = |(row, class): (&[f64], &usize)| {
            let surest = argmax(row);
            let confidence = row[surest];
            // Guessed, then moved to where the rounded edges say.
            let mut bin = ((confidence * bins as f64) as usize).min(bins - 1);
            while bin > 0 && confidence <= edge(bin) {
                bin -= 1;
            }
            while bin + 1 < bins && confidence > edge(bin + 1) {
                bin += 1;
            }
            SurestClass {
                bin,
                confidence,
                correct: surest == *class,
            }
        };
        let cases = self.rows().zip(&self.reference).map(of_case).collect();
        Confidences { bins, cases }
    }
}

/// Each case's surest class: how sure, and whether rightly so.
#[derive(Debug)]
pub(super) struct Confidences {
    bins: usize,
    cases: Vec<SurestClass>,
}

#[derive(Debug, Clone, Copy)]
struct SurestClass {
    bin: usize,
    confidence: f64,
    correct: bool,
}

impl Confidences {
    /// The calibration error with each case counted so many times.
    pub(super) fn error(&self, times: &[u32]) -> f64 {
        // Σ correct − Σ confidence: n_b |accuracy − confidence| is the size of that.
        let mut gaps = vec![0.0; self.bins];
        let mut total = 0.0;
        for (case, times) in self.cases.iter().zip(times) {
            let times = f64::from(*times);
            gaps[case.bin] += times * (f64::from(u8::from(case.correct)) - case.confidence);
            total += times;
        }
        gaps.iter().map(|gap| gap.abs()).sum::<f64>() / total
    }
}

/// Row after row, without a copy where they lie so.
fn in_rows(values: Array2<f64>) -> Vec<f64> {
    if !values.is_standard_layout() {
        return values.iter().copied().collect();
    }
    let length = values.len();
    let (mut all, start) = values.into_raw_vec_and_offset();
    all.drain(..start.unwrap_or(0));
    all.truncate(length);
    all
}

/// Whether these can be the probabilities of classes of which one must be true.
pub(super) fn check_row(row: &[f64], case: &dyn Fn() -> String) -> Result<(), ClassificationError> {
    for (column, value) in row.iter().enumerate() {
        if !value.is_finite() {
            return Err(ClassificationError::NotFinite {
                case: case(),
                column,
                value: *value,
            });
        }
        if !(0.0..=1.0).contains(value) {
            return Err(ClassificationError::OutOfRange {
                case: case(),
                column,
                value: *value,
            });
        }
    }
    let sum: f64 = row.iter().sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(ClassificationError::Sum { case: case(), sum });
    }
    Ok(())
}

/// The class of the highest score; the first among equals, as NumPy's.
pub(super) fn argmax<'a>(scores: impl IntoIterator<Item = &'a f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, score) in scores.into_iter().enumerate() {
        if *score > best.1 {
            best = (class, *score);
        }
    }
    best.0
}
