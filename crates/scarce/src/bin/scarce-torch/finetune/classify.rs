//! `finetune --task classify`.

use std::path::Path;

use anyhow::Context as _;
use ndarray::Array2;
use scarce_cli::arguments::RunArguments;
use scarce_image::Seed;
use scarce_metrics::classification::{
    ClassificationRecord, ClassificationTable, ScoreKind, evaluate_classification,
};
use scarce_mim::finetune::LabelledImage;
use scarce_mim::finetune::classify::ClassifyTask;
use scarce_train::{RunFolder, Task as _};

use super::config::ClassifyFile;
use super::course::{Course, Told};
use super::data::Shown;
use super::report::{self, TEST_FOLDER};
use crate::figures::interval;
use crate::surroundings::Surroundings;

/// How a configuration shows images.
pub fn shown(config: &ClassifyFile) -> Shown {
    Shown {
        channels: config.method.encoder.in_channels,
        input_yx: config.method.input_yx,
        fit: config.method.fit,
    }
}

/// Trains by the configuration, and reports on the test part.
pub fn train(
    arguments: &RunArguments,
    config: &ClassifyFile,
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
    let split = data.parts.map(|image| image.id.clone());
    tracing::info!("{} classes", data.classes.len());
    let intensities = course.intensities(
        &split,
        method.intensities.as_ref(),
        method.encoder.in_channels,
        data.parts.train.iter().map(|image| &image.pixels),
    )?;
    let seed = Seed(config.seed);
    let (test, classes) = (data.parts.test, data.classes);
    let mut task = ClassifyTask::new(
        method.clone(),
        classes.len(),
        (data.parts.train, data.parts.validation),
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
        classes: &classes,
        split: &split,
    };
    match course.train(&mut task, &encoder, wait, told)? {
        Some(run) if !test.is_empty() => report_on(&task, config, (&test, &classes), &run),
        _ => Ok(()),
    }
}

/// Writes `test/predictions.csv`, `test/references.csv` and `test/evaluation.json`.
fn report_on(
    task: &ClassifyTask,
    config: &ClassifyFile,
    (test, classes): (&[LabelledImage], &[String]),
    run: &RunFolder,
) -> anyhow::Result<()> {
    let checkpoint = report::chosen(run.path(), &config.training)?;
    report::fill(&task.weights(), &checkpoint, &config.training)?;
    let probabilities = task.predict(test)?;
    let records: Vec<ClassificationRecord> = test
        .iter()
        .zip(probabilities.rows())
        .map(|(image, row)| ClassificationRecord {
            id: image.id.clone(),
            reference: classes[image.class].clone(),
            predicted: None,
            scores: Some(row.to_vec()),
        })
        .collect();
    let table = ClassificationTable::new(classes.to_vec(), records, ScoreKind::Probabilities)?;
    let evaluation = evaluate_classification(&table, Seed(config.seed));
    let folder = run.path().join(TEST_FOLDER);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let ids: Vec<&str> = test.iter().map(|image| image.id.as_str()).collect();
    write_predictions(
        &folder.join("predictions.csv"),
        &ids,
        classes,
        &probabilities,
    )?;
    let truth = test.iter().map(|image| classes[image.class].as_str());
    write_references(&folder.join("references.csv"), &ids, truth)?;
    scarce_cli::json_output::write(&folder.join("evaluation.json"), &evaluation)?;
    for name in [
        "accuracy",
        "roc_auc_macro",
        "roc_auc",
        "average_precision_macro",
        "f1_macro",
    ] {
        if let Some(figure) = evaluation.figures.get(name) {
            let summary = &figure.summary;
            tracing::info!(
                "test {name}: {} (n {}, after {} steps)",
                interval(summary),
                summary.n,
                checkpoint.state.step
            );
        }
    }
    Ok(())
}

/// A CSV with `id`, `class` and each class's probability, as `evaluate --task classify` reads it.
pub fn write_predictions(
    path: &Path,
    ids: &[&str],
    classes: &[String],
    probabilities: &Array2<f64>,
) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = ["id", "class"]
        .into_iter()
        .chain(classes.iter().map(String::as_str));
    writer.write_record(header)?;
    for (id, row) in ids.iter().zip(probabilities.rows()) {
        let surest = (0..classes.len())
            .rev()
            .max_by(|a, b| row[*a].total_cmp(&row[*b]));
        let surest = surest.map_or("", |class| classes[class].as_str());
        let words = [(*id).to_owned(), surest.to_owned()].into_iter();
        writer.write_record(words.chain(row.iter().map(ToString::to_string)))?;
    }
    let text = writer.into_inner()?;
    Ok(scarce_io::write_atomic(path, |file| file.write_all(&text))?)
}

fn write_references<'a>(
    path: &Path,
    ids: &[&str],
    truth: impl Iterator<Item = &'a str>,
) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "class"])?;
    for (id, class) in ids.iter().zip(truth) {
        writer.write_record([*id, class])?;
    }
    let text = writer.into_inner()?;
    Ok(scarce_io::write_atomic(path, |file| file.write_all(&text))?)
}
