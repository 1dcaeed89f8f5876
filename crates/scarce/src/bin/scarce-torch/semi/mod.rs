//! `semi`: segmentation from few labelled and many unlabelled volumes.

pub mod inference;
pub mod inputs;
mod recipes;
mod report;
pub mod segmenter;
mod start;

use scarce_cli::arguments::SemiArguments;
use scarce_cli::exit::UsageError;
use scarce_corn::SemiTask;
use scarce_image::Seed;

use crate::finetune::report::is_done;
use crate::surroundings::Surroundings;
use crate::training_run::{configuration_by_recipe, open_run, show_progress};
use inputs::{SemiFile, Volumes};
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
    config.preprocessing.check()?;
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
    let cases = config.data.cases()?;
    let has_unlabelled = !cases.unlabelled.is_empty();
    let shared = config
        .method
        .check_processes(has_unlabelled, processes.world_size());
    shared.map_err(|error| UsageError(error.to_string()))?;
    let windows = config.inference.windows(config.method.patch_zyx).check();
    windows.map_err(|error| UsageError(format!("inference: {error}")))?;
    let seed = Seed(config.seed);
    let Volumes {
        labelled,
        unlabelled,
        validation,
    } = Volumes::read(&cases, config)?;
    tracing::info!(
        "recipe {}: {} labelled and {} unlabelled volumes, {} to validate",
        config.recipe,
        labelled.len(),
        unlabelled.len(),
        validation.len()
    );
    let masks = report::masks_of(&labelled);
    let (method, device) = (config.method.clone(), surroundings.device);
    let mut task = SemiTask::new(method, labelled, unlabelled, validation, seed, device)?;
    start::load(&config.weights, task.method())?;
    let inputs = inputs::inputs(&cases);
    let training = &config.training;
    let run = &arguments.run;
    let mut run = open_run(run, processes, "semi", config, config.seed, inputs)?;
    run.write_json(report::SPLIT_FILE, &cases.names())?;
    show_progress(&mut run, processes, training, task.data_wait());
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    let is_reported = processes.is_main() && is_done(&summary, &run);
    if is_reported && !cases.validation.is_empty() {
        report::report_on(&run, config, &cases.validation, &masks, device)?;
    }
    tracing::info!("{summary}");
    Ok(())
}
