//! The localizer that the project brings along.

mod heat;
mod input;
mod localizer;
mod network;
mod plane;

pub use input::{
    PICTURE_MM, SPACING_MM, STRIDE, grey_of_hu, holds_hu, picture_as_volume, prepare, to_grey,
};
pub use localizer::{OpenLocalizer, OpenOptions};
pub use network::{Answers, OpenNetwork};
pub use plane::Plane;
