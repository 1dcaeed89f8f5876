//! `scarce-torch`, the program that links libtorch, started in place of this one.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use scarce_cli::exit::ENVIRONMENT;

/// What libtorch reads from its environment as it is loaded; what the user set counts before it.
const SETTINGS: [(&str, &str); 2] = [
    // Idle threads otherwise spin between operators: steps 10 to 40 times slower on few cores.
    ("OMP_WAIT_POLICY", "PASSIVE"),
    // Answers of 100 MB come as new pages each time; in pages of 2 MiB that is a fiftieth of the faults.
    ("THP_MEM_ALLOC_ENABLE", "1"),
];

/// Why it can't be started.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot start the program for networks, which lies beside `scarce` (`cargo build -p scarce` builds both): {source}: {}", path.display()
)]
pub struct EnvironmentError {
    source: io::Error,
    path: PathBuf,
}

impl EnvironmentError {
    /// The exit code, where `error` is one of these.
    pub fn code_of(error: &(dyn Error + 'static)) -> Option<u8> {
        error.is::<Self>().then_some(ENVIRONMENT)
    }
}

/// Runs it with this program's arguments, and ends as it ends.
pub fn become_it() -> Result<ExitCode, EnvironmentError> {
    let name = format!("scarce-torch{}", std::env::consts::EXE_SUFFIX);
    let path = match std::env::current_exe() {
        Ok(program) => program.with_file_name(name),
        Err(source) => {
            let path = PathBuf::from(name);
            return Err(EnvironmentError { source, path });
        }
    };
    let mut program = Command::new(&path);
    program.args(std::env::args_os().skip(1));
    for (name, value) in SETTINGS {
        if std::env::var_os(name).is_none() {
            program.env(name, value);
        }
    }
    replace_by(&mut program).map_err(|source| EnvironmentError { source, path })
}

/// The process stays the same, so that launchers and signals reach it.
#[cfg(unix)]
fn replace_by(program: &mut Command) -> io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(program.exec())
}

#[cfg(not(unix))]
fn replace_by(program: &mut Command) -> io::Result<ExitCode> {
    let code = program.status()?.code();
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
