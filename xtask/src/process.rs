//! Starting other programs, with their exit codes passed on.

use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use xshell::Cmd;

use crate::failure::Failure;

/// Shows and runs `command`, with its output going to ours.
///
/// # Errors
/// [`Failure::Child`] with the program's own exit code; [`Failure::Environment`] if it can't be started.
pub fn run(command: Cmd<'_>) -> Result<()> {
    let shown = command.to_string();
    eprintln!("$ {shown}");
    finish(command.into(), &shown)
}

/// Runs `command` without showing the command line first.
///
/// # Errors
/// As [`run`].
pub fn finish(mut command: Command, shown: &str) -> Result<()> {
    let status = command
        .status()
        .map_err(|e| Failure::Environment(format!("can't start `{shown}`: {e}")))?;
    succeeded(status, shown)
}

/// Nothing, for a program that ended well.
///
/// # Errors
/// [`Failure::Child`] with the program's own exit code.
pub fn succeeded(status: ExitStatus, shown: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Err(Failure::Child {
        command: shown.to_owned(),
        code,
    }
    .into())
}

/// What `command` writes to standard output, or `None` if it isn't there or fails.
pub fn ask(command: Cmd<'_>) -> Option<String> {
    let mut command: Command = command.into();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// What `command` writes to standard output.
///
/// # Errors
/// [`Failure::Child`] with its standard error; [`Failure::Environment`] if it can't be started.
pub fn read(command: Cmd<'_>) -> Result<String> {
    let shown = command.to_string();
    let mut command: Command = command.into();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Failure::Environment(format!("can't start `{shown}`: {e}")))?;
    if !output.status.success() {
        let code = output
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1);
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Failure::Child {
            command: format!("{shown}\n{said}"),
            code,
        }
        .into());
    }
    String::from_utf8(output.stdout).with_context(|| format!("output of `{shown}` is not UTF-8"))
}
