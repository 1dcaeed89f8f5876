//! `semi`: segmentation from few labelled and many unlabelled volumes.

pub mod inputs;

use scarce_cli::arguments::RunArguments;
use scarce_cli::exit::UsageError;
use scarce_corn::SemiTask;
use scarce_image::Seed;

use crate::surroundings::Surroundings;
use crate::training_run::{configuration, open_run, show_progress};
use inputs::SemiFile;

/// Trains by the recipe.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let Some(config) = configuration::<SemiFile>(arguments)? else {
        return Ok(());
    };
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
    let has_unlabelled = !config.data.unlabelled.is_empty();
    let shared = config
        .method
        .check_processes(has_unlabelled, processes.world_size());
    shared.map_err(|error| UsageError(error.to_string()))?;
    let seed = Seed(config.seed);
    let labelled = config.data.labelled(&config.preprocessing)?;
    let unlabelled = config.data.unlabelled(&config.preprocessing)?;
    tracing::info!(
        "{} labelled and {} unlabelled volumes",
        labelled.len(),
        unlabelled.len()
    );
    let (method, device) = (config.method.clone(), surroundings.device);
    let mut task = SemiTask::new(method, labelled, unlabelled, seed, device)?;
    let inputs = config.data.inputs();
    let training = &config.training;
    let mut run = open_run(arguments, processes, "semi", config, config.seed, inputs)?;
    show_progress(&mut run, processes, training, task.data_wait());
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    tracing::info!("{summary}");
    Ok(())
}
