//! Classification: figures of predicted classes, of rankings and of probabilities, as scikit-learn
//! defines them.
//!
//! [`evaluate_classification`] turns a checked [`ClassificationTable`] into every figure that its
//! columns allow, with intervals. The parts can be used alone: [`ConfusionMatrix`],
//! [`RankedScores`], [`Probabilities`].
//!
//! With C the confusion matrix (rows the reference, columns the prediction), n its sum, and for one
//! class TP, FP, FN, TN of that class against all others:
//!
//! | figure | definition | source |
//! | --- | --- | --- |
//! | `accuracy` | Σₖ Cₖₖ / n | `accuracy_score` |
//! | `balanced_accuracy` | mean of the sensitivities of the classes that occur | `balanced_accuracy_score` |
//! | `sensitivity` | TP / (TP+FN) | `recall_score` |
//! | `specificity` | TN / (TN+FP) | `recall_score` of the negative class |
//! | `precision` | TP / (TP+FP), the positive predictive value | `precision_score` |
//! | `f1` | 2TP / (2TP+FP+FN) | `f1_score` |
//! | `f1_micro` | 2ΣTP / Σ(2TP+FP+FN) over classes; equals accuracy, each case having one class | `f1_score` |
//! | `f1_macro` | mean of f1 over the classes that occur or are predicted | `f1_score` |
//! | `f1_weighted` | mean of f1 over the cases' classes | `f1_score` |
//! | `cohen_kappa` | 1 − Σᵢⱼ wᵢⱼCᵢⱼ / Σᵢⱼ wᵢⱼEᵢⱼ with w = 1 off the diagonal, E = rows × columns / n (Cohen 1960) | `cohen_kappa_score` |
//! | `quadratic_weighted_kappa` | the same with w = (i−j)² (Cohen 1968): classes in the order given | `cohen_kappa_score` |
//! | `matthews` | (n Σ Cₖₖ − Σ rₖpₖ) / √((n²−Σp²)(n²−Σr²)), r and p the sums of rows and columns (Gorodkin 2004) | `matthews_corrcoef` |
//! | `roc_auc` | P(score of a positive > score of a negative) + ½ P(equal) (Hanley 1982) | `roc_auc_score` |
//! | `roc_auc_macro` | mean over classes, each against the rest | `roc_auc_score(multi_class="ovr")` |
//! | `average_precision` | Σₖ (Rₖ − Rₖ₋₁) Pₖ over descending thresholds | `average_precision_score` |
//! | `average_precision_macro` | mean over classes, each against the rest | `average_precision_score` |
//! | `brier` | two classes: mean of (p − y)²; more: mean of Σₖ (pₖ − yₖ)², from 0 to 2 (Brier 1950) | `brier_score_loss` |
//! | `ece` | Σ (bin's cases / n) ∣accuracy − mean confidence∣ over 15 bins of equal width (Guo et al. 2017) | `calibration_curve` |
//!
//! Of two classes the second is the positive one, and the two kappas are one. With more, a figure of one class has the class's
//! name in front: `effusion.sensitivity`.
//!
//! **Undefined is not 0.** Where scikit-learn warns and gives 0, 1 or NaN (a class without cases, a
//! correlation of a constant, one class alone), the figure is [`Undefined`] and says why. The same
//! for two figures that scikit-learn gives without a warning but that say nothing: balanced
//! accuracy and average precision of cases of one class. A score that is not a number is refused
//! before anything is computed.
//!
//! **Intervals** are at 95 %. A mean over cases (accuracy, sensitivity, specificity, precision,
//! Brier) has [`bca_interval`](crate::bca_interval)'s; if all its cases agree, Wilson's, since a
//! bootstrap would give no width. The others have the percentile interval of 2000 resamples
//! stratified by reference class: each class keeps its number of cases, so no resample lacks one,
//! and the interval is for data of this prevalence.

mod agreement;
mod confusion;
mod definition;
mod error;
mod evaluate;
mod figure;
mod prepared;
mod probabilities;
mod ranking;
mod report;
mod resample;
mod table;
mod undefined;

pub use confusion::ConfusionMatrix;
pub use error::ClassificationError;
pub use evaluate::evaluate_classification;
pub use probabilities::{CALIBRATION_BINS, Probabilities};
pub use ranking::RankedScores;
pub use report::{ClassificationFigure, ClassificationReport, IntervalMethod};
pub use table::{ClassificationRecord, ClassificationTable, ScoreKind, class_names_in};
pub use undefined::Undefined;
