//! `train-localizer`: scarce-open, from label maps and wordings to one ONNX file.

mod augment;
mod card;
mod concepts;
mod config;
mod evaluate;
mod export;
mod network;
mod source;
mod task;
mod volumes;
mod wordings;

use std::collections::BTreeMap;
use std::path::Path;

use scarce_cli::arguments::RunArguments;
use scarce_cli::json_output;
use scarce_image::{Seed, StreamKey};
use scarce_train::loader::{Loader, Remainder, Sampler};
use scarce_train::{Checkpoint, load_variables, named_variables, tensor_from_array};
use scarce_vlm::onnx::SessionOptions;
use scarce_vlm::scarce_open::OpenNetwork;
use tch::nn::VarStore;

use crate::surroundings::{Surroundings, refuse_several_processes};
use crate::training_run::{configuration, open_run, show_progress};
use concepts::Concepts;
use config::LocalizerFile;
use network::Network;
use source::Slices;
use task::LocalizerTask;
use wordings::Wordings;

/// Trains, exports and tests.
pub fn run(arguments: &RunArguments) -> anyhow::Result<()> {
    let Some(config) = configuration::<LocalizerFile>(arguments)? else {
        return Ok(());
    };
    refuse_several_processes("train-localizer", "it is small")?;
    Surroundings::with(&arguments.device, |surroundings| {
        train(arguments, &config, surroundings)
    })
}

fn train(
    arguments: &RunArguments,
    config: &LocalizerFile,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let seed = Seed(config.seed);
    let concepts = Concepts::built_in()?;
    let wordings = Wordings::new(&concepts);
    let mut subjects = Vec::new();
    for volume in &config.volume {
        subjects.extend(volumes::read(&config.data, volume, &concepts)?);
        tracing::info!("{} is read", volume.id);
    }
    tracing::info!("{} prompts are encoded", wordings.texts().len());
    let vectors = tensor_from_array(&wordings.vectors(&config.text_encoder)?);
    let weights = concepts.all().iter().map(|c| c.weight).collect();
    let slices = Slices::new(
        subjects,
        wordings,
        weights,
        config.batch.clone(),
        config.augmentation.clone(),
    );
    let sampler = Sampler::shuffled(
        scarce_train::loader::Source::len(&slices),
        config.batch.size,
        Remainder::CarryOver,
    )?;
    let loader = Loader::new(slices, sampler, seed, config.loader)?.until(config.training.steps);
    tch::manual_seed(seed.derive(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "initialise the localizer",
    }));
    let device = surroundings.device;
    let store = VarStore::new(device);
    let network = Network::new(&store.root(), &config.network);
    let mut task = LocalizerTask {
        network,
        loader,
        vectors: vectors.to_device(device),
        text_noise: config.batch.text_noise,
        device,
        store,
    };
    let training = &config.training;
    let processes = &surroundings.processes;
    let images = config.volume.iter().map(|v| v.image.display().to_string());
    let inputs = BTreeMap::from([("image".to_owned(), images.collect())]);
    let mut run = open_run(
        arguments,
        processes,
        "train-localizer",
        config,
        config.seed,
        inputs,
    )?;
    show_progress(&mut run, processes, training, task.loader.data_wait());
    let summary = surroundings.train(&mut task, training, &mut run, seed)?;
    tracing::info!("{summary}");
    if config.training.ema.is_some() {
        let saved = Checkpoint::load(&run.path().join("checkpoints"))?;
        load_variables(&named_variables(&task.store), saved.group("ema")?, "")?;
    }
    finish(config, &task.network, run.path())
}

/// Exports what was trained, and tests what was exported.
fn finish(config: &LocalizerFile, network: &Network, out: &Path) -> anyhow::Result<()> {
    let bytes = export::graph(network, &[("seed", config.seed.to_string())])?;
    let mut onnx = OpenNetwork::from_bytes("model.onnx", &bytes, &SessionOptions::default())?;
    export::check_parity(network, &mut onnx)?;
    scarce_io::write_atomic(&out.join("model.onnx"), |file| file.write_all(&bytes))?;
    let evaluation = evaluate::evaluate(config, &bytes)?;
    json_output::write(&out.join("evaluation.json"), &evaluation)?;
    let card = card::card(config, &bytes, &evaluation)?;
    scarce_io::write_atomic(&out.join("card.md"), |file| file.write_all(card.as_bytes()))?;
    tracing::info!(
        "mean Dice {:.3} with known prompts, {:.3} with reworded ones; {:.1} % of nonsense refused",
        evaluation.mean_dice(true),
        evaluation.mean_dice(false),
        100.0 * evaluation.nonsense_refused()
    );
    Ok(())
}
