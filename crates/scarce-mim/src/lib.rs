//! Masked image modelling with sparse convolutions on libtorch.
//!
pub mod finetune;
pub mod interchange;
pub mod loss;
pub mod models;
pub mod pretrain;
mod spark;
pub mod sparse;

pub use error::MimError;
pub use pretrain::{
    Control, ImageSample, ImageSource, PretrainConfig, PretrainTask, Reconstruction, ViewConfig,
};
pub use spark::SparkModel;
