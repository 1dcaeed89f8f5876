//! Why cases can't be scored.

use thiserror::Error;

/// Why cases can't be scored.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum ClassificationError {
    /// There is nothing to score.
    #[error("no cases")]
    NoCases,
    /// One class leaves nothing to classify.
    #[error("at least two classes are needed, got {n}")]
    TooFewClasses {
        /// How many there are.
        n: usize,
    },
    /// Two classes of one name.
    #[error("two classes are called {name:?}")]
    RepeatedClass {
        /// Their name.
        name: String,
    },
    /// Two cases of one name.
    #[error("two cases are called {id:?}")]
    RepeatedCase {
        /// Their name.
        id: String,
    },
    /// A class that was not declared.
    #[error("case {id:?}: {column} class {name:?} is none of {known}")]
    UnknownClass {
        /// The case.
        id: String,
        /// `reference` or `predicted`.
        column: &'static str,
        /// What it holds.
        name: String,
        /// The declared classes.
        known: String,
    },
    /// A class index beyond the classes.
    #[error("case {case} (from 0): {column} class {class}, expected below {n_classes}")]
    ClassIndex {
        /// The case, counted from 0.
        case: usize,
        /// `reference` or `predicted`.
        column: &'static str,
        /// The class.
        class: usize,
        /// How many there are.
        n_classes: usize,
    },
    /// Columns of different lengths.
    #[error("{what}: expected {expected}, got {got}")]
    Length {
        /// Which.
        what: &'static str,
        /// As many as cases or classes.
        expected: usize,
        /// As many as there are.
        got: usize,
    },
    /// Another number of scores than classes.
    #[error("case {id:?}: expected {expected} scores, got {got}")]
    ScoreCount {
        /// The case.
        id: String,
        /// As many as classes; of two classes one may do.
        expected: usize,
        /// As many as there are.
        got: usize,
    },
    /// A column that some cases have and some lack.
    #[error("case {without:?} has no {column}, case {with:?} has: all or none must")]
    PartlyMissing {
        /// `predicted` or `scores`.
        column: &'static str,
        /// The first case without.
        without: String,
        /// The first case with.
        with: String,
    },
    /// Neither predicted classes nor scores.
    #[error("case {id:?} has neither a predicted class nor scores")]
    NothingToScore {
        /// The first case.
        id: String,
    },
    /// NaN or infinite: it has no rank.
    #[error("case {case}: score {column} is {value}, expected a finite value")]
    NotFinite {
        /// The case: its name, or its index from 0.
        case: String,
        /// The score's column, counted from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A probability out of its range.
    #[error("case {case}: probability {column} is {value}, expected 0 to 1")]
    OutOfRange {
        /// The case: its name, or its index from 0.
        case: String,
        /// The class, counted from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Probabilities that aren't those of classes of which one must be true.
    #[error("case {case}: probabilities sum to {sum}, expected 1 within 1e-5")]
    Sum {
        /// The case: its name, or its index from 0.
        case: String,
        /// Their sum.
        sum: f64,
    },
}
