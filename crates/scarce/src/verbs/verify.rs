//! `verify`: files read whole, only to tell what is wrong with them.

use std::process::ExitCode;

use scarce_cli::arguments::VerifyArguments;
use scarce_cli::{exit, json_output};
use scarce_io::Status;

/// Tells each fault; exit code 3 if there is any error.
pub fn run(arguments: &VerifyArguments) -> anyhow::Result<ExitCode> {
    let report = scarce_io::verify(&arguments.paths)?;
    for file in report.files.iter().filter(|file| file.status != Status::Ok) {
        for fault in &file.faults {
            tracing::warn!("{}: {}", fault.code, fault.message);
        }
    }
    tracing::info!(
        "{} ok, {} with warnings, {} with errors",
        report.n_ok,
        report.n_warning,
        report.n_error
    );
    if let Some(path) = &arguments.json {
        json_output::write(path, &report)?;
    }
    Ok(if report.n_error > 0 {
        ExitCode::from(exit::DATA)
    } else {
        ExitCode::SUCCESS
    })
}
