//! What an encoder is learned for: telling images apart ([`classify`]) and outlining what is on them ([`segment`]).
//!
//! | part | what it does |
//! | --- | --- |
//! | [`look`] | how an image is shown to the network: its frame, what is drawn of it in training, its intensities |
//! | [`weights`] | where the encoder starts: a pre-training run, a file under timm's names, or as initialised |
//! | [`classify`] | a head on pooled features; fine-tuned, as a linear probe, or by nearest neighbours without training |
//! | [`segment`] | a U-Net's upward path on the maps |
//!
//! Recipes are `scarce_train`'s settings and so the command line's; what a network is reported on is never what its
//! training was stopped or chosen by.

pub mod classify;
mod images;
pub mod look;
pub mod segment;
mod trunk;
pub mod weights;

pub use images::{LabelledImage, OutlinedImage, check_canvases};
