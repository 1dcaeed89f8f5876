//! `predict` with a fine-tuned network.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::Axis;
use scarce_cli::arguments::PredictArguments;
use scarce_detect::finetune::Detector;
use scarce_image::Seed;
use scarce_mim::Intensities;
use scarce_mim::finetune::LabelledImage;
use scarce_mim::finetune::classify::{Classifier, Mode};
use scarce_mim::finetune::segment::Segmenter;
use scarce_train::config::load;
use scarce_train::{LoopConfig, named_variables};
use tch::Device;
use tch::nn::VarStore;

use super::config::{ClassifyFile, DetectFile, SegmentFile, TaskKind, task_of_run};
use super::data::{files_in, stem};
use super::report::{self, CLASSES_FILE, Classes};
use super::{classify, detect, segment};

/// Classes as `predictions.csv`, label maps `<name>.png` at each image's own size, or objects as COCO's records and drawn in
/// `overlays/`, for an image or a folder of them.
pub fn run(
    arguments: &PredictArguments,
    run: &Path,
    input: &Path,
    device: Device,
) -> anyhow::Result<()> {
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    let images = if input.is_dir() {
        files_in(input, false)?
    } else {
        vec![input.to_owned()]
    };
    match task_of_run(run)? {
        Some(TaskKind::Classify) => classify(arguments, run, &images, device),
        Some(TaskKind::Segment) => segment(arguments, run, &images, device),
        Some(TaskKind::Detect) => detect(arguments, run, &images, device),
        None => anyhow::bail!("its configuration names no task: {}", run.display()),
    }
}

fn classify(
    arguments: &PredictArguments,
    run: &Path,
    images: &[PathBuf],
    device: Device,
) -> anyhow::Result<()> {
    let config: ClassifyFile = load(Some(&run.join("config.resolved.toml")), &[])?;
    anyhow::ensure!(
        !matches!(config.method.mode, Mode::Nearest { .. }),
        "a run by nearest neighbours keeps no training images to compare others with: {}",
        run.display()
    );
    let classes = classes(run)?;
    let shown_by = what_it_was_shown(run)?;
    let seed = Seed(config.seed);
    let network = Classifier::new(&config.method, classes.len(), shown_by, seed, device)?;
    fill(&network.store, run, &config.training)?;
    let shown = classify::shown(&config);
    let mut labelled = Vec::new();
    for path in images {
        labelled.push(LabelledImage {
            id: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            pixels: shown.read(path)?.0,
            class: 0,
        });
    }
    let probabilities = network.probabilities(&labelled)?;
    let ids: Vec<&str> = labelled.iter().map(|image| image.id.as_str()).collect();
    let path = arguments.out.join("predictions.csv");
    classify::write_predictions(&path, &ids, &classes, &probabilities)
}

fn segment(
    arguments: &PredictArguments,
    run: &Path,
    images: &[PathBuf],
    device: Device,
) -> anyhow::Result<()> {
    let config: SegmentFile = load(Some(&run.join("config.resolved.toml")), &[])?;
    let classes = classes(run)?.len() + 1;
    let shown_by = what_it_was_shown(run)?;
    let network = Segmenter::new(&config.method, classes, shown_by, Seed(config.seed), device)?;
    fill(&network.store, run, &config.training)?;
    let shown = segment::shown(&config);
    for path in images {
        let name = stem(path);
        let (canvas, frame) = shown.read(path)?;
        let shares = network.predict(&[(&name, &canvas)])?;
        let labels = segment::labels_of(shares.index_axis(Axis(0), 0), &frame);
        segment::write_labels(&arguments.out.join(format!("{name}.png")), &labels)?;
    }
    Ok(())
}

fn detect(
    arguments: &PredictArguments,
    run: &Path,
    images: &[PathBuf],
    device: Device,
) -> anyhow::Result<()> {
    let (config, detector) = detector_of(run, device)?;
    let shown = detect::shown(&config);
    detect::predict(&detector, shown, &classes(run)?, images, &arguments.out)
}

/// The trained detector of a run, and how it was trained.
pub fn detector_of(run: &Path, device: Device) -> anyhow::Result<(DetectFile, Detector)> {
    let config: DetectFile = load(Some(&run.join("config.resolved.toml")), &[])?;
    let shown_by = what_it_was_shown(run)?;
    let detector = Detector::new(&config.method, shown_by, Seed(config.seed), device)?;
    fill(&detector.store, run, &config.training)?;
    Ok((config, detector))
}

/// Fills a network with the weights that its run is judged by.
fn fill(store: &VarStore, run: &Path, training: &LoopConfig) -> anyhow::Result<()> {
    let checkpoint = report::chosen(run, training)?;
    report::fill(&named_variables(store), &checkpoint, training)
}

fn classes(run: &Path) -> anyhow::Result<Vec<String>> {
    let path = run.join(CLASSES_FILE);
    let at = || format!("cannot read {}", path.display());
    let text = fs::read_to_string(&path).with_context(at)?;
    let listed: Classes = serde_json::from_str(&text).with_context(at)?;
    Ok(listed.classes)
}

fn what_it_was_shown(run: &Path) -> anyhow::Result<Intensities> {
    Intensities::of_run(run)?.with_context(|| {
        format!(
            "no {} in the run folder: {}",
            Intensities::FILE,
            run.display()
        )
    })
}
