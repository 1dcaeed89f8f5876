//! What each figure means, in words that travel with it.

use super::figure::Figure;
use super::{CALIBRATION_BINS, IntervalMethod};
use crate::statistics::RESAMPLES;

impl Figure {
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
