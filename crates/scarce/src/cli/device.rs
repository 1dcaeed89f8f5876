//! Where a network runs.

use clap::Args;
use scarce_train::TrainError;
use tch::Device;

/// The device and its threads.
#[derive(Debug, Args)]
pub struct DeviceArguments {
    /// `cpu`, `cuda`, `cuda:N` or `auto`.
    #[arg(long, default_value = "cpu")]
    pub device: String,
    /// Threads of libtorch's operators; all cores if left out. Results repeat on an equal count.
    #[arg(long)]
    pub threads: Option<u16>,
}

/// Sets the threads and finds the device.
pub fn set_up(arguments: &DeviceArguments) -> Result<Device, TrainError> {
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(i32::from(threads.max(1)));
    }
    scarce_train::parse_device(&arguments.device)
}
