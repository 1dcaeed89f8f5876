//! Pre-training: views of images, some patches hidden, to be predicted from the rest.

mod config;
mod hiding;
mod image;
mod reconstruction;
mod source;
mod task;
mod view;

pub use config::PretrainConfig;
pub use hiding::Control;
pub use image::{ImageSample, ImageSource};
pub use reconstruction::Reconstruction;
pub use task::{PretrainTask, Viewer};
pub use view::ViewConfig;
