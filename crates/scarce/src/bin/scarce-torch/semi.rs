//! `semi`: segmentation from few labelled and many unlabelled volumes.

use scarce_cli::arguments::RunArguments;
use scarce_corn::SemiTask;
use scarce_image::Seed;

use crate::surroundings::{Surroundings, refuse_several_processes};
use crate::training_inputs::{SemiFile, open_run};

/// Trains by the recipe.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let config: SemiFile =
        scarce_train::config::load(Some(&arguments.config), &arguments.all_overrides())?;
    if arguments.dry_run {
        return crate::print_resolved(&config);
    }
    refuse_several_processes(
        "semi",
        "its consistency is taken over a whole batch, which is not shared yet",
    )?;
    let surroundings = Surroundings::find(&arguments.device)?;
    let result = train(arguments, &config, &surroundings);
    surroundings.conclude(result)
}

fn train(
    arguments: &RunArguments,
    config: &SemiFile,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
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
    let processes = &surroundings.processes;
    let mut run = open_run(
        arguments,
        processes,
        "semi",
        config,
        config.seed,
        training,
        inputs,
    )?;
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    tracing::info!("{summary}");
    Ok(())
}
