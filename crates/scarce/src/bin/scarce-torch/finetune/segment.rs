//! `finetune --task segment`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use ndarray::{Array2, ArrayView3, Axis};
use scarce_cli::arguments::RunArguments;
use scarce_image::{Geometry, LabelMap, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{Measured, Metric, SegmentationOptions, Unit, evaluate_labels};
use scarce_mim::finetune::look::Frame;
use scarce_mim::finetune::segment::SegmentTask;
use scarce_train::{RunFolder, Task as _};

use super::config::SegmentFile;
use super::course::{Course, Told};
use super::data::{OutlinedCase, Parts, Shown};
use super::report::{self, TEST_FOLDER};
use crate::figures::{by_name, interval};
use crate::surroundings::Surroundings;

/// Figures of each case.
const FIGURES: [&str; 2] = ["dice", "hd95"];

/// How a configuration shows images.
pub fn shown(config: &SegmentFile) -> Shown {
    Shown {
        channels: config.method.encoder.in_channels,
        input_yx: config.method.input_yx,
        fit: config.method.fit,
    }
}

/// Trains by the configuration, and reports on the test part.
pub fn train(
    arguments: &RunArguments,
    config: &SegmentFile,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    config.method.check()?;
    let method = &config.method;
    let course = Course::begin(
        surroundings,
        &config.training,
        method.batch,
        &method.weights,
    )?;
    let data = config.data.read(shown(config))?;
    let split = Parts {
        train: data.train.iter().map(|i| i.id.clone()).collect(),
        validation: data.validation.iter().map(|i| i.id.clone()).collect(),
        test: data.test.iter().map(|case| case.image.id.clone()).collect(),
    };
    let intensities = course.intensities(
        &split,
        method.intensities.as_ref(),
        method.encoder.in_channels,
        data.train.iter().map(|image| &image.pixels),
    )?;
    let seed = Seed(config.seed);
    let mut task = SegmentTask::new(
        method.clone(),
        config.data.classes.len() + 1,
        (data.train, data.validation),
        intensities.clone(),
        seed,
        surroundings.device,
    )?;
    let encoder = task.network().encoder_variables();
    let wait = task.data_wait();
    let told = Told {
        arguments,
        config,
        seed,
        inputs: config.data.inputs(),
        intensities: &intensities,
        classes: &config.data.classes,
        split: &split,
    };
    match course.train(&mut task, &encoder, wait, told)? {
        Some(run) if !data.test.is_empty() => report_on(&task, config, &data.test, &run),
        _ => Ok(()),
    }
}

/// Writes `test/predictions/`, `test/references/` and `test/evaluation.json`.
fn report_on(
    task: &SegmentTask,
    config: &SegmentFile,
    test: &[OutlinedCase],
    run: &RunFolder,
) -> anyhow::Result<()> {
    let checkpoint = report::chosen(run.path(), &config.training)?;
    report::fill(&task.weights(), &checkpoint, &config.training)?;
    let folder = run.path().join(TEST_FOLDER);
    let folders = ["predictions", "references"].map(|name| folder.join(name));
    for folder in &folders {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    // Pixels tell no millimetres.
    let options = SegmentationOptions::default().with_unit(Unit::Voxel);
    let metrics: Vec<Metric> = FIGURES
        .iter()
        .map(|name| Metric::named(name, &options))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let labels: Vec<u16> = (1..=config.data.classes.len() as u16).collect();
    let is_single = labels.len() == 1;
    let mut cases: Vec<(String, BTreeMap<String, Measured>)> = Vec::new();
    for batch in test.chunks(config.method.batch) {
        let canvases: Vec<_> = batch
            .iter()
            .map(|case| (case.image.id.as_str(), &case.image.pixels))
            .collect();
        let shares = task.network().predict(&canvases)?;
        for (case, shares) in batch.iter().zip(shares.outer_iter()) {
            let id = &case.image.id;
            let predicted = labels_of(shares, &case.frame);
            write_labels(&folders[0].join(format!("{id}.png")), &predicted)?;
            let truth = case.truth.map(|label| u16::from(*label));
            write_labels(&folders[1].join(format!("{id}.png")), &truth)?;
            let (predicted, truth) = (volume(predicted)?, volume(truth)?);
            let scored = evaluate_labels(&predicted, &truth, &labels, &options, &metrics)
                .with_context(|| format!("case {id}"))?;
            cases.push((id.clone(), by_name(scored, is_single)));
        }
    }
    let report = EvaluationReport::from_cases(cases, &options, Seed(config.seed));
    scarce_cli::json_output::write(&folder.join("evaluation.json"), &report)?;
    for (name, summary) in &report.mean {
        tracing::info!(
            "test {name}: {} (n {}, undefined {}, after {} steps)",
            interval(summary),
            summary.n,
            summary.n_undefined,
            checkpoint.state.step
        );
    }
    Ok(())
}

/// The likeliest class of each of the image's pixels, by probabilities `(class, y, x)` over the input.
pub fn labels_of(shares: ArrayView3<'_, f32>, frame: &Frame) -> Array2<u16> {
    let [height, width] = frame.image_yx();
    let mut best = Array2::from_elem((height, width), f32::NEG_INFINITY);
    let mut labels = Array2::zeros((height, width));
    for (class, plane) in shares.axis_iter(Axis(0)).enumerate() {
        let on_image = frame.to_image(plane);
        ndarray::Zip::from(&mut best)
            .and(&mut labels)
            .and(&on_image)
            .for_each(|best, label, share| {
                if *share > *best {
                    (*best, *label) = (*share, class as u16);
                }
            });
    }
    labels
}

/// Writes labels `(y, x)` as a grey PNG.
pub fn write_labels(path: &Path, labels: &Array2<u16>) -> anyhow::Result<()> {
    Ok(scarce_io::write_png_grey16(path, labels.view())?)
}

fn volume(labels: Array2<u16>) -> anyhow::Result<LabelMap> {
    let geometry = Geometry::from_spacing_mm_xyz([1.0; 3])?;
    Ok(LabelMap::new(labels.insert_axis(Axis(0)), geometry))
}
