//! `predict`: a trained network on a volume or on images.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::{Array3, Axis};
use scarce_cli::arguments::PredictArguments;
use scarce_cli::artefacts::{PredictionRecord, stem};
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_corn::TrainedNetwork;
use scarce_corn::inference::sliding_window;
use scarce_image::{Connectivity, LabelMap, Mask, Volume, largest_component, resample_linear};
use scarce_train::{Checkpoint, RunManifest};

use crate::device::set_up;
use crate::finetune;
use crate::semi::inputs::SemiFile;

/// Share of a window's side that the next one overlaps.
const OVERLAP: f64 = 0.5;

/// Writes the label map and the probability of the foreground with the input's geometry.
pub fn run(arguments: &PredictArguments) -> anyhow::Result<()> {
    let device = set_up(&arguments.device)?;
    let run = run_folder(&arguments.checkpoint)?;
    if kind(&run)? == finetune::KIND {
        return finetune::predict::run(arguments, &run, device);
    }
    let config: SemiFile =
        scarce_train::config::load(Some(&run.join("config.resolved.toml")), &[])?;
    let checkpoint = if arguments.checkpoint == run {
        run.join("checkpoints")
    } else {
        arguments.checkpoint.clone()
    };
    let saved = Checkpoint::load(&checkpoint)?;
    let name = arguments.network.as_deref();
    let known = name.is_none_or(|name| config.method.branches.names().contains(&name));
    if !known {
        let message = format!(
            "--network {}: the run has {}",
            name.unwrap_or_default(),
            config.method.branches.names().join(", ")
        );
        return Err(UsageError(message).into());
    }
    let trained = TrainedNetwork::load(&config.method, name, saved.group("weights")?, device)?;

    let native = scarce_io::read_volume(&arguments.input)?;
    let prepared = config.preprocessing.prepare(&native)?;
    let patch = config.method.patch_zyx;
    let probabilities = sliding_window(
        &trained.network,
        prepared.voxels().view(),
        patch,
        OVERLAP,
        device,
    )?;

    let mut best = Array3::<f32>::zeros(native.voxels().raw_dim());
    let mut labels = Array3::<u16>::zeros(native.voxels().raw_dim());
    let mut foreground = Array3::<f32>::zeros(native.voxels().raw_dim());
    for (class, probability) in probabilities.axis_iter(Axis(0)).enumerate() {
        let probability = Volume::new(probability.to_owned(), *prepared.geometry());
        // Beyond the prepared grid there is background.
        let outside = if class == 0 { 1.0 } else { 0.0 };
        let on_native = resample_linear(&probability, &native.grid(), outside);
        ndarray::Zip::from(&mut best)
            .and(&mut labels)
            .and(on_native.voxels())
            .for_each(|best, label, p| {
                if *p > *best {
                    (*best, *label) = (*p, class as u16);
                }
            });
        if class > 0 {
            foreground += on_native.voxels();
        }
    }
    let classes = probabilities.len_of(Axis(0));
    if arguments.largest_component {
        for class in 1..classes as u16 {
            let mask = Mask::new(labels.map(|label| *label == class), *native.geometry());
            let kept = largest_component(&mask, Connectivity::Corners26);
            ndarray::Zip::from(&mut labels)
                .and(mask.voxels())
                .and(kept.voxels())
                .for_each(|label, was, stays| {
                    if *was && !*stays {
                        *label = 0;
                    }
                });
        }
    }
    let voxels = (0..classes as u16)
        .map(|c| labels.iter().filter(|l| **l == c).count())
        .collect();

    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let stem = stem(&arguments.input);
    let prediction = out.join(format!("{stem}.nii.gz"));
    scarce_io::write_label_map(&prediction, &LabelMap::new(labels, *native.geometry()))?;
    let probability = Volume::new(foreground, *native.geometry());
    scarce_io::write_volume(
        &out.join(format!("{stem}.probability.nii.gz")),
        &probability,
    )?;
    let record = PredictionRecord {
        input: arguments.input.clone(),
        prediction,
        checkpoint: arguments.checkpoint.clone(),
        steps: saved.state.step,
        network: name
            .unwrap_or_else(|| config.method.branches.predicts())
            .to_owned(),
        voxels,
    };
    json_output::write(&out.join("prediction.json"), &record)
}

/// What a run's manifest says it is.
fn kind(run: &Path) -> anyhow::Result<String> {
    let path = run.join("manifest.json");
    let at = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(&path).with_context(at)?;
    let manifest: RunManifest = serde_json::from_str(&text).with_context(at)?;
    Ok(manifest.kind)
}

/// The run folder that a path lies in: itself, or one above a checkpoint.
fn run_folder(path: &Path) -> anyhow::Result<PathBuf> {
    path.ancestors()
        .take(3)
        .find(|folder| folder.join("config.resolved.toml").is_file())
        .map(Path::to_owned)
        .ok_or_else(|| {
            let message = format!("no config.resolved.toml in or above it: {}", path.display());
            UsageError(message).into()
        })
}
