//! The `scarce` command line: one verb a stage, each reading and writing plain artefacts.

mod cli;
mod exit;
mod json_output;
mod preprocessing;
mod radiological;
mod training;
mod training_inputs;
mod verbs;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Verb};

fn main() -> ExitCode {
    let cli = Cli::parse();
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
    match run(&cli) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.verb {
        Verb::Verify(arguments) => verbs::verify::run(arguments),
        Verb::Convert(arguments) => verbs::convert::run(arguments).map(done),
        Verb::Info(arguments) => verbs::info::run(arguments).map(done),
        Verb::Localize(arguments) => verbs::localize::run(arguments).map(done),
        Verb::Mask(arguments) => verbs::mask::run(arguments).map(done),
        Verb::Pretrain(arguments) => verbs::pretrain::run(arguments).map(done),
        Verb::Semi(arguments) => verbs::semi::run(arguments).map(done),
        Verb::Predict(arguments) => verbs::predict::run(arguments).map(done),
        Verb::Evaluate(arguments) => verbs::evaluate::run(arguments).map(done),
        Verb::Compare(arguments) => verbs::compare::run(arguments).map(done),
        Verb::Lint(arguments) => verbs::lint::run(arguments),
        Verb::Report(arguments) => verbs::report::run(arguments).map(done),
        Verb::Doctor(arguments) => verbs::doctor::run(arguments),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
