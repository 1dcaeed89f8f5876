//! Where a network runs.

use clap::Args;

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
