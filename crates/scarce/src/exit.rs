//! From an error to one line and an exit code.

use std::process::ExitCode;

use scarce_io::IoError;
use scarce_train::{Fault, TrainError};
use scarce_vlm::LocalizeError;
use scarce_vlm::text::TextError;

/// The command line or its configuration is wrong.
pub const USAGE: u8 = 2;
/// An input is missing, damaged or does not fit.
pub const DATA: u8 = 3;
/// A loss or gradient is not finite.
pub const NUMERIC: u8 = 4;
/// The machine lacks something.
pub const ENVIRONMENT: u8 = 5;
/// The run was told to stop; it has saved.
pub const INTERRUPTED: u8 = 130;

/// A mistake in how the command was called, found after the arguments were parsed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// Prints the error as one line on standard error and gives its exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    // Most of our errors already tell their cause; a link that repeats it adds nothing.
    let mut line = String::new();
    for link in error.chain().map(ToString::to_string) {
        if !line.contains(&link) {
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&link);
        }
    }
    tracing::error!("{}", line.replace('\n', " "));
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    for link in error.chain() {
        if link.is::<UsageError>() {
            return USAGE;
        }
        if let Some(error) = link.downcast_ref::<TrainError>() {
            return match error.fault() {
                Fault::Usage => USAGE,
                Fault::Data => DATA,
                Fault::Numeric => NUMERIC,
                Fault::Environment => ENVIRONMENT,
                Fault::Interrupted => INTERRUPTED,
            };
        }
        if let Some(error) = link.downcast_ref::<LocalizeError>() {
            return match error {
                LocalizeError::EmptyPrompt { .. }
                | LocalizeError::NegatedPrompt { .. }
                | LocalizeError::UnknownPrompt { .. }
                | LocalizeError::Option { .. } => USAGE,
                LocalizeError::Text(TextError::Onnx(_)) => ENVIRONMENT,
                _ => DATA,
            };
        }
        if link.is::<TextError>() {
            // The text encoder is part of the installation, not of the data.
            return ENVIRONMENT;
        }
        if link.is::<IoError>() {
            return DATA;
        }
    }
    DATA
}
