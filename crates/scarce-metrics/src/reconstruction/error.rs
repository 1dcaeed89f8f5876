//! Why two images can't be compared.

use thiserror::Error;

/// Why two images can't be compared.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum ReconstructionError {
    /// Their shapes differ.
    #[error("reference has shape {reference:?}, reconstruction {reconstruction:?}")]
    Shape {
        /// Of the reference.
        reference: Vec<usize>,
        /// Of the reconstruction.
        reconstruction: Vec<usize>,
    },
    /// There is nothing to compare.
    #[error("the images have no pixel")]
    Empty,
    /// Neither an image nor a volume.
    #[error("{n_axes} axes, expected 2 or 3")]
    Axes {
        /// How many there are.
        n_axes: usize,
    },
    /// A pixel is NaN or infinite.
    #[error("{image} is {value} at {index}, in C order, expected a finite value")]
    NotFinite {
        /// `reference` or `reconstruction`.
        image: &'static str,
        /// Of the pixel, counted from 0.
        index: usize,
        /// The value.
        value: f64,
    },
    /// The data range is none.
    #[error("data range {data_range}, expected finite and above 0")]
    DataRange {
        /// What was given.
        data_range: f64,
    },
    /// The window is none, or does not fit.
    #[error(
        "window of {side} pixels: expected odd, from 3 to the images' smallest side of {smallest}"
    )]
    Window {
        /// Its side.
        side: usize,
        /// The images' smallest side.
        smallest: usize,
    },
    /// A constant of SSIM is none.
    #[error("{name} {value}: expected {expected}")]
    Constant {
        /// `k1`, `k2` or `sigma`.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What may be.
        expected: &'static str,
    },
}
