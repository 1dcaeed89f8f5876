//! How an image is shown to a network.

mod augment;
mod frame;
mod placement;
mod whole;

pub use augment::{Augmentation, Drawn};
pub use frame::{Fit, Frame};
pub use placement::Placement;
pub use whole::whole;
