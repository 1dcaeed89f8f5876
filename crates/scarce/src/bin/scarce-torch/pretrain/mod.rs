//! `pretrain`: masked image modelling on pictures, slices of volumes, or volumes.

mod images;
mod inputs;
mod looks;
mod pictures;

use scarce_cli::arguments::RunArguments;
use scarce_image::Seed;
use scarce_mim::finetune::weights::Weights;
use scarce_mim::{ImageSource as _, Intensities, PretrainTask};
use scarce_train::TrainError;
use scarce_train::sinks::EpochTimes;

use crate::surroundings::Surroundings;
use crate::training_run::{configuration_by_recipe, open_run, show_progress};
use inputs::PretrainFile;
use looks::Looks;

/// Recipes by name; the first holds unless a file names another.
pub(crate) const RECIPES: &[(&str, &str)] = &[
    ("own", ""),
    ("mwm", include_str!("recipes/mwm.toml")),
    ("mwm-paper", include_str!("recipes/mwm-paper.toml")),
    ("spark", include_str!("recipes/spark.toml")),
    ("mae", include_str!("recipes/mae.toml")),
];

/// Trains, with looks at what the network makes of a few images in `reconstructions/`.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let Some(config) = configuration_by_recipe::<PretrainFile>(arguments, &[], RECIPES)? else {
        return Ok(());
    };
    Surroundings::with(&arguments.device, |surroundings| {
        train(arguments, &config, surroundings)
    })
}

fn train(
    arguments: &RunArguments,
    config: &PretrainFile,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let processes = &surroundings.processes;
    let is_shared = processes.share(config.method.batch.max(1));
    is_shared.map_err(TrainError::from)?;
    let seed = Seed(config.seed);
    let volumes = config.data.all_volumes()?;
    let images = (config.data).images(&volumes, &config.method, &config.preprocessing)?;
    let steps_an_epoch = images.len().div_ceil(config.method.batch.max(1)) as u64;
    let config = &config.in_steps(steps_an_epoch, arguments.steps);
    tracing::info!("{} images, {} steps", images.len(), config.training.steps);
    let looks = Looks::choose(&images)?;
    let mut task = PretrainTask::new(config.method.clone(), images, seed, surroundings.device)?;
    let weights = Weights::named(&config.weights)?;
    if let Some(tensors) = weights.load(&task.encoder_weights())? {
        tracing::info!("{tensors} tensors of the encoder from {}", config.weights);
    }
    let inputs = config.data.inputs(&volumes);
    let training = &config.training;
    let mut run = open_run(
        arguments,
        processes,
        "pretrain",
        config,
        config.seed,
        inputs,
    )?;
    show_progress(&mut run, processes, training, task.data_wait());
    let reconstructions = run.path().join("reconstructions");
    if processes.is_main() {
        let times = EpochTimes::new(run.path(), steps_an_epoch, task.data_wait());
        run.add_sink(times);
        if let Some(intensities) = task.intensities() {
            run.write_json(Intensities::FILE, intensities)?;
        }
        if config.look_every > 0 {
            let viewer = looks.viewer(&reconstructions);
            task = task.viewed(config.look_every, looks.images.clone(), viewer);
        }
    }
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    if processes.is_main() {
        let images = looks.images.iter();
        let views = images.map(|index| task.reconstruct(*index, training.steps, seed));
        looks.write(&reconstructions, &views.collect::<Result<Vec<_>, _>>()?)?;
        tracing::info!("{summary}");
    }
    Ok(())
}
