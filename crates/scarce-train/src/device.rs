//! Which device a training runs on.

use tch::{Cuda, Device};

use crate::TrainError;

/// The device for `cpu`, `cuda`, `cuda:N` or `auto` (the first CUDA device, else the CPU).
///
/// # Errors
/// [`TrainError::Device`] for another name, or a CUDA device that libtorch does not see.
pub fn parse_device(asked: &str) -> Result<Device, TrainError> {
    let refuse = |message: String| TrainError::Device {
        asked: asked.to_owned(),
        message,
    };
    let index = match asked {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(Device::cuda_if_available()),
        "cuda" => 0,
        other => other
            .strip_prefix("cuda:")
            .and_then(|n| n.parse::<usize>().ok())
            .ok_or_else(|| refuse("expected cpu, cuda, cuda:N or auto".to_owned()))?,
    };
    let found = if Cuda::is_available() {
        Cuda::device_count()
    } else {
        0
    };
    if (index as i64) < found {
        Ok(Device::Cuda(index))
    } else {
        Err(refuse(format!("libtorch sees {found} CUDA devices")))
    }
}
