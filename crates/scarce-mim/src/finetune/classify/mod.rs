//! Telling images apart.

mod config;
mod head;
mod loss;
mod mixing;
pub mod nearest;
mod network;
mod source;
mod task;

pub use config::{ClassificationLoss, ClassifyConfig, Mode};
pub use loss::{smoothed, soft_binary_cross_entropy, soft_cross_entropy};
pub use mixing::Mixing;
pub use network::Classifier;
pub use task::ClassifyTask;
