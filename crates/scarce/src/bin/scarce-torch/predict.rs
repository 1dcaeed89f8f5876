//! `predict`: a trained network on a volume, on cases of its data set, or on images.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::arguments::PredictArguments;
use scarce_cli::artefacts::{PredictionRecord, stem};
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_image::{LabelMap, Volume};
use scarce_train::{Checkpoint, RunManifest};
use tch::Device;

use crate::device::set_up;
use crate::finetune;
use crate::semi::inputs::{CaseFiles, SemiFile};
use crate::semi::segmenter::Segmenter;

/// Writes the label map and the probability of the foreground with each input's geometry.
pub fn run(arguments: &PredictArguments) -> anyhow::Result<()> {
    let device = set_up(&arguments.device)?;
    let run = run_folder(&arguments.checkpoint)?;
    if kind(&run)? == finetune::KIND {
        let Some(input) = &arguments.input else {
            let message = "--part and --ids are for runs of `semi`: name an --input";
            return Err(UsageError(message.to_owned()).into());
        };
        return finetune::predict::run(arguments, &run, input, device);
    }
    let resolved = run.join("config.resolved.toml");
    let mut config: SemiFile = scarce_train::config::load(Some(&resolved), &arguments.overrides)?;
    config.inference.largest_component |= arguments.largest_component;
    let network = Network::load(arguments, &run, &config, device)?;
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    if let Some(input) = &arguments.input {
        let native = scarce_io::read_volume(input)?;
        let record = network.write(input, &native, None, &stem(input))?;
        return json_output::write(&out.join("prediction.json"), &record);
    }
    let cases = asked_for(arguments, &config)?;
    let references = out.join("references");
    let mut records = Vec::new();
    for case in &cases {
        let (native, labels) = case.read()?;
        tracing::info!("case {}", case.id);
        let written = network.write(&case.image, &native, labels.as_ref(), &case.id);
        records.push(written.with_context(|| format!("case {}", case.id))?);
        if let Some(labels) = labels {
            fs::create_dir_all(&references)
                .with_context(|| format!("cannot create {}", references.display()))?;
            let classes = labels.map(|value| u16::from(config.data.class(*value)));
            let path = references.join(format!("{}.nii.gz", case.id));
            scarce_io::write_label_map(&path, &classes)?;
        }
    }
    json_output::write(&out.join("predictions.json"), &records)
}

/// The cases of `--part` or `--ids`.
fn asked_for(arguments: &PredictArguments, config: &SemiFile) -> anyhow::Result<Vec<CaseFiles>> {
    if let Some(list) = &arguments.ids {
        let Some(set) = &config.data.set else {
            let message = "--ids: the run was trained on no data set (data.set)";
            return Err(UsageError(message.to_owned()).into());
        };
        return set.named(&scarce_io::ids_in(list)?);
    }
    let cases = config.data.cases()?;
    let part = arguments.part.as_deref().unwrap_or_default();
    let found = match part {
        "labelled" => cases.labelled,
        "unlabelled" => cases.unlabelled,
        _ => cases.validation,
    };
    if found.is_empty() {
        let message = format!("--part {part}: the run has no case there");
        return Err(UsageError(message).into());
    }
    Ok(found)
}

/// The network that was asked for, and where its work goes.
struct Network<'a> {
    segmenter: Segmenter,
    name: String,
    steps: u64,
    arguments: &'a PredictArguments,
}

impl<'a> Network<'a> {
    fn load(
        arguments: &'a PredictArguments,
        run: &Path,
        config: &SemiFile,
        device: Device,
    ) -> anyhow::Result<Self> {
        let checkpoint = if arguments.checkpoint == run {
            run.join("checkpoints")
        } else {
            arguments.checkpoint.clone()
        };
        let saved = Checkpoint::load(&checkpoint)?;
        let (branches, name) = (&config.method.branches, arguments.network.as_deref());
        if let Some(name) = name.filter(|name| !branches.names().contains(name)) {
            let known = branches.names().join(", ");
            let message = format!("--network {name}: the run has {known}");
            return Err(UsageError(message).into());
        }
        Ok(Self {
            segmenter: Segmenter::load(config, &saved, name, device)?,
            name: name.unwrap_or_else(|| branches.predicts()).to_owned(),
            steps: saved.state.step,
            arguments,
        })
    }

    /// Segments a volume and writes what was found.
    fn write(
        &self,
        input: &Path,
        native: &Volume<f32>,
        labels: Option<&LabelMap>,
        name: &str,
    ) -> anyhow::Result<PredictionRecord> {
        let grid = native.grid();
        let part = self.segmenter.part(&grid, labels)?;
        let prepared = self.segmenter.prepare(native, part)?;
        let found = self.segmenter.segment(&prepared, &grid)?;
        let out = &self.arguments.out;
        let prediction = out.join(format!("{name}.nii.gz"));
        scarce_io::write_label_map(&prediction, &found.labels)?;
        let probability = out.join(format!("{name}.probability.nii.gz"));
        scarce_io::write_volume(&probability, &found.foreground)?;
        Ok(PredictionRecord {
            input: input.to_owned(),
            prediction,
            checkpoint: self.arguments.checkpoint.clone(),
            steps: self.steps,
            network: self.name.clone(),
            voxels: found.voxels(),
        })
    }
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
