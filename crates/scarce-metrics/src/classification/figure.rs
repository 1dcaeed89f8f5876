//! The figures of a table: names, values, what they are means over, definitions.

use super::evaluate::{Prepared, Sample};
use super::report::IntervalMethod;
use super::{CALIBRATION_BINS, Probabilities, Undefined};
use crate::statistics::RESAMPLES;

/// One figure. Classes are indices; of two classes, figures of one class are of the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    Accuracy,
    BalancedAccuracy,
    Sensitivity(usize),
    Specificity(usize),
    Precision(usize),
    F1(usize),
    F1Micro,
    F1Macro,
    F1Weighted,
    CohenKappa,
    QuadraticWeightedKappa,
    Matthews,
    RocAuc(usize),
    RocAucMacro,
    AveragePrecision(usize),
    AveragePrecisionMacro,
    Brier,
    CalibrationError,
}

impl Figure {
    /// The figures that the table's columns allow, in the order tables show them.
    pub(super) fn all_of(prepared: &Prepared<'_>) -> Vec<Self> {
        let n_classes = prepared.table.class_names().len();
        let of_one_class: Vec<usize> = if n_classes == 2 {
            vec![1]
        } else {
            (0..n_classes).collect()
        };
        let each = |figure: fn(usize) -> Self| of_one_class.iter().copied().map(figure);
        let mut figures = Vec::new();
        if prepared.table.predicted().is_some() {
            figures.extend([Self::Accuracy, Self::BalancedAccuracy]);
            figures.extend(each(Self::Sensitivity));
            figures.extend(each(Self::Specificity));
            figures.extend(each(Self::Precision));
            figures.extend(each(Self::F1));
            figures.extend([
                Self::F1Micro,
                Self::F1Macro,
                Self::F1Weighted,
                Self::CohenKappa,
            ]);
            if n_classes > 2 {
                // Of two classes the two kappas are one.
                figures.push(Self::QuadraticWeightedKappa);
            }
            figures.push(Self::Matthews);
        }
        if !prepared.ranked.is_empty() {
            figures.extend(each(Self::RocAuc));
            figures.extend(each(Self::AveragePrecision));
            if n_classes > 2 {
                figures.extend([Self::RocAucMacro, Self::AveragePrecisionMacro]);
            }
        }
        if prepared.probabilities.is_some() {
            figures.extend([Self::Brier, Self::CalibrationError]);
        }
        figures
    }

    /// Such as `accuracy`, or `effusion.sensitivity` where there are more than two classes.
    pub(super) fn name(self, class_names: &[String]) -> String {
        let name = self.plain_name();
        match self.class() {
            Some(class) if class_names.len() > 2 => format!("{}.{name}", class_names[class]),
            _ => name.to_owned(),
        }
    }

    fn plain_name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::Sensitivity(_) => "sensitivity",
            Self::Specificity(_) => "specificity",
            Self::Precision(_) => "precision",
            Self::F1(_) => "f1",
            Self::F1Micro => "f1_micro",
            Self::F1Macro => "f1_macro",
            Self::F1Weighted => "f1_weighted",
            Self::CohenKappa => "cohen_kappa",
            Self::QuadraticWeightedKappa => "quadratic_weighted_kappa",
            Self::Matthews => "matthews",
            Self::RocAuc(_) => "roc_auc",
            Self::RocAucMacro => "roc_auc_macro",
            Self::AveragePrecision(_) => "average_precision",
            Self::AveragePrecisionMacro => "average_precision_macro",
            Self::Brier => "brier",
            Self::CalibrationError => "ece",
        }
    }

    fn class(self) -> Option<usize> {
        match self {
            Self::Sensitivity(class)
            | Self::Specificity(class)
            | Self::Precision(class)
            | Self::F1(class)
            | Self::RocAuc(class)
            | Self::AveragePrecision(class) => Some(class),
            _ => None,
        }
    }

    /// Its value on the cases of a sample.
    pub(super) fn value(self, sample: &Sample<'_>) -> Result<f64, Undefined> {
        let matrix = &sample.matrix;
        let Sample {
            prepared, times, ..
        } = sample;
        match self {
            Self::Accuracy => Ok(matrix.accuracy()),
            Self::BalancedAccuracy => matrix.balanced_accuracy(),
            Self::Sensitivity(class) => matrix.sensitivity(class),
            Self::Specificity(class) => matrix.specificity(class),
            Self::Precision(class) => matrix.precision(class),
            Self::F1(class) => matrix.f1(class),
            Self::F1Micro => Ok(matrix.f1_micro()),
            Self::F1Macro => Ok(matrix.f1_macro()),
            Self::F1Weighted => Ok(matrix.f1_weighted()),
            Self::CohenKappa => matrix.cohen_kappa(),
            Self::QuadraticWeightedKappa => matrix.quadratic_weighted_kappa(),
            Self::Matthews => matrix.matthews(),
            Self::RocAuc(class) => prepared.of_ranked(class, |r| r.roc_auc_weighted(times)),
            Self::RocAucMacro => prepared.mean_of_ranked(|r| r.roc_auc_weighted(times)),
            Self::AveragePrecision(class) => {
                prepared.of_ranked(class, |r| r.average_precision_weighted(times))
            }
            Self::AveragePrecisionMacro => {
                prepared.mean_of_ranked(|r| r.average_precision_weighted(times))
            }
            Self::Brier => prepared.brier(),
            Self::CalibrationError => prepared.calibration_error(times),
        }
    }

    /// The values it is the mean of; none if it is no mean over cases.
    pub(super) fn values_of_cases(self, prepared: &Prepared<'_>) -> Option<Vec<f64>> {
        let reference = prepared.table.reference();
        let pairs = || {
            reference
                .iter()
                .zip(prepared.table.predicted().unwrap_or(&[]))
        };
        let one = |yes: bool| f64::from(u8::from(yes));
        match self {
            Self::Accuracy | Self::F1Micro => Some(pairs().map(|(r, p)| one(r == p)).collect()),
            Self::Sensitivity(class) => {
                let of_class = pairs().filter(|(r, _)| **r == class);
                Some(of_class.map(|(_, p)| one(*p == class)).collect())
            }
            Self::Specificity(class) => {
                let others = pairs().filter(|(r, _)| **r != class);
                Some(others.map(|(_, p)| one(*p != class)).collect())
            }
            Self::Precision(class) => {
                let called = pairs().filter(|(_, p)| **p == class);
                Some(called.map(|(r, _)| one(*r == class)).collect())
            }
            Self::Brier => prepared
                .probabilities
                .as_ref()
                .map(Probabilities::brier_of_cases),
            _ => None,
        }
    }

    /// Whether it is a mean of zeros and ones.
    pub(super) fn is_proportion(self) -> bool {
        matches!(
            self,
            Self::Accuracy
                | Self::F1Micro
                | Self::Sensitivity(_)
                | Self::Specificity(_)
                | Self::Precision(_)
        )
    }

    /// Formula, class, source and interval, to travel with the figure.
    pub(super) fn definition(
        self,
        class_names: &[String],
        method: Option<IntervalMethod>,
    ) -> String {
        let formula = match self {
            Self::Accuracy => {
                "share of cases whose predicted class is the reference class (scikit-learn's accuracy_score)"
            }
            Self::BalancedAccuracy => {
                "mean of the sensitivities of the classes that occur in the reference (scikit-learn's balanced_accuracy_score)"
            }
            Self::Sensitivity(_) => "TP / (TP+FN), recall (scikit-learn's recall_score)",
            Self::Specificity(_) => {
                "TN / (TN+FP), the other classes' recall (scikit-learn's recall_score)"
            }
            Self::Precision(_) => {
                "TP / (TP+FP), positive predictive value (scikit-learn's precision_score)"
            }
            Self::F1(_) => "2TP / (2TP+FP+FN) (scikit-learn's f1_score)",
            Self::F1Micro => {
                "2ΣTP / Σ(2TP+FP+FN) over all classes, equal to accuracy (scikit-learn's f1_score, micro)"
            }
            Self::F1Macro => {
                "mean of F1 over the classes that occur or are predicted (scikit-learn's f1_score, macro)"
            }
            Self::F1Weighted => {
                "mean of F1 over classes, each as often as it has cases (scikit-learn's f1_score, weighted)"
            }
            Self::CohenKappa => {
                "1 − Σ wC / Σ wE, w 1 off the diagonal, E rows × columns / n (Cohen 1960; scikit-learn's cohen_kappa_score)"
            }
            Self::QuadraticWeightedKappa => {
                "1 − Σ wC / Σ wE, w (i−j)², E rows × columns / n, classes in the order given (Cohen 1968; scikit-learn's cohen_kappa_score)"
            }
            Self::Matthews => {
                "correlation of reference and prediction, multi-class (Gorodkin 2004; scikit-learn's matthews_corrcoef)"
            }
            Self::RocAuc(_) => {
                "P(positive scores higher than negative) + ½ P(equal) (Hanley & McNeil 1982; scikit-learn's roc_auc_score)"
            }
            Self::RocAucMacro => {
                "mean over classes of ROC-AUC, each against the rest (scikit-learn's roc_auc_score, ovr, macro)"
            }
            Self::AveragePrecision(_) => {
                "Σ (Rₖ − Rₖ₋₁) Pₖ over descending thresholds (scikit-learn's average_precision_score)"
            }
            Self::AveragePrecisionMacro => {
                "mean over classes of average precision, each against the rest (scikit-learn's average_precision_score, macro)"
            }
            Self::Brier if class_names.len() == 2 => {
                "mean of (p − y)², y 1 for the positive class (Brier 1950; scikit-learn's brier_score_loss)"
            }
            Self::Brier => {
                "mean of Σₖ (pₖ − yₖ)² over classes, 0 to 2 (Brier 1950; scikit-learn's brier_score_loss)"
            }
            Self::CalibrationError => {
                "expected calibration error of the surest class: Σ (bin's cases / n) |accuracy − mean confidence| (Guo et al. 2017); too large for few cases"
            }
        };
        let mut parts = vec![formula.to_owned()];
        if self == Self::CalibrationError {
            parts.push(format!(
                "{CALIBRATION_BINS} bins of equal width, each with its upper end, the first with both"
            ));
        }
        match self.class() {
            Some(class) if class_names.len() == 2 => {
                parts.push(format!("positive class: {}", class_names[class]));
            }
            Some(class) => parts.push(format!("{} against the rest", class_names[class])),
            None => {}
        }
        parts.push(match method {
            None => "no interval".to_owned(),
            Some(IntervalMethod::Bca) => {
                format!("95 % BCa bootstrap interval, {RESAMPLES} resamples of its cases")
            }
            Some(IntervalMethod::Wilson) => {
                "95 % Wilson interval, all its cases being alike".to_owned()
            }
            Some(IntervalMethod::StratifiedPercentile) => format!(
                "95 % percentile bootstrap interval, {RESAMPLES} resamples stratified by reference class"
            ),
        });
        parts.join("; ")
    }
}
