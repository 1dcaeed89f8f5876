//! A table made ready for its figures, and samples of its cases.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::figure::Figure;
use super::probabilities::Confidences;
use super::{
    CALIBRATION_BINS, ClassificationTable, ConfusionMatrix, Probabilities, RankedScores, ScoreKind,
    Undefined,
};
use crate::report::Case;

/// What is made of a table once, however often its cases are resampled.
pub(super) struct Prepared<'a> {
    pub(super) table: &'a ClassificationTable,
    /// By class; of two classes the second alone. Empty without scores.
    pub(super) ranked: BTreeMap<usize, RankedScores>,
    pub(super) probabilities: Option<Probabilities>,
    confidences: Option<Confidences>,
}

impl<'a> Prepared<'a> {
    pub(super) fn of(table: &'a ClassificationTable) -> Self {
        let n_classes = table.class_names().len();
        let first = usize::from(n_classes == 2);
        let rank = |class: usize, scores: &Array2<f64>| {
            let positive: Vec<bool> = table.reference().iter().map(|r| *r == class).collect();
            // A single column is the second class's score.
            let column = scores.column(class.min(scores.ncols() - 1)).to_vec();
            (class, RankedScores::of_checked(&positive, &column))
        };
        let ranked = table
            .scores()
            .map(|scores| (first..n_classes).map(|class| rank(class, scores)));
        let probabilities = table
            .scores()
            .filter(|_| table.score_kind() == ScoreKind::Probabilities)
            .map(|p| Probabilities::of_checked(p.clone(), table.reference().to_vec()));
        Self {
            table,
            ranked: ranked.map(Iterator::collect).unwrap_or_default(),
            confidences: probabilities
                .as_ref()
                .map(|p| p.confidences(CALIBRATION_BINS)),
            probabilities,
        }
    }

    /// What `of` makes of a class's ranking. One class against the rest is undefined because that
    /// class has no case.
    pub(super) fn of_ranked(
        &self,
        class: usize,
        of: impl Fn(&RankedScores) -> Result<f64, Undefined>,
    ) -> Result<f64, Undefined> {
        let value = of(self.ranked.get(&class).ok_or(Undefined::NotGiven)?);
        let reference = self.table.reference();
        match value {
            Err(Undefined::OneClass) if self.ranked.len() > 1 && !reference.contains(&class) => {
                Err(Undefined::ClassWithoutCases { class })
            }
            value => value,
        }
    }

    /// The mean of that over the classes.
    pub(super) fn mean_of_ranked(
        &self,
        of: impl Fn(&RankedScores) -> Result<f64, Undefined>,
    ) -> Result<f64, Undefined> {
        let classes = self.ranked.keys();
        let sum: f64 = classes
            .map(|class| self.of_ranked(*class, &of))
            .sum::<Result<f64, _>>()?;
        Ok(sum / self.ranked.len() as f64)
    }

    /// Of the whole table: it is a mean over cases, and never resampled here.
    pub(super) fn brier(&self) -> Result<f64, Undefined> {
        let probabilities = self.probabilities.as_ref();
        probabilities
            .map(Probabilities::brier)
            .ok_or(Undefined::NotGiven)
    }

    pub(super) fn calibration_error(&self, times: &[u32]) -> Result<f64, Undefined> {
        let confidences = self.confidences.as_ref();
        confidences
            .map(|c| c.error(times))
            .ok_or(Undefined::NotGiven)
    }

    /// Cases of the smallest class that occurs; of one class against the rest, of the smaller side.
    pub(super) fn smallest_class(&self, class: Option<usize>) -> usize {
        let mut sizes = vec![0; self.table.class_names().len()];
        for class in self.table.reference() {
            sizes[*class] += 1;
        }
        match class {
            Some(class) => sizes[class].min(self.table.reference().len() - sizes[class]),
            None => sizes
                .into_iter()
                .filter(|size| *size > 0)
                .min()
                .unwrap_or(0),
        }
    }

    pub(super) fn cases(&self) -> Vec<Case> {
        let correct = self
            .table
            .predicted()
            .and_then(|_| Figure::Accuracy.values_of_cases(self));
        let brier = Figure::Brier.values_of_cases(self);
        let columns = [("accuracy", correct), ("brier", brier)];
        let ids = self.table.case_ids().iter().enumerate();
        ids.map(|(case, id)| Case {
            id: id.clone(),
            metrics: columns
                .iter()
                .filter_map(|(name, values)| {
                    Some(((*name).to_owned(), Some(values.as_ref()?[case])))
                })
                .collect::<BTreeMap<_, _>>(),
        })
        .collect()
    }
}

/// Cases of a table, each so many times.
pub(super) struct Sample<'a> {
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) times: Vec<u32>,
    /// Empty without predictions; no figure asks for it then.
    pub(super) matrix: ConfusionMatrix,
}

impl<'a> Sample<'a> {
    pub(super) fn new(prepared: &'a Prepared<'a>, times: Vec<u32>) -> Self {
        let table = prepared.table;
        let predicted = table.predicted().unwrap_or(&[]);
        let n_classes = table.class_names().len();
        Self {
            matrix: ConfusionMatrix::weighted(n_classes, table.reference(), predicted, &times),
            prepared,
            times,
        }
    }
}
