//! `scarce-torch`: the verbs that train or run a network. `scarce` starts it for them.

mod device;
mod doctor;
mod export;
mod figures;
mod finetune;
mod models;
mod open_localizer;
mod predict;
mod preprocessing;
mod pretrain;
mod semi;
mod surroundings;
mod training_run;

use std::error::Error;
use std::process::ExitCode;

use scarce_cli::arguments::{InfoArguments, TorchVerb, Verb};
use scarce_cli::exit::{DATA, ENVIRONMENT, INTERRUPTED, NUMERIC, USAGE, UsageError};
use scarce_train::{Fault, TrainError};

fn main() -> ExitCode {
    scarce_cli::main(run, code_of)
}

fn run(verb: &Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::Torch(TorchVerb::Pretrain(arguments)) => pretrain::run(arguments).map(done),
        Verb::Torch(TorchVerb::Finetune(arguments)) => finetune::run(arguments).map(done),
        Verb::Torch(TorchVerb::Semi(arguments)) => semi::run(arguments).map(done),
        Verb::Torch(TorchVerb::TrainLocalizer(arguments)) => {
            open_localizer::run(arguments).map(done)
        }
        Verb::Torch(TorchVerb::Export(arguments)) => export::run(arguments).map(done),
        Verb::Torch(TorchVerb::Predict(arguments)) => predict::run(arguments).map(done),
        Verb::Torch(TorchVerb::Doctor(arguments)) => doctor::run(arguments),
        Verb::Info(InfoArguments {
            model: Some(name),
            json,
            ..
        }) => models::describe(name, json.as_deref()).map(done),
        Verb::Info(InfoArguments {
            models: true, json, ..
        }) => models::list(json.as_deref()).map(done),
        _ => Err(UsageError("this verb needs no network: call `scarce`".to_owned()).into()),
    }
}

fn done((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn code_of(error: &(dyn Error + 'static)) -> Option<u8> {
    let error = error.downcast_ref::<TrainError>()?;
    Some(match error.fault() {
        Fault::Usage => USAGE,
        Fault::Data => DATA,
        Fault::Numeric => NUMERIC,
        Fault::Environment => ENVIRONMENT,
        Fault::Interrupted => INTERRUPTED,
    })
}
