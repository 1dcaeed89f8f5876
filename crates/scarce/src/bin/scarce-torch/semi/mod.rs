//! `semi`: segmentation from few labelled and many unlabelled volumes.

pub mod inference;
pub mod inputs;
mod report;
pub mod segmenter;

use scarce_cli::arguments::RunArguments;
use scarce_cli::exit::UsageError;
use scarce_corn::SemiTask;
use scarce_image::Seed;

use crate::finetune::report::is_done;
use crate::surroundings::Surroundings;
use crate::training_run::{configuration, open_run, show_progress};
use inputs::{SemiFile, Volumes};

/// Trains by the recipe.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let Some(config) = configuration::<SemiFile>(arguments)? else {
        return Ok(());
    };
    config.preprocessing.check()?;
    Surroundings::with(&arguments.device, |surroundings| {
        train(arguments, &config, surroundings)
    })
}

fn train(
    arguments: &RunArguments,
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
        "{} labelled and {} unlabelled volumes, {} to validate",
        labelled.len(),
        unlabelled.len(),
        validation.len()
    );
    let masks = report::masks_of(&labelled);
    let (method, device) = (config.method.clone(), surroundings.device);
    let mut task = SemiTask::new(method, labelled, unlabelled, seed, device)?;
    let inputs = inputs::inputs(&cases);
    let training = &config.training;
    let mut run = open_run(arguments, processes, "semi", config, config.seed, inputs)?;
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
