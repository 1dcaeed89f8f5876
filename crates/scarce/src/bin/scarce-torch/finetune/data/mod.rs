//! The images of a fine-tuning, from files to canvases, and which of them are for what.

mod instances;
mod labelled;
mod outlined;
mod outlines;
mod pictures;
mod split;

pub use instances::{InstanceCase, Instances};
pub use labelled::LabelledData;
pub use outlined::{OutlinedCase, OutlinedData};
pub use pictures::{Shown, files_in, read_in_unit, stem};
pub use split::{Parts, SplitConfig};
