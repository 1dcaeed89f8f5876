//! Reconstruction: how far an image is from the one it should be, as scikit-image measures it.
//!
//! | figure | definition | source |
//! | --- | --- | --- |
//! | [`psnr_db`] | 10 log₁₀(R² / mean (x − y)²), in decibels | `peak_signal_noise_ratio` |
//! | [`ssim`] | mean over windows of (2μₓμᵧ + C₁)(2σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂)), C = (KR)² (Wang et al. 2004) | `structural_similarity` |
//!
//! Both want the data range R, the difference of the largest and smallest value that the images
//! can have: taken from the images themselves it would make the figure depend on their noise.

mod error;
mod moments;
mod psnr;
mod ssim;
mod window;

pub use error::ReconstructionError;
pub use psnr::psnr_db;
pub use ssim::{SsimOptions, ssim};
pub use window::SsimWindow;
