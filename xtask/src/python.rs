//! The user's Python, of which only pip is used: it knows mirrors, proxies and certificates.

use std::path::Path;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{bad_environment, process};

/// What to do where no Python fits.
const HOW_TO_INSTALL: &str = "install Python 3.9 or newer with pip \
    (Debian, Ubuntu: `apt install python3 python3-pip`; Fedora: `dnf install python3-pip`; macOS: `brew install python`)";

/// A Python that has pip.
#[derive(Debug, Clone)]
pub struct Python {
    /// `python3` or `python`.
    pub program: String,
    /// Such as `3.11.7`.
    pub version: String,
    /// pip's own version.
    pub pip: String,
}

impl Python {
    /// The first of `python3` and `python` that is new enough and has pip.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Environment`] that says what was found and what to install.
    pub fn find() -> Result<Self> {
        let sh = Shell::new()?;
        let mut found = Vec::new();
        for program in ["python3", "python"] {
            let Some(said) = process::ask(cmd!(sh, "{program} --version")) else {
                continue;
            };
            let version = said.trim_start_matches("Python ").to_owned();
            if !is_new_enough(&version) {
                found.push(format!("{program} is {version}"));
                continue;
            }
            let Some(said) = process::ask(cmd!(sh, "{program} -m pip --version")) else {
                found.push(format!("{program} {version} has no pip"));
                continue;
            };
            let pip = said.split_whitespace().nth(1).unwrap_or("?").to_owned();
            return Ok(Self {
                program: program.to_owned(),
                version,
                pip,
            });
        }
        if found.is_empty() {
            found.push("neither python3 nor python is on the PATH".to_owned());
        }
        bad_environment!(
            "no Python to fetch with ({}): {HOW_TO_INSTALL}",
            found.join("; ")
        );
    }

    /// Runs `pip` with `args`; temporary files go to `scratch`, for `/tmp` may be small.
    ///
    /// # Errors
    /// pip's exit status, or that it could not be started.
    pub fn pip(&self, args: &[String], scratch: &Path, python_path: Option<&Path>) -> Result<()> {
        let sh = Shell::new()?;
        sh.create_dir(scratch)?;
        let program = &self.program;
        let mut command = cmd!(sh, "{program} -m pip --disable-pip-version-check {args...}")
            .env("TMPDIR", scratch)
            .env("PIP_ROOT_USER_ACTION", "ignore");
        if let Some(path) = python_path {
            command = command.env("PYTHONPATH", path);
        }
        let shown = format!("pip {}", args.join(" "));
        let mut command: std::process::Command = command.into();
        if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            command.stdout(std::process::Stdio::null());
        }
        process::finish(command, &shown)
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (3, 9)
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_compare_as_numbers() {
        for (version, expected) in [
            ("3.9.2", true),
            ("3.11.7", true),
            ("3.8.19", false),
            ("2.7.18", false),
            ("4.0.0a1", true),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), expected, "{version}");
        }
    }
}
