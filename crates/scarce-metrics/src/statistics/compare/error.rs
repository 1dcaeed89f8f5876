//! Why runs can't be compared.

use thiserror::Error;

/// Why runs can't be compared.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum CompareError {
    /// It takes two.
    #[error("a comparison takes at least two runs, got {n}")]
    FewRuns {
        /// How many were given.
        n: usize,
    },
    /// Two runs could not be told apart.
    #[error("two runs are called {name:?}")]
    RepeatedName {
        /// Their name.
        name: String,
    },
    /// An arm has no run.
    #[error("arm {name:?} has no run")]
    NoSeeds {
        /// The arm.
        name: String,
    },
    /// An arm lacks a seed that another has.
    #[error("arm {without:?} lacks seed {seed} of arm {with:?}")]
    SeedMissing {
        /// The arm without.
        without: String,
        /// The arm with.
        with: String,
        /// The seed.
        seed: String,
    },
    /// The runs are empty.
    #[error("the runs have no cases")]
    NoCases,
    /// A run lacks cases that another has: the rest would be no fair sample.
    #[error("run {without:?} lacks {n} of the cases of run {with:?}, such as {case:?}")]
    CaseMissing {
        /// The run without.
        without: String,
        /// The run with.
        with: String,
        /// The first such case.
        case: String,
        /// How many there are.
        n: usize,
    },
    /// A case lacks a metric that others have. Undefined figures are none, not missing.
    #[error("run {run:?}, case {case:?} lacks metric {metric:?}, which run {with:?} has")]
    MetricMissing {
        /// The run.
        run: String,
        /// The case.
        case: String,
        /// The metric.
        metric: String,
        /// A run that has it.
        with: String,
    },
    /// A value that no mean can take.
    #[error("run {run:?}, case {case:?}: {metric} is {value}, expected a finite value or none")]
    NotFinite {
        /// The run.
        run: String,
        /// The case.
        case: String,
        /// The metric.
        metric: String,
        /// The value.
        value: f64,
    },
}
