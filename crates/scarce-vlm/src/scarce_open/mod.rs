//! The localizer that the project brings along: a small network of its own that finds in an image what a prompt names,
//! without labels and without network access.
//!
//! A prompt becomes a sentence vector ([`text`](crate::text)); the network ([`OpenNetwork`]) reads grey slices at 4 mm with
//! weights made of that vector, and says for each pixel and for the slice as a whole how likely what is asked for is there.
//! A volume is brought to RAS, one spacing and one scale of grey ([`prepare`]), looked at in three planes ([`Plane`]), and the
//! averaged heat goes back onto its own grid ([`OpenLocalizer`]). A single slice is looked at as it is, a picture as it hangs
//! on a light box ([`picture_as_volume`]).
//!
//! `models/scarce-open/` holds the model, its card with figures on patients that it was not trained on, and the recipe by
//! which `cargo xtask localizer` makes it again.

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
