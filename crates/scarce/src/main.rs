//! `scarce`: one verb a stage, each reading and writing plain artefacts.

mod torch_program;
mod verbs;

use std::process::ExitCode;

use scarce_cli::arguments::Verb;

use crate::torch_program::EnvironmentError;

fn main() -> ExitCode {
    scarce_cli::main(run, EnvironmentError::code_of)
}

fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Verify(arguments) => verbs::verify::run(arguments),
        Verb::Convert(arguments) => verbs::convert::run(arguments).map(done),
        Verb::Info(arguments) if arguments.models || arguments.model.is_some() => {
            Ok(torch_program::become_it()?)
        }
        Verb::Info(arguments) => verbs::info::run(arguments).map(done),
        Verb::Localize(arguments) => verbs::localize::run(arguments).map(done),
        Verb::Mask(arguments) => verbs::mask::run(arguments).map(done),
        Verb::Torch(_) => Ok(torch_program::become_it()?),
        Verb::Evaluate(arguments) => verbs::evaluate::run(arguments).map(done),
        Verb::Compare(arguments) => verbs::compare::run(arguments).map(done),
        Verb::Lint(arguments) => verbs::lint::run(arguments),
        Verb::Report(arguments) => verbs::report::run(arguments).map(done),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
