//! `finetune --task detect`.

mod overlay;
mod report;

use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_cli::arguments::RunArguments;
use scarce_detect::finetune::{DetectTask, Detector, Truth, dataset, detections};
use scarce_image::Seed;
use scarce_mim::finetune::look::Frame;
use scarce_train::{RunFolder, Task as _};

use super::config::DetectFile;
use super::course::{Course, Told};
use super::data::{InstanceCase, Instances, Shown};
use super::report::TEST_FOLDER;
use crate::surroundings::Surroundings;

/// How many images are drawn with what was found on them.
const OVERLAYS: usize = 32;

/// How a configuration shows images.
pub fn shown(config: &DetectFile) -> Shown {
    Shown {
        channels: config.method.network.encoder.in_channels,
        input_yx: config.method.input_yx,
        fit: config.method.fit,
    }
}

/// Trains by the configuration, and reports on the test part.
pub fn train(
    arguments: &RunArguments,
    config: &DetectFile,
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
    let boxes_will_do = !method.network.regions.masks;
    let data = config.data.instances(shown(config), boxes_will_do)?;
    let split = data.map(|case| case.image.id.clone());
    let intensities = course.intensities(
        &split,
        method.intensities.as_ref(),
        method.network.encoder.in_channels,
        data.train.iter().map(|case| &case.image.pixels),
    )?;
    let Instances {
        train,
        validation,
        test,
    } = data;
    let images = |cases: Vec<InstanceCase>| cases.into_iter().map(|case| case.image).collect();
    let seed = Seed(config.seed);
    let mut task = DetectTask::new(
        method.clone(),
        (images(train), images(validation)),
        intensities.clone(),
        seed,
        surroundings.device,
    )?;
    let encoder = task.detector().encoder_variables();
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
        Some(run) if !test.is_empty() => report_on(&task, config, &test, &run),
        _ => Ok(()),
    }
}

/// Writes `annotations.json`, `detections.json`, what they score as boxes, as masks and in free response, and `overlays/`
/// into `test/`.
fn report_on(
    task: &DetectTask,
    config: &DetectFile,
    test: &[InstanceCase],
    run: &RunFolder,
) -> anyhow::Result<()> {
    let checkpoint = super::report::chosen(run.path(), &config.training)?;
    super::report::fill(&task.weights(), &checkpoint, &config.training)?;
    let folder = run.path().join(TEST_FOLDER);
    let shown: Vec<(&Array3<f32>, Frame)> = test
        .iter()
        .map(|case| (&case.image.pixels, case.frame))
        .collect();
    let found = task.detector().find(&shown)?;
    let names: Vec<String> = test.iter().map(|case| file_name(&case.path)).collect();
    let truth: Vec<Truth<'_>> = test
        .iter()
        .zip(&names)
        .map(|(case, file_name)| Truth {
            file_name,
            size_yx: case.frame.image_yx(),
            objects: case
                .objects
                .iter()
                .map(|(class, mask)| (*class, mask.view()))
                .collect(),
        })
        .collect();
    let truth = dataset(&truth, &config.data.classes)?;
    let detected = detections(&found)?;
    report::write_records(&folder, &truth, &detected)?;
    report::score(&folder, config, &truth, &detected)?;
    let overlays = folder.join("overlays");
    for (case, found) in test.iter().zip(&found).take(OVERLAYS) {
        let known: Vec<_> = case.objects.iter().map(|(_, mask)| mask).collect();
        overlay::draw(&overlays, &case.path, &known, found)?;
    }
    tracing::info!("after {} steps", checkpoint.state.step);
    Ok(())
}

/// What is found on image files, written as COCO's `detections.json` beside an `annotations.json` of the images alone, and drawn on
/// each in `overlays/`.
pub fn predict(
    detector: &Detector,
    shown: Shown,
    classes: &[String],
    images: &[PathBuf],
    out: &Path,
) -> anyhow::Result<()> {
    let overlays = out.join("overlays");
    let mut all = Vec::new();
    let mut listed = Vec::new();
    for path in images {
        let (canvas, frame) = shown.read(path)?;
        let found = detector.find(&[(&canvas, frame)])?.concat();
        overlay::draw(&overlays, path, &[], &found)?;
        listed.push((file_name(path), frame.image_yx()));
        all.push(found);
    }
    let listed: Vec<Truth<'_>> = listed
        .iter()
        .map(|(file_name, size_yx)| Truth {
            file_name,
            size_yx: *size_yx,
            objects: Vec::new(),
        })
        .collect();
    report::write_records(out, &dataset(&listed, classes)?, &detections(&all)?)
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
