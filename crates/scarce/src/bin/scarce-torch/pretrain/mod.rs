//! `pretrain`: masked image modelling on slices.

mod inputs;

use std::fs;

use anyhow::Context as _;
use ndarray::Array2;
use scarce_cli::arguments::RunArguments;
use scarce_image::Seed;
use scarce_mim::PretrainTask;
use scarce_report::Picture;
use scarce_report::radiological;
use scarce_train::{RunFolder, TrainError};

use crate::surroundings::Surroundings;
use crate::training_run::{configuration, open_run, show_progress};
use inputs::PretrainFile;

/// Reconstructions shown of a run.
const SHOWN: usize = 4;

/// Trains, then pictures what the network makes of a few slices in `reconstructions/`.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let Some(config) = configuration::<PretrainFile>(arguments)? else {
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
    let slices = config.data.slices(&config.preprocessing)?;
    // Shown where the region is largest: there is most to see.
    let mut by_region: Vec<usize> = (0..slices.len()).collect();
    by_region.sort_by_key(|i| std::cmp::Reverse(slices[*i].region.iter().filter(|v| **v).count()));
    let (method, device) = (config.method.clone(), surroundings.device);
    let mut task = PretrainTask::new(method, slices, seed, device)?;
    let inputs = config.data.inputs();
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
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    if processes.is_main() {
        picture(&task, config, &by_region, &run)?;
        tracing::info!("{summary}");
    }
    Ok(())
}

/// What the network makes of the first few slices of `order`.
fn picture(
    task: &PretrainTask,
    config: &PretrainFile,
    order: &[usize],
    run: &RunFolder,
) -> anyhow::Result<()> {
    let seed = Seed(config.seed);
    let folder = run.path().join("reconstructions");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Neighbouring slices look alike; every fourth does not.
    for (k, index) in order.iter().step_by(4).take(SHOWN).enumerate() {
        let view = task.reconstruct(*index, config.training.steps, seed)?;
        let region = radiological(view.region.view());
        let drawn =
            |pixels: &Array2<f32>| Picture::grey(radiological(pixels.view()).view()).upscaled(2);
        let outlined =
            |pixels: &Array2<f32>| drawn(pixels).with_mask_outline(region.view(), Picture::REGION);
        let hidden = radiological(view.hidden.view());
        let strip = Picture::row(&[
            outlined(&view.input),
            drawn(&view.input).with_hidden_cells(hidden.view()),
            outlined(&view.output),
        ]);
        let png = strip.to_png()?;
        scarce_io::write_atomic(&folder.join(format!("{k:02}.png")), |file| {
            file.write_all(&png)
        })?;
    }
    Ok(())
}
