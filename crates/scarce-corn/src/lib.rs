//! Semi-supervised segmentation: V-Net, CORAL-correlation consistency, and the methods it is compared with.
//!
//! CORN (arXiv 2410.15916) as its paper, its authors' code, a repaired form and the teacher–student form of its abstract have
//! it; mean teacher, UA-MT, MC-Net and CAML beside it. Each is a preset of [`SemiConfig`]. Each ingredient is usable alone:
//! the [`vnet`], the [`losses`], [`coral`], the [`correlation`] term in its forms, the feature [`pool`], the [`confidence`]
//! filter, [`heads`], the [`teacher`] that averages, [`perturbation`] and [`ramp`], sliding-window [`inference`]; and a
//! [`method`] without a data path.

pub mod augment;
mod batches;
mod branch;
pub mod confidence;
pub mod coral;
pub mod correlation;
mod error;
pub mod heads;
pub mod inference;
pub mod losses;
mod mean_mask;
pub mod method;
pub mod models;
pub mod perturbation;
pub mod pool;
pub mod ramp;
pub mod settings;
mod task;
pub mod teacher;
mod trained;
mod validation;
pub mod vnet;
mod volumes;

pub use branch::Branch;
pub use error::CornError;
pub use mean_mask::mean_mask;
pub use settings::{Branches, SemiConfig};
pub use task::SemiTask;
pub use trained::TrainedNetwork;
pub use volumes::{LabelledVolume, UnlabelledVolume};
