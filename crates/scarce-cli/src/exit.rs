//! From an error to one line and an exit code.

use std::error::Error;
use std::process::ExitCode;

use scarce_io::IoError;
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

/// The exit code of one link of an error's chain, where it is known.
pub type CodeOf = fn(&(dyn Error + 'static)) -> Option<u8>;

/// Prints the error as one line on standard error and gives its exit code, by `code_of` or as the libraries
/// that both programs use have it.
pub fn report(error: &anyhow::Error, code_of: CodeOf) -> ExitCode {
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
    let code = error
        .chain()
        .find_map(|link| code_of(link).or_else(|| shared_code_of(link)));
    ExitCode::from(code.unwrap_or(DATA))
}

fn shared_code_of(link: &(dyn Error + 'static)) -> Option<u8> {
    if link.is::<UsageError>() {
        return Some(USAGE);
    }
    if let Some(error) = link.downcast_ref::<LocalizeError>() {
        return Some(match error {
            LocalizeError::EmptyPrompt { .. }
            | LocalizeError::NegatedPrompt { .. }
            | LocalizeError::UnknownPrompt { .. }
            | LocalizeError::Option { .. } => USAGE,
            LocalizeError::Onnx(_) | LocalizeError::Text(TextError::Onnx(_)) => ENVIRONMENT,
            _ => DATA,
        });
    }
    if link.is::<TextError>() {
        // The text encoder is part of the installation, not of the data.
        return Some(ENVIRONMENT);
    }
    link.is::<IoError>().then_some(DATA)
}
