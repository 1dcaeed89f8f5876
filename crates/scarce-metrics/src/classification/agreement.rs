//! What a confusion matrix says of the agreement.

use super::{ConfusionMatrix, Undefined};

/// Classes are indices below [`ConfusionMatrix::n_classes`]; a class out of range is absent.
impl ConfusionMatrix {
    /// Share of the cases on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let correct: u64 = self.classes().map(|class| self.correct(class)).sum();
        ratio(correct, self.n_cases())
    }

    /// Mean of the sensitivities of the classes that have cases.
    ///
    /// # Errors
    /// [`Undefined::OneClass`].
    pub fn balanced_accuracy(&self) -> Result<f64, Undefined> {
        let of_classes: Vec<f64> = self
            .classes()
            .filter_map(|class| self.sensitivity(class).ok())
            .collect();
        if of_classes.len() < 2 {
            return Err(Undefined::OneClass);
        }
        Ok(mean(&of_classes))
    }

    /// TP / (TP+FN), also called recall.
    ///
    /// # Errors
    /// [`Undefined::ClassWithoutCases`].
    pub fn sensitivity(&self, class: usize) -> Result<f64, Undefined> {
        let one = self.one_against_rest(class);
        share(one.true_positive, one.false_negative).ok_or(Undefined::ClassWithoutCases { class })
    }

    /// TN / (TN+FP).
    ///
    /// # Errors
    /// [`Undefined::NoOtherCases`].
    pub fn specificity(&self, class: usize) -> Result<f64, Undefined> {
        let one = self.one_against_rest(class);
        share(one.true_negative, one.false_positive).ok_or(Undefined::NoOtherCases { class })
    }

    /// TP / (TP+FP), also called positive predictive value.
    ///
    /// # Errors
    /// [`Undefined::NeverPredicted`].
    pub fn precision(&self, class: usize) -> Result<f64, Undefined> {
        let one = self.one_against_rest(class);
        share(one.true_positive, one.false_positive).ok_or(Undefined::NeverPredicted { class })
    }

    /// 2TP / (2TP+FP+FN).
    ///
    /// # Errors
    /// [`Undefined::ClassAbsent`].
    pub fn f1(&self, class: usize) -> Result<f64, Undefined> {
        let one = self.one_against_rest(class);
        share(
            2 * one.true_positive,
            one.false_positive + one.false_negative,
        )
        .ok_or(Undefined::ClassAbsent { class })
    }

    /// F1 of all classes' TP, FP and FN together: the accuracy, each case having one class.
    pub fn f1_micro(&self) -> f64 {
        self.accuracy()
    }

    /// Mean of F1 over the classes that occur or are predicted.
    pub fn f1_macro(&self) -> f64 {
        let of_classes: Vec<f64> = self
            .classes()
            .filter_map(|class| self.f1(class).ok())
            .collect();
        mean(&of_classes)
    }

    /// Mean of F1 over classes, each as often as it has cases.
    pub fn f1_weighted(&self) -> f64 {
        let sum: f64 = self
            .classes()
            .map(|class| self.f1(class).unwrap_or(0.0) * self.of_class(class) as f64)
            .sum();
        sum / self.n_cases() as f64
    }

    /// Cohen's kappa: agreement beyond that of independent choices with the same frequencies.
    ///
    /// # Errors
    /// [`Undefined::OneClass`] if reference and predictions are all of one and the same class.
    pub fn cohen_kappa(&self) -> Result<f64, Undefined> {
        self.kappa(|i, j| if i == j { 0.0 } else { 1.0 })
    }

    /// Cohen's kappa with weights (i − j)²: classes are grades, in the order given.
    ///
    /// # Errors
    /// [`Undefined::OneClass`] if reference and predictions are all of one and the same class.
    pub fn quadratic_weighted_kappa(&self) -> Result<f64, Undefined> {
        self.kappa(|i, j| (i as f64 - j as f64).powi(2))
    }

    fn kappa(&self, weight: impl Fn(usize, usize) -> f64) -> Result<f64, Undefined> {
        let predicted: Vec<f64> = self
            .classes()
            .map(|c| self.predicted_as(c) as f64)
            .collect();
        let (mut observed, mut expected) = (0.0, 0.0);
        for (i, row) in self.rows_iter().enumerate() {
            let of_class = self.of_class(i) as f64;
            for (j, count) in row.iter().enumerate() {
                observed += weight(i, j) * *count as f64;
                expected += weight(i, j) * of_class * predicted[j] / self.n_cases() as f64;
            }
        }
        if expected == 0.0 {
            return Err(Undefined::OneClass);
        }
        Ok(1.0 - observed / expected)
    }

    /// Matthews' correlation coefficient, of any number of classes (Gorodkin 2004).
    ///
    /// # Errors
    /// [`Undefined::OneClass`], [`Undefined::OnePrediction`].
    pub fn matthews(&self) -> Result<f64, Undefined> {
        let n = self.n_cases() as f64;
        let (mut correct, mut chance, mut of_reference, mut of_predictions) = (0.0, 0.0, 0.0, 0.0);
        for class in self.classes() {
            let (r, p) = (self.of_class(class) as f64, self.predicted_as(class) as f64);
            correct += self.correct(class) as f64;
            chance += r * p;
            of_reference += r * r;
            of_predictions += p * p;
        }
        let (reference, predictions) = (n * n - of_reference, n * n - of_predictions);
        if reference == 0.0 {
            return Err(Undefined::OneClass);
        }
        if predictions == 0.0 {
            return Err(Undefined::OnePrediction);
        }
        Ok((n * correct - chance) / (reference * predictions).sqrt())
    }

    fn classes(&self) -> std::ops::Range<usize> {
        0..self.n_classes()
    }

    fn one_against_rest(&self, class: usize) -> OneAgainstRest {
        if class >= self.n_classes() {
            return OneAgainstRest::default();
        }
        let true_positive = self.correct(class);
        let false_negative = self.of_class(class) - true_positive;
        let false_positive = self.predicted_as(class) - true_positive;
        OneAgainstRest {
            true_positive,
            false_positive,
            false_negative,
            true_negative: self.n_cases() - true_positive - false_negative - false_positive,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct OneAgainstRest {
    true_positive: u64,
    false_positive: u64,
    false_negative: u64,
    true_negative: u64,
}

fn share(good: u64, bad: u64) -> Option<f64> {
    (good + bad > 0).then(|| ratio(good, good + bad))
}

fn ratio(of: u64, all: u64) -> f64 {
    of as f64 / all as f64
}

/// Of at least one value: every matrix has a case.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
