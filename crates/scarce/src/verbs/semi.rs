//! `semi`: segmentation from few labelled and many unlabelled volumes.

use scarce_corn::SemiTask;
use scarce_image::Seed;
use scarce_train::run_training;

use crate::cli::{RunArguments, set_up};
use crate::training_inputs::{SemiFile, open_run};

/// Trains by the recipe.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let config: SemiFile =
        scarce_train::config::load(Some(&arguments.config), &arguments.all_overrides())?;
    if arguments.dry_run {
        return super::print_resolved(&config);
    }
    let device = set_up(&arguments.device)?;
    let seed = Seed(config.seed);
    let labelled = config.data.labelled(&config.preprocessing)?;
    let unlabelled = config.data.unlabelled(&config.preprocessing)?;
    tracing::info!(
        "{} labelled and {} unlabelled volumes",
        labelled.len(),
        unlabelled.len()
    );
    let mut task = SemiTask::new(config.method.clone(), labelled, unlabelled, seed, device)?;
    let inputs = config.data.inputs();
    let training = &config.training;
    let mut run = open_run(arguments, "semi", &config, config.seed, training, inputs)?;
    let summary = run_training(&mut task, training, &mut run, seed)?;
    tracing::info!("{summary}");
    Ok(())
}
