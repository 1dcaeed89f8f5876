//! The model card: what the model is, what it was made of, and how well it does.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_vlm::ModelRecord;

use super::concepts::Concepts;
use super::config::LocalizerFile;
use super::evaluate::{Evaluation, PromptFigure};

/// What was asked for: mean Dice coefficients of known and of reworded prompts, and the share of nonsense refused.
const ASKED: [f64; 3] = [0.70, 0.60, 0.90];

/// The card in Markdown.
pub fn card(
    config: &LocalizerFile,
    model: &[u8],
    evaluation: &Evaluation,
) -> anyhow::Result<String> {
    let mut text = String::new();
    write_card(&mut text, config, model, evaluation)?;
    let hashes = hashes(config)?;
    writeln!(text, "\n## Files\n\n| file | sha256 |\n| --- | --- |")?;
    for (path, sha256) in hashes {
        writeln!(text, "| {} | {sha256} |", path.display())?;
    }
    Ok(text)
}

fn write_card(
    text: &mut String,
    config: &LocalizerFile,
    model: &[u8],
    evaluation: &Evaluation,
) -> anyhow::Result<()> {
    let record = ModelRecord::new("localizer", Path::new("model.onnx"), model);
    let concepts = Concepts::built_in()?;
    let names: Vec<&str> = concepts.all().iter().map(|c| c.name.as_str()).collect();
    let prompts: usize = concepts
        .all()
        .iter()
        .map(|c| concepts.prompts(c).len())
        .sum();
    let volumes: Vec<&str> = config.volume.iter().map(|v| v.id.as_str()).collect();
    writeln!(
        text,
        "# scarce-open\n\n\
        A small network that finds in an image what a prompt names. Made by `cargo xtask localizer` from `recipe.toml`; this page is written by \
        the same run.\n\n\
        | | |\n| --- | --- |\n\
        | sha256 | {} |\n| size | {:.2} MB, float32 |\n| seed, steps | {}, {} |\n| trained on | {} |\n| prompts trained with | {prompts}, and {} of nothing |\n\n\
        It reads slices in grey at 4 mm and the 384 numbers of an all-MiniLM-L6-v2 sentence vector. Volumes are looked at in three planes, whose \
        heat maps are averaged.\n\n\
        It is no medical device. It saw a handful of patients and finds large organs roughly: enough to tell where in an image to look, not to measure \
        anything.\n\n\
        ## What it may be asked for\n\n{}.",
        record.sha256,
        model.len() as f64 / 1e6,
        config.seed,
        config.training.steps,
        volumes.join(", "),
        concepts.nonsense().len(),
        names.join(", "),
    )?;
    writeln!(
        text,
        "\n## On patients it was not trained on\n\n\
        Dice coefficients over whole volumes, 0 where nothing was found. Reworded prompts were never trained with.\n\n\
        | volume | structure | known prompts | reworded prompts |\n| --- | --- | --- | --- |"
    )?;
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for figure in &evaluation.prompts {
        let row = (figure.volume.as_str(), figure.target.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    for (volume, target) in rows {
        let of = |known: bool| {
            let fits =
                |f: &&PromptFigure| f.volume == volume && f.target == target && f.known == known;
            mean(evaluation.prompts.iter().filter(fits).map(|f| f.dice))
        };
        writeln!(
            text,
            "| {volume} | {target} | {:.3} | {:.3} |",
            of(true),
            of(false)
        )?;
    }
    let known = evaluation.mean_dice(true);
    let reworded = evaluation.mean_dice(false);
    let refused = evaluation.nonsense_refused();
    writeln!(
        text,
        "\nAsked for was a mean over {} of at least {:.2} with known prompts and {:.2} with reworded ones, and {:.0} % of nonsense refused.\n\n\
        | | asked for | reached | |\n| --- | --- | --- | --- |",
        counted(evaluation),
        ASKED[0],
        ASKED[1],
        100.0 * ASKED[2]
    )?;
    for (what, asked, got) in [
        ("known prompts", ASKED[0], known),
        ("reworded prompts", ASKED[1], reworded),
        ("nonsense refused", ASKED[2], refused),
    ] {
        let verdict = if got >= asked {
            "reached"
        } else {
            "falls short"
        };
        writeln!(text, "| {what} | {asked:.2} | {got:.3} | {verdict} |")?;
    }
    writeln!(
        text,
        "\n### Prompt by prompt\n\n| volume | structure | prompt | known | Dice | score |\n| --- | --- | --- | --- | --- | --- |"
    )?;
    for f in &evaluation.prompts {
        let known = if f.known { "yes" } else { "no" };
        writeln!(
            text,
            "| {} | {} | {} | {known} | {:.3} | {:.2} |",
            f.volume, f.target, f.prompt, f.dice, f.score
        )?;
    }
    nonsense(text, evaluation)?;
    text.push_str(LIMITS);
    Ok(())
}

fn nonsense(text: &mut String, evaluation: &Evaluation) -> fmt::Result {
    writeln!(
        text,
        "\n### Nonsense\n\n| volume | prompts | refused | their highest score | answered, with their scores |\n| --- | --- | --- | --- | --- |"
    )?;
    for figure in &evaluation.nonsense {
        let answered: Vec<String> = figure
            .answered
            .iter()
            .map(|(prompt, score)| format!("{prompt} ({score:.2})"))
            .collect();
        let answered = if answered.is_empty() {
            "none".to_owned()
        } else {
            answered.join(", ")
        };
        writeln!(
            text,
            "| {} | {} | {} | {:.2} | {answered} |",
            figure.volume, figure.asked, figure.refused, figure.highest_refused
        )?;
    }
    Ok(())
}

/// What no figure tells.
const LIMITS: &str = "
## Limits

- Lungs, heart, liver and, roughly, the aorta were found. Kidneys and spleen of a CT without contrast were not, and the brain only in part: of what it may be
  asked for, take all but those four as untried.
- The aorta of the test is a dissected one; its figure falls short of 0.70 by itself, and so does the liver's. In the pelvis, which no
  training volume shows, bowel and bladder are taken for liver. More labelled
  patients, some of them without contrast and with the pelvis in view, would mend that.
- The number of steps, and that a slice's presence weighs its pixels, were settled with figures on these very volumes in sight: they flatter a little.
- References of the organs but for the hand-drawn lungs are a segmentation network's (TotalSegmentator); so are most of the labels trained on.
- The test has one volume for each structure: the figures have no interval worth the name.
- No reference of the liver or the lungs comes with the thorax, and none of the heart, aorta or liver with ctchest4: they are not counted there.
- thorax and abdomen may be of one patient, who is in neither case trained on.
- The brain's test is a template without a skull, which is easier than a head.
- Organs that one patient alone was trained with (nearly all below the chest) are found less well than these figures in unlike bodies; more labelled patients
  would mend that.
- On radiographs only heart and lungs were trained, on sums of one CT; no radiograph was tested.
";

fn counted(evaluation: &Evaluation) -> String {
    let mut names: Vec<&str> = Vec::new();
    for figure in evaluation.prompts.iter().filter(|f| f.counts) {
        if !names.contains(&figure.target.as_str()) {
            names.push(&figure.target);
        }
    }
    names.join(", ")
}

pub fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    sum / f64::from(n.max(1))
}

/// SHA-256 of every file read, of a folder that of its files' bytes in the order of their names.
fn hashes(config: &LocalizerFile) -> anyhow::Result<BTreeMap<PathBuf, String>> {
    let trained = config.volume.iter().flat_map(|v| {
        let labels = v.labels.iter().map(|layer| &layer.path);
        std::iter::once(&v.image).chain(labels)
    });
    let tested = config.test.iter().flat_map(|t| {
        let references = t.target.iter().map(|target| &target.reference);
        std::iter::once(&t.image).chain(references)
    });
    let mut hashes = BTreeMap::new();
    for path in trained.chain(tested) {
        let file = config.data.join(path);
        let unreadable = || format!("cannot read {}", file.display());
        let bytes = if file.is_dir() {
            let entries = fs::read_dir(&file).with_context(unreadable)?;
            let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            files.sort();
            let read: Result<Vec<_>, _> = files.into_iter().map(fs::read).collect();
            read.with_context(unreadable)?.concat()
        } else {
            fs::read(&file).with_context(unreadable)?
        };
        hashes.insert(path.clone(), ModelRecord::new("", &file, &bytes).sha256);
    }
    Ok(hashes)
}
