//! The localizer on patients it was never trained on, in prompts it knows and prompts it does not, and on nonsense.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, ensure};
use ndarray::Array3;
use scarce_image::{Mask, Volume, resample_nearest};
use scarce_vlm::onnx::SessionOptions;
use scarce_vlm::scarce_open::{OpenLocalizer, OpenNetwork, OpenOptions};
use scarce_vlm::text::TextEncoder;
use scarce_vlm::{LocalizeError, Region};
use serde::Serialize;

use super::card::mean;
use super::concepts::Concepts;
use super::config::{LocalizerFile, Target, TestVolume};
use super::wordings::Wordings;

/// All figures.
#[derive(Debug, Clone, Serialize)]
pub struct Evaluation {
    /// Each prompt on each volume that has a reference for it.
    pub prompts: Vec<PromptFigure>,
    /// Share of nonsense that was answered by no region, by volume.
    pub nonsense: Vec<NonsenseFigure>,
}

/// One prompt on one volume.
#[derive(Debug, Clone, Serialize)]
pub struct PromptFigure {
    /// The volume.
    pub volume: String,
    /// The structure.
    pub target: String,
    /// The prompt.
    pub prompt: String,
    /// Whether it was trained with.
    pub known: bool,
    /// Whether it enters the mean that is asked for.
    pub counts: bool,
    /// Dice coefficient with the reference; 0 where nothing was found.
    pub dice: f64,
    /// The localizer's score, of what it refused too.
    pub score: f32,
}

/// Nonsense on one volume.
#[derive(Debug, Clone, Serialize)]
pub struct NonsenseFigure {
    /// The volume.
    pub volume: String,
    /// Prompts asked.
    pub asked: usize,
    /// Prompts that were answered by no region.
    pub refused: usize,
    /// The highest score among them.
    pub highest_refused: f32,
    /// Those that were answered by one, with its score.
    pub answered: Vec<(String, f32)>,
}

impl Evaluation {
    /// The mean Dice coefficient of what counts: over prompts, then over structures.
    pub fn mean_dice(&self, known: bool) -> f64 {
        let mut of_target: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
        for f in self.prompts.iter().filter(|f| f.counts && f.known == known) {
            let target = (f.volume.as_str(), f.target.as_str());
            of_target.entry(target).or_default().push(f.dice);
        }
        mean(of_target.values().map(|dice| mean(dice.iter().copied())))
    }

    /// The share of nonsense, over all volumes, that no region answered.
    pub fn nonsense_refused(&self) -> f64 {
        let sum = |of: fn(&NonsenseFigure) -> usize| self.nonsense.iter().map(of).sum::<usize>();
        sum(|f| f.refused) as f64 / sum(|f| f.asked).max(1) as f64
    }
}

/// Asks everything of every test volume.
pub fn evaluate(config: &LocalizerFile, model: &[u8]) -> anyhow::Result<Evaluation> {
    check_wordings(config)?;
    let encoder = TextEncoder::load(
        &config.text_encoder.join("model.onnx"),
        &config.text_encoder.join("tokenizer.json"),
    )?;
    let network = OpenNetwork::from_bytes("model.onnx", model, &SessionOptions::default())?;
    let mut localizer = OpenLocalizer::with_network(encoder, network, OpenOptions::default());
    let mut evaluation = Evaluation {
        prompts: Vec::new(),
        nonsense: Vec::new(),
    };
    for test in &config.test {
        let image = scarce_io::read_volume(&config.data.join(&test.image))?;
        for target in &test.target {
            let reference = reference(&config.data, target, &image)?;
            let asked: Vec<&str> = texts(&target.known)
                .chain(texts(&target.reworded))
                .collect();
            let answers = localizer.localize_all(&image, &asked)?;
            for (k, (prompt, answer)) in asked.iter().zip(&answers).enumerate() {
                let figure = PromptFigure {
                    volume: test.id.clone(),
                    target: target.name.clone(),
                    prompt: (*prompt).to_owned(),
                    known: k < target.known.len(),
                    counts: target.counts,
                    dice: answer.as_ref().map_or(0.0, |r| dice(r.mask(), &reference)),
                    score: score_of(answer),
                };
                tracing::info!(
                    "{} {}: Dice {:.3}, score {:.2}: {prompt:?}",
                    figure.volume,
                    figure.target,
                    figure.dice,
                    figure.score
                );
                evaluation.prompts.push(figure);
            }
        }
        let figure = nonsense(&mut localizer, config, test, &image)?;
        evaluation.nonsense.push(figure);
    }
    Ok(evaluation)
}

fn nonsense(
    localizer: &mut OpenLocalizer<TextEncoder>,
    config: &LocalizerFile,
    test: &TestVolume,
    image: &Volume<f32>,
) -> anyhow::Result<NonsenseFigure> {
    let mut figure = NonsenseFigure {
        volume: test.id.clone(),
        asked: 0,
        refused: 0,
        highest_refused: 0.0,
        answered: Vec::new(),
    };
    // A part at a time: each prompt has a heat map of its own in memory.
    for asked in config.nonsense.chunks(8) {
        let asked: Vec<&str> = texts(asked).collect();
        for (prompt, answer) in asked.iter().zip(localizer.localize_all(image, &asked)?) {
            figure.asked += 1;
            match answer {
                Err(LocalizeError::NotSeen { score, .. }) => {
                    figure.refused += 1;
                    figure.highest_refused = figure.highest_refused.max(score);
                }
                Err(error) => return Err(error).context(format!("prompt {prompt:?}")),
                Ok(region) => figure.answered.push(((*prompt).to_owned(), region.score())),
            }
        }
    }
    tracing::info!(
        "{}: {} of {} nonsense prompts refused, with scores of at most {:.2}; answered: {:?}",
        test.id,
        figure.refused,
        figure.asked,
        figure.highest_refused,
        figure.answered
    );
    Ok(figure)
}

/// Known prompts must have been trained with, all others not.
fn check_wordings(config: &LocalizerFile) -> anyhow::Result<()> {
    let wordings = Wordings::new(&Concepts::built_in()?);
    let trained: BTreeSet<String> = wordings.texts().iter().map(|t| t.to_lowercase()).collect();
    let targets = || config.test.iter().flat_map(|test| &test.target);
    for prompt in targets().flat_map(|t| &t.known) {
        ensure!(
            trained.contains(&prompt.to_lowercase()),
            "{prompt:?} is not trained with, but listed as known"
        );
    }
    for prompt in targets().flat_map(|t| &t.reworded).chain(&config.nonsense) {
        ensure!(
            !trained.contains(&prompt.to_lowercase()),
            "{prompt:?} is trained with, but listed as unknown"
        );
    }
    Ok(())
}

/// The reference on the image's grid; outside of a smaller grid of its own there is nothing.
fn reference(data: &Path, target: &Target, image: &Volume<f32>) -> anyhow::Result<Mask> {
    let labels = scarce_io::read_label_map(&data.join(&target.reference))?;
    let labels = resample_nearest(&labels, &image.grid(), 0);
    let mask = labels.map(|v| *v != 0 && (target.values.is_empty() || target.values.contains(v)));
    let is_empty = !mask.voxels().iter().any(|inside| *inside);
    ensure!(
        !is_empty,
        "the reference of {} is empty: {}",
        target.name,
        target.reference.display()
    );
    Ok(mask)
}

fn dice(found: &Mask, reference: &Mask) -> f64 {
    let count = |mask: &Array3<bool>| mask.iter().filter(|inside| **inside).count();
    let pairs = found.voxels().iter().zip(reference.voxels());
    let both = pairs.filter(|(a, b)| **a && **b).count();
    let all = count(found.voxels()) + count(reference.voxels());
    2.0 * both as f64 / all.max(1) as f64
}

fn score_of(answer: &Result<Region, LocalizeError>) -> f32 {
    match answer {
        Ok(region) => region.score(),
        Err(LocalizeError::NotSeen { score, .. }) => *score,
        Err(_) => 0.0,
    }
}

fn texts(prompts: &[String]) -> impl Iterator<Item = &str> {
    prompts.iter().map(String::as_str)
}
