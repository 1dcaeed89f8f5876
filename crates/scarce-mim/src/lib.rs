//! Masked image modelling with sparse convolutions on libtorch.
//!
//! SparK's scheme: the encoder sees visible patches only, which dense operators simulate by
//! multiplying every map with the mask ([`sparse`]); mask tokens fill the holes ([`densify`]); a
//! light U-Net decoder ([`decoder`]) predicts the normalised pixels of hidden patches ([`loss`]).
//! Which patches are hidden is `scarce_mask`'s business. What the encoder is good for afterwards shows in [`finetune`].

pub mod decoder;
pub mod densify;
pub mod encoder;
mod error;
pub mod finetune;
pub mod loss;
pub mod model;
pub mod pretrain;
pub mod sparse;

pub use error::MimError;
pub use pretrain::{
    Control, ImageSample, ImageSource, PretrainConfig, PretrainTask, Reconstruction, ViewConfig,
};
