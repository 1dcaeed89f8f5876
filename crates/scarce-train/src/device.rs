//! Which device a training runs on.

use tch::Device;

use crate::TrainError;
use crate::cuda::{CudaReport, usable_devices};

/// The device for `cpu`, `cuda`, `cuda:N` or `auto` (a CUDA device if there is one, else the CPU).
///
/// # Errors
/// As [`parse_device_of`].
pub fn parse_device(asked: &str) -> Result<Device, TrainError> {
    parse_device_of(asked, None)
}

/// As [`parse_device`], for one of several processes on a machine: `cuda` and `auto` mean the device
/// with the number of its local rank.
///
/// Loads libtorch's CUDA half, so it should come before anything else that uses libtorch.
///
/// # Errors
/// [`TrainError::Device`] for another name, or for a CUDA device that libtorch cannot use, with the
/// reason.
pub fn parse_device_of(asked: &str, local_rank: Option<u32>) -> Result<Device, TrainError> {
    let refuse = |message: String| TrainError::Device {
        asked: asked.to_owned(),
        message,
    };
    let of_process = local_rank.unwrap_or(0) as usize;
    let usable = usable_devices();
    let index = match asked {
        "cpu" => return Ok(Device::Cpu),
        "auto" if usable == 0 => return Ok(Device::Cpu),
        "auto" | "cuda" => of_process,
        other => other
            .strip_prefix("cuda:")
            .and_then(|n| n.parse::<usize>().ok())
            .ok_or_else(|| refuse("expected cpu, cuda, cuda:N or auto".to_owned()))?,
    };
    if (index as i64) < usable {
        return Ok(Device::Cuda(index));
    }
    let reason = CudaReport::of_this_machine().why_not();
    Err(refuse(reason.unwrap_or_else(|| {
        format!("libtorch can use {usable} CUDA devices, device {index} is not among them")
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_found_or_refused_with_the_reason() {
        assert_eq!(parse_device("cpu").unwrap(), Device::Cpu);
        for (asked, said) in [
            ("gpu", "expected cpu, cuda, cuda:N or auto"),
            ("cuda:x", "expected cpu, cuda, cuda:N or auto"),
            ("cuda:9999", ""),
        ] {
            let error = parse_device(asked).unwrap_err().to_string();
            assert!(error.contains(asked) && error.contains(said), "{error}");
        }
        match usable_devices() {
            0 => {
                assert_eq!(parse_device_of("auto", Some(3)).unwrap(), Device::Cpu);
                let why = CudaReport::of_this_machine().why_not().unwrap();
                let error = parse_device("cuda").unwrap_err().to_string();
                assert!(error.contains(&why), "{error}");
            }
            usable => {
                let last = usable as u32 - 1;
                let expected = Device::Cuda(last as usize);
                assert_eq!(parse_device_of("auto", Some(last)).unwrap(), expected);
                parse_device_of("cuda", Some(last + 1)).unwrap_err();
            }
        }
    }
}
