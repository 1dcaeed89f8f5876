//! Weights in and out under the field's key names (timm's, torchvision's), as safetensors.
//!
//! A [`NameTable`] says what a file's names are here, or ours there; [`import_weights`] copies a file into
//! variables when every name, shape and kind agrees, or what disagrees was named beforehand;
//! [`export_weights`] writes a file that `safetensors.torch.load_file` reads in one line.
//!
//! A `.pth` file is a pickle: reading it runs whatever code its author put there, so it is refused.
//! `convert/pth_to_safetensors.py`, beside this crate's sources, turns one into safetensors on the user's own
//! machine with `torch.load(weights_only=True)`, reads back what it wrote and compares every tensor.

mod error;
mod export;
mod import;
mod name_table;
pub mod onnx;

pub use error::WeightsError;
pub use export::export_weights;
pub use import::{ImportOptions, ImportReport, import_weights};
pub use name_table::NameTable;
