//! What the programs of scarce share: the verbs and their arguments, the log, exit codes, JSON where a script wants it,
//! and the records that one verb leaves and another reads.
//!
//! `scarce` must start at once, so nothing here reaches libtorch; `scarce-torch` has its own errors and devices.

pub mod arguments;
pub mod artefacts;
pub mod exit;
pub mod json_output;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use arguments::Verb;
use clap::Parser as _;
use exit::CodeOf;
use tracing_subscriber::EnvFilter;

/// A program's `main`: parses the arguments, runs the verb, reports its error.
pub fn main(run: fn(&Verb) -> anyhow::Result<ExitCode>, code_of: CodeOf) -> ExitCode {
    let cli = arguments::Cli::parse();
    // Standard output belongs to `--json -`; everything else goes to standard error.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            EnvFilter::try_from_env("SCARCE_LOG")
                .unwrap_or_else(|_| EnvFilter::new("info,ort=warn")),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    match run(&cli.verb) {
        Ok(code) => code,
        Err(error) => exit::report(&error, code_of),
    }
}
