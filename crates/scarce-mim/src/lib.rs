//! Masked image modelling with sparse convolutions on libtorch.
//!
//! SparK's scheme ([`SparkModel`]): the encoder ([`encoder`]) sees visible patches only ([`sparse`]); mask tokens fill the
//! holes ([`densify`]); a light U-Net decoder ([`decoder`]) predicts the normalised pixels of hidden patches ([`loss`]).
//! Images and volumes alike. For transformers there is MAE's ([`MaeModel`]), and [`MaskedModel`] is either. Which patches
//! are hidden is `scarce_mask`'s business; [`models`] lists every network. What an encoder is good for afterwards shows
//! in [`finetune`].

pub mod decoder;
pub mod densify;
pub mod encoder;
mod error;
pub mod export;
pub mod finetune;
mod intensities;
pub mod interchange;
pub mod loss;
mod mae;
pub mod models;
mod network;
pub mod pretrain;
mod spark;
pub mod sparse;
mod transformer;

pub use error::MimError;
pub use intensities::Intensities;
pub use mae::MaeModel;
pub use network::MaskedModel;
pub use pretrain::{
    Control, ImageSample, ImageSource, PretrainConfig, PretrainTask, Reconstruction, ViewConfig,
};
pub use spark::SparkModel;
