//! Outlining what is on images.

mod config;
mod head;
mod loss;
mod network;
mod source;
mod task;

pub use config::SegmentConfig;
pub use head::UNetHead;
pub use loss::{SegmentationLoss, dice_and_cross_entropy};
pub use network::Segmenter;
pub use task::SegmentTask;
