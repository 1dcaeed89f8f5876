//! A table of cases into figures with intervals.

use rayon::prelude::*;
use scarce_image::Seed;

use super::figure::Figure;
use super::prepared::{Prepared, Sample};
use super::resample::stratified;
use super::{
    ClassificationFigure, ClassificationReport, ClassificationTable, IntervalMethod, Undefined,
};
use crate::Summary;
use crate::statistics::percentile::percentile;
use crate::statistics::{CaseWarning, FEW_CASES, RESAMPLES, bca_interval, wilson_interval};

/// Every figure that the table's columns allow, with intervals: a function of table and seed.
pub fn evaluate_classification(table: &ClassificationTable, seed: Seed) -> ClassificationReport {
    let prepared = Prepared::of(table);
    let whole = Sample::new(&prepared, vec![1; table.case_ids().len()]);
    let (means, others): (Vec<Figure>, Vec<Figure>) = Figure::all_of(&prepared)
        .into_iter()
        .partition(|figure| figure.values_of_cases(&prepared).is_some());
    let resampled = stratified(&prepared, &others, seed);

    let mut figures: Vec<(Figure, ClassificationFigure)> = means
        .into_par_iter()
        .map(|figure| {
            let values = figure.values_of_cases(&prepared).unwrap_or_default();
            let name = figure.name(table.class_names());
            (figure, of_mean(figure, &values, &whole, seed, &name))
        })
        .collect();
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
    let smallest = whole.prepared.smallest_class(figure.class());
    let mut warnings = Vec::new();
    if smallest < FEW_CASES {
        warnings.push(CaseWarning::SmallClass { n: smallest });
    }
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
