//! Semi-supervised 3-D segmentation: V-Net, CORAL consistency, EMA teacher.
//!
//! The method is that of CORN (arXiv 2410.15916) in the teacher–student form that its abstract
//! names. Each ingredient is usable alone: [`coral`], the feature [`pool`], the [`confidence`] filter,
//! the [`correlation`] term, the [`vnet`], sliding-window [`inference`].

pub mod augment;
mod batches;
mod branch;
pub mod confidence;
pub mod coral;
pub mod correlation;
mod error;
pub mod inference;
pub mod losses;
mod mean_mask;
pub mod pool;
pub mod recipe;
mod settings;
pub mod vnet;
mod volumes;

pub use branch::Branch;
pub use error::CornError;
pub use mean_mask::mean_mask;
pub use recipe::SemiTask;
pub use settings::SemiConfig;
pub use volumes::{LabelledVolume, UnlabelledVolume};
