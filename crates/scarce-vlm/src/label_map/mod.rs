//! The localizer for data that already carries anatomical labels: the prompt chooses among the label
//! map's structures by what it means.
//!
//! Names are read ([`StructureName`]), gathered into concepts (each label, and what several labels
//! make up: both kidneys, the left lung, all ribs), described by texts from an anatomical lexicon, and
//! compared with the prompt by a [`SentenceEncoder`](crate::text::SentenceEncoder). Sides and numbers
//! are matched by words, because sentence vectors hardly tell `left` from `right` or `L3` from `L4`.

mod concept;
mod lexicon;
mod localizer;
mod names;
mod prompt;
mod score;
mod wording;

pub use localizer::{DEFAULT_THRESHOLD, LabelMapLocalizer, LabelMapOptions};
pub use names::{Level, Side, StructureName};
