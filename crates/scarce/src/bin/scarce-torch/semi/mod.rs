//! `semi`: segmentation from few labelled and many unlabelled volumes.

pub mod inputs;
mod recipes;
mod start;

use scarce_cli::arguments::SemiArguments;
use scarce_cli::exit::UsageError;
use scarce_corn::SemiTask;
use scarce_image::Seed;

use crate::surroundings::Surroundings;
use crate::training_run::{configuration_by_recipe, open_run, show_progress};
use inputs::SemiFile;
use recipes::RECIPES;

/// Trains by a recipe.
pub fn run(arguments: &SemiArguments) -> anyhow::Result<()> {
    // As a TOML string, for a path may look like a number.
    let init = arguments
        .init
        .iter()
        .map(|init| format!("weights='{init}'"));
    let init: Vec<String> = init.collect();
    let Some(config) = configuration_by_recipe::<SemiFile>(&arguments.run, &init, RECIPES)? else {
        return Ok(());
    };
    Surroundings::with(&arguments.run.device, |surroundings| {
        train(arguments, &config, surroundings)
    })
}

fn train(
    arguments: &SemiArguments,
    config: &SemiFile,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let processes = &surroundings.processes;
    let has_unlabelled = !config.data.unlabelled.is_empty();
    let shared = config
        .method
        .check_processes(has_unlabelled, processes.world_size());
    shared.map_err(|error| UsageError(error.to_string()))?;
    let seed = Seed(config.seed);
    let labelled = config.data.labelled(&config.preprocessing)?;
    let unlabelled = config.data.unlabelled(&config.preprocessing)?;
    let validation = config.data.validation(&config.preprocessing)?;
    tracing::info!(
        "recipe {}: {} labelled and {} unlabelled volumes, {} to validate",
        config.recipe,
        labelled.len(),
        unlabelled.len(),
        validation.len()
    );
    let (method, device) = (config.method.clone(), surroundings.device);
    let mut task = SemiTask::new(method, labelled, unlabelled, validation, seed, device)?;
    start::load(&config.weights, task.method())?;
    let inputs = config.data.inputs();
    let training = &config.training;
    let run = &arguments.run;
    let mut run = open_run(run, processes, "semi", config, config.seed, inputs)?;
    show_progress(&mut run, processes, training, task.data_wait());
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    tracing::info!("{summary}");
    Ok(())
}
