//! How a command ends badly: one line for the reader, one exit code for the script.

use std::fmt;

/// A failure whose exit code is part of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The command or a file written by the user is wrong (exit 2).
    Usage(String),
    /// Data are missing or not what they claim to be (exit 3).
    Data(String),
    /// A figure is out of its bounds (exit 4).
    Numeric(String),
    /// The machine lacks something (exit 5).
    Environment(String),
    /// A program we started failed; its exit code is passed on.
    Child {
        /// The command line, as shown to the user.
        command: String,
        /// Its exit code; 1 if a signal ended it.
        code: u8,
    },
}

impl Failure {
    /// The exit code of the whole command.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Data(_) => 3,
            Failure::Numeric(_) => 4,
            Failure::Environment(_) => 5,
            Failure::Child { code, .. } => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message)
            | Failure::Data(message)
            | Failure::Numeric(message)
            | Failure::Environment(message) => f.write_str(message),
            Failure::Child { command, code } => write!(f, "exit code {code} from: {command}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code that stands for `error`. What carries no [`Failure`] is a full disk, a missing
/// permission or the like: the environment's.
pub fn exit_code_of(error: &anyhow::Error) -> u8 {
    error
        .downcast_ref::<Failure>()
        .map_or(5, Failure::exit_code)
}

/// Ends the enclosing function with [`Failure::Usage`].
#[macro_export]
macro_rules! usage {
    ($($arg:tt)*) => { return Err($crate::failure::Failure::Usage(format!($($arg)*)).into()) };
}

/// Ends the enclosing function with [`Failure::Data`].
#[macro_export]
macro_rules! bad_data {
    ($($arg:tt)*) => { return Err($crate::failure::Failure::Data(format!($($arg)*)).into()) };
}

/// Ends the enclosing function with [`Failure::Environment`].
#[macro_export]
macro_rules! bad_environment {
    ($($arg:tt)*) => { return Err($crate::failure::Failure::Environment(format!($($arg)*)).into()) };
}
