//! Noise on what a network is shown; dropout is the network's own.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::CornError;

/// Noise on unlabelled crops.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoiseConfig {
    /// Standard deviation, in the image's units; clipped at two of them. 0 for no noise.
    pub deviation: f64,
    /// Whose input it is added to.
    pub on: Noisy,
}

/// Whose input noise is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noisy {
    /// The networks that are trained.
    Student,
    /// The teacher that averages (UA-MT).
    Teacher,
}

impl Default for NoiseConfig {
    fn default() -> Self {
        Self {
            deviation: 0.0,
            on: Noisy::Student,
        }
    }
}

/// `images` with Gaussian noise, clipped at two standard deviations. It is drawn for the crops of all `world` processes, of
/// which this one takes its own: they are then no others than one process would draw.
///
/// # Errors
/// [`CornError::Torch`] from libtorch.
pub fn with_noise(
    images: &Tensor,
    deviation: f64,
    [rank, world]: [u32; 2],
) -> Result<Tensor, CornError> {
    let mut size = images.size();
    let Some(batch) = size.first().copied() else {
        return Ok(images.shallow_clone());
    };
    if batch == 0 || deviation == 0.0 {
        return Ok(images.shallow_clone());
    }
    size[0] *= i64::from(world);
    let noise = Tensor::f_randn(size.as_slice(), (images.kind(), images.device()))?;
    let noise = noise.f_narrow(0, i64::from(rank) * batch, batch)? * deviation;
    let limit = 2.0 * deviation;
    Ok(images.f_add(&noise.f_clamp(-limit, limit)?)?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn it_is_clipped_and_two_processes_share_what_one_draws() {
        let images = Tensor::zeros([4, 1, 8, 8, 8], (Kind::Float, Device::Cpu));
        let drawn = |images: &Tensor, of: [u32; 2]| {
            tch::manual_seed(4);
            with_noise(images, 0.1, of).unwrap()
        };
        let whole = drawn(&images, [0, 1]);
        assert!((whole.abs().max().double_value(&[]) - 0.2).abs() < 1e-6);
        assert!((whole.std(false).double_value(&[]) - 0.1).abs() < 0.02);
        let half = images.narrow(0, 0, 2);
        let parts = [0, 1].map(|rank| drawn(&half, [rank, 2]));
        assert!(Tensor::cat(&parts, 0).equal(&whole));
        assert!(with_noise(&images, 0.0, [0, 1]).unwrap().equal(&images));
    }
}
