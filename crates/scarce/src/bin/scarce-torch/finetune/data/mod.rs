//! The images of a fine-tuning, from files to canvases, and which of them are for what.

mod labelled;
mod outlined;
mod outlines;
mod pictures;
mod split;

pub use labelled::LabelledData;
pub use outlined::{OutlinedCase, OutlinedData};
pub use pictures::{Shown, files_in};
pub use split::{Parts, SplitConfig};
