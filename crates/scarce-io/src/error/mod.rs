//! What can be wrong with a file.

mod at;
mod io_error;
mod series_fault;

pub(crate) use at::{At, system};
pub use io_error::IoError;
pub use series_fault::SeriesFault;
