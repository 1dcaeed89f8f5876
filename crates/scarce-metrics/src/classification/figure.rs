//! The figures of a table: names, values, what they are means over.

use super::prepared::{Prepared, Sample};
use super::{Probabilities, Undefined};

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

    /// The class against the rest.
    pub(super) fn class(self) -> Option<usize> {
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
}
