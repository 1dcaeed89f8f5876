//! ONNX Runtime: finding its library, loading models, checking their interface.

mod error;
mod file;
pub(crate) mod graph;
mod model;
mod provider;
mod runtime;

pub use error::{ModelFault, OnnxError};
pub use file::ModelFile;
pub use model::{Model, ModelInput, SessionOptions};
pub use provider::Provider;
pub use runtime::{LIBRARY_VARIABLE, library_path};
