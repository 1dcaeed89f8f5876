//! What can be wrong with lesions, candidates and options.

use thiserror::Error;

use crate::detection::CocoError;

/// What can be wrong with lesions, candidates and options.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum FrocError {
    /// COCO's files are wrong.
    #[error(transparent)]
    Coco(#[from] CocoError),
    /// A number that is infinite or none.
    #[error("{what} [{index}]: {field} is {got}, expected a finite number")]
    NotFinite {
        /// `lesion` or `candidate`.
        what: &'static str,
        /// Its index in the list.
        index: usize,
        /// Which number.
        field: &'static str,
        /// The number.
        got: f64,
    },
    /// A radius or a side below zero.
    #[error("{what} [{index}]: {field} is {got}, expected 0 or more")]
    Negative {
        /// `lesion` or `candidate`.
        what: &'static str,
        /// Its index in the list.
        index: usize,
        /// Which number.
        field: &'static str,
        /// The number.
        got: f64,
    },
    /// Options that say nothing.
    #[error("option {option}: expected {expected}, got {got}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: String,
    },
}
