//! What can be wrong with ground truth or detections.

use std::fmt;

use thiserror::Error;

use crate::detection::rle::RleError;

/// Where in the files something is: which record, and its index in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// One of `images`.
    Image {
        /// Its place in the list, from 0.
        index: usize,
        /// Its id.
        id: i64,
    },
    /// One of `annotations`.
    Annotation {
        /// Its place in the list, from 0.
        index: usize,
        /// Its id.
        id: i64,
    },
    /// One of `categories`.
    Category {
        /// Its place in the list, from 0.
        index: usize,
        /// Its id.
        id: i64,
    },
    /// One of the detections.
    Detection {
        /// Its place in the list, from 0.
        index: usize,
        /// The image it is on.
        image_id: i64,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { index, id } => write!(f, "image {id} (images[{index}])"),
            Self::Annotation { index, id } => write!(f, "annotation {id} (annotations[{index}])"),
            Self::Category { index, id } => write!(f, "category {id} (categories[{index}])"),
            Self::Detection { index, image_id } => {
                write!(f, "detection [{index}] on image {image_id}")
            }
        }
    }
}

/// What can be wrong with ground truth or detections.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum CocoError {
    /// Not the JSON that was expected.
    #[error("{file}, {path}: {message}")]
    Json {
        /// `ground truth` or `detections`.
        file: &'static str,
        /// The value, such as `annotations[3].bbox`; a dot stands for the whole.
        path: String,
        /// What was expected and found, with line and column.
        message: String,
    },
    /// Two records of one id.
    #[error("{again} has the id of {first}")]
    DuplicateId {
        /// The earlier one.
        first: Record,
        /// The later one.
        again: Record,
    },
    /// An image that the ground truth lacks.
    #[error("{at}: no image has the id {image_id}")]
    UnknownImage {
        /// Who names it.
        at: Record,
        /// The id.
        image_id: i64,
    },
    /// A category that the ground truth lacks.
    #[error("{at}: no category has the id {category_id}")]
    UnknownCategory {
        /// Who names it.
        at: Record,
        /// The id.
        category_id: i64,
    },
    /// A number that is infinite or none.
    #[error("{at}: {field} is {got}, expected a finite number")]
    NotFinite {
        /// Whose it is.
        at: Record,
        /// Which number.
        field: &'static str,
        /// The number.
        got: f64,
    },
    /// A size below zero.
    #[error("{at}: {field} is {got}, expected 0 or more")]
    Negative {
        /// Whose it is.
        at: Record,
        /// Which number.
        field: &'static str,
        /// The number.
        got: f64,
    },
    /// Boxes are scored, and this record has none.
    #[error("{at} has no bbox")]
    MissingBox {
        /// The record.
        at: Record,
    },
    /// Masks are scored, and this record has none.
    #[error("{at} has no segmentation")]
    MissingSegmentation {
        /// The record.
        at: Record,
    },
    /// A polygon is to be filled, and its image has no height and width.
    #[error("{at}: image {image_id} has no height and width to fill a polygon in")]
    MissingSize {
        /// Whose polygon it is.
        at: Record,
        /// The image.
        image_id: i64,
    },
    /// A mask that is not what it claims to be, or not of its image's size.
    #[error("{at}: segmentation: {source}")]
    Segmentation {
        /// Whose it is.
        at: Record,
        /// What is wrong.
        source: RleError,
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
