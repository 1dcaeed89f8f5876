//! A table of cases into figures with intervals.

use std::collections::BTreeMap;

use ndarray::Array2;
use scarce_image::Seed;

use super::figure::Figure;
use super::probabilities::Confidences;
use super::resample::stratified;
use super::{
    CALIBRATION_BINS, ClassificationFigure, ClassificationReport, ClassificationTable,
    ConfusionMatrix, IntervalMethod, Probabilities, RankedScores, ScoreKind, Undefined,
};
use crate::Summary;
use crate::report::Case;
use crate::statistics::percentile::percentile;
use crate::statistics::{CaseWarning, RESAMPLES, bca_interval, wilson_interval};

/// Every figure that the table's columns allow, with intervals: a function of table and seed.
pub fn evaluate_classification(table: &ClassificationTable, seed: Seed) -> ClassificationReport {
    let prepared = Prepared::of(table);
    let whole = Sample::new(&prepared, vec![1; table.case_ids().len()]);
    let (means, others): (Vec<Figure>, Vec<Figure>) = Figure::all_of(&prepared)
        .into_iter()
        .partition(|figure| figure.values_of_cases(&prepared).is_some());
    let resampled = stratified(&prepared, &others, seed);

    let mut figures: Vec<(Figure, ClassificationFigure)> = Vec::new();
    for figure in means {
        let values = figure.values_of_cases(&prepared).unwrap_or_default();
        let name = figure.name(table.class_names());
        figures.push((figure, of_mean(figure, &values, &whole, seed, &name)));
    }
    for (figure, values) in others.into_iter().zip(resampled) {
        figures.push((figure, of_resamples(figure, &values, &whole)));
    }
    let name = |figure: &Figure| figure.name(table.class_names());
    ClassificationReport {
        cases: prepared.cases(),
        definition: figures
            .iter()
            .map(|(f, found)| (name(f), f.definition(table.class_names(), found.interval)))
            .collect(),
        figures: figures
            .into_iter()
            .map(|(f, found)| (name(&f), found))
            .collect(),
        class_names: table.class_names().to_vec(),
        confusion_matrix: table.predicted().map(|_| whole.matrix.rows()),
    }
}

fn of_mean(
    figure: Figure,
    values: &[f64],
    whole: &Sample<'_>,
    seed: Seed,
    name: &str,
) -> ClassificationFigure {
    let warnings = CaseWarning::of_values(values);
    let alike = values.iter().all(|v| *v == values[0]);
    let (interval, method) = if figure.is_proportion() && alike && !values.is_empty() {
        let successes = if values[0] == 1.0 { values.len() } else { 0 };
        (
            wilson_interval(successes, values.len()),
            IntervalMethod::Wilson,
        )
    } else {
        // Micro F1 is accuracy, and shows the same interval.
        let purpose = if figure == Figure::F1Micro {
            "accuracy"
        } else {
            name
        };
        (bca_interval(values, seed, purpose), IntervalMethod::Bca)
    };
    assemble(
        figure.value(whole),
        interval,
        method,
        values.len(),
        warnings,
    )
}

fn of_resamples(
    figure: Figure,
    values: &[Option<f64>],
    whole: &Sample<'_>,
) -> ClassificationFigure {
    let value = figure.value(whole);
    let mut warnings = whole.prepared.smallest_class_warning();
    let mut defined: Vec<f64> = values.iter().copied().flatten().collect();
    defined.sort_unstable_by(f64::total_cmp);
    let missing = values.len() - defined.len();
    if missing > 0 && value.is_ok() {
        warnings.push(CaseWarning::UndefinedResamples {
            n: missing,
            of: RESAMPLES,
        });
    }
    let n = whole.times.len();
    let interval = (n > 1 && value.is_ok() && !defined.is_empty())
        .then(|| (percentile(&defined, 2.5), percentile(&defined, 97.5)));
    if interval.is_some_and(|(low, high)| low == high) {
        warnings.push(CaseWarning::AllEqual);
    }
    assemble(
        value,
        interval,
        IntervalMethod::StratifiedPercentile,
        n,
        warnings,
    )
}

fn assemble(
    value: Result<f64, Undefined>,
    interval: Option<(f64, f64)>,
    method: IntervalMethod,
    n: usize,
    warnings: Vec<CaseWarning>,
) -> ClassificationFigure {
    ClassificationFigure {
        summary: Summary {
            value: value.ok(),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            n,
            n_undefined: 0,
            n_penalised: 0,
        },
        undefined: value.err(),
        interval: interval.map(|_| method),
        warnings,
    }
}

/// What is made of a table once, however often its cases are resampled.
pub(super) struct Prepared<'a> {
    pub(super) table: &'a ClassificationTable,
    /// By class; of two classes the second alone. Empty without scores.
    pub(super) ranked: BTreeMap<usize, RankedScores>,
    pub(super) probabilities: Option<Probabilities>,
    confidences: Option<Confidences>,
}

impl<'a> Prepared<'a> {
    fn of(table: &'a ClassificationTable) -> Self {
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
        let absent = !self.table.reference().contains(&class);
        match value {
            Err(Undefined::OneClass) if absent && self.ranked.len() > 1 => {
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

    fn smallest_class_warning(&self) -> Vec<CaseWarning> {
        let mut sizes = vec![0; self.table.class_names().len()];
        for class in self.table.reference() {
            sizes[*class] += 1;
        }
        let smallest = sizes.into_iter().filter(|size| *size > 0).min();
        smallest
            .and_then(CaseWarning::of_count)
            .into_iter()
            .collect()
    }

    fn cases(&self) -> Vec<Case> {
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
