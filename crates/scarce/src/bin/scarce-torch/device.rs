//! Where a network runs.

use scarce_cli::arguments::DeviceArguments;
use scarce_train::TrainError;
use scarce_train::distributed::Placement;
use scarce_train::native::process_state::set_intra_op_threads;
use tch::Device;

/// Finds the device and sets the threads. `cuda` and `auto` mean the device of this process's local rank,
/// where a launcher gave it one.
pub fn set_up(arguments: &DeviceArguments) -> Result<Device, TrainError> {
    let local_rank = Placement::from_env()?.and_then(|placement| placement.local_rank);
    // First: it loads libtorch's CUDA half, which libtorch looks for only once.
    let device = scarce_train::parse_device_of(&arguments.device, local_rank)?;
    if let Some(threads) = arguments.threads {
        set_intra_op_threads(i32::from(threads.max(1)))?;
    }
    Ok(device)
}
