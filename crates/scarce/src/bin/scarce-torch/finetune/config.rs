//! The configuration of `finetune`: a recipe, and what is given over it.

use std::io::Write as _;
use std::path::Path;

use scarce_cli::arguments::FinetuneArguments;
use scarce_cli::exit::UsageError;
use scarce_detect::finetune::FinetuneConfig;
use scarce_mim::finetune::classify::{ClassifyConfig, Mode};
use scarce_mim::finetune::segment::SegmentConfig;
use scarce_train::LoopConfig;
use scarce_train::config::{load, load_preset, resolved};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::data::{LabelledData, OutlinedData};

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// An image's class.
    Classify,
    /// The class of each pixel.
    Segment,
    /// Where each object is, and what.
    Detect,
}

/// The configuration of `finetune --task classify`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassifyFile {
    /// `classify`.
    pub task: TaskKind,
    /// What stands where nothing is given.
    pub recipe: String,
    /// Seed of every random choice but the split.
    #[serde(default)]
    pub seed: u64,
    /// The images.
    pub data: LabelledData,
    /// The method.
    #[serde(default)]
    pub method: ClassifyConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

/// The configuration of `finetune --task segment`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentFile {
    /// `segment`.
    pub task: TaskKind,
    /// What stands where nothing is given.
    pub recipe: String,
    /// Seed of every random choice but the split.
    #[serde(default)]
    pub seed: u64,
    /// The images.
    pub data: OutlinedData,
    /// The method.
    #[serde(default)]
    pub method: SegmentConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

/// The configuration of `finetune --task detect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectFile {
    /// `detect`.
    pub task: TaskKind,
    /// What stands where nothing is given.
    pub recipe: String,
    /// Seed of every random choice but the split.
    #[serde(default)]
    pub seed: u64,
    /// The images.
    pub data: OutlinedData,
    /// The method.
    #[serde(default)]
    pub method: FinetuneConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

/// A task's configuration file.
pub trait TaskFile: Serialize + DeserializeOwned {
    /// Recipes by name, the one that holds unless another is named first.
    const RECIPES: &'static [(&'static str, &'static str)];

    /// Makes settings agree that follow from others.
    fn settle(&mut self) {}
}

impl TaskFile for ClassifyFile {
    const RECIPES: &'static [(&'static str, &'static str)] = &[
        ("small", include_str!("recipes/classify/small.toml")),
        ("scratch", include_str!("recipes/classify/scratch.toml")),
        ("linear", include_str!("recipes/classify/linear.toml")),
        ("nearest", include_str!("recipes/classify/nearest.toml")),
        ("lamb", include_str!("recipes/classify/lamb.toml")),
        (
            "spark-resnet50",
            include_str!("recipes/classify/spark-resnet50.toml"),
        ),
        (
            "spark-resnet101",
            include_str!("recipes/classify/spark-resnet101.toml"),
        ),
    ];

    /// Without training there are no steps, so that one file serves whatever the recipe.
    fn settle(&mut self) {
        if matches!(self.method.mode, Mode::Nearest { .. }) {
            self.training.steps = 0;
        }
    }
}

impl TaskFile for SegmentFile {
    const RECIPES: &'static [(&'static str, &'static str)] = &[
        ("small", include_str!("recipes/segment/small.toml")),
        ("scratch", include_str!("recipes/segment/scratch.toml")),
    ];
}

impl TaskFile for DetectFile {
    const RECIPES: &'static [(&'static str, &'static str)] = &[
        ("small", include_str!("recipes/detect/small.toml")),
        ("scratch", include_str!("recipes/detect/scratch.toml")),
        ("mwm-paper", include_str!("recipes/detect/mwm-paper.toml")),
    ];

    /// As many classes as the data have, and the background.
    fn settle(&mut self) {
        self.method.network.regions.classes = self.data.classes.len() as i64 + 1;
    }
}

/// The part of a configuration that says what it is for.
#[derive(Deserialize)]
struct TaskOf {
    task: Option<TaskKind>,
}

/// What the command line, or else the file, says is learned.
pub fn task(arguments: &FinetuneArguments) -> anyhow::Result<TaskKind> {
    let of: TaskOf = load(Some(&arguments.run.config), &overrides(arguments))?;
    of.task.ok_or_else(|| {
        let message = "which task? --task classify, segment or detect, or `task` in the file";
        UsageError(message.to_owned()).into()
    })
}

/// The task of a run folder.
pub fn task_of_run(run: &Path) -> anyhow::Result<Option<TaskKind>> {
    let of: TaskOf = load(Some(&run.join("config.resolved.toml")), &[])?;
    Ok(of.task)
}

/// The configuration; none for `--dry-run`, which prints it as a run would record it.
pub fn configuration<C: TaskFile>(arguments: &FinetuneArguments) -> anyhow::Result<Option<C>> {
    let file = Some(arguments.run.config.as_path());
    let mut config: C = load_preset(file, &overrides(arguments), "recipe", C::RECIPES)?;
    config.settle();
    if !arguments.run.dry_run {
        return Ok(Some(config));
    }
    std::io::stdout().write_all(resolved(&config)?.as_bytes())?;
    Ok(None)
}

fn overrides(arguments: &FinetuneArguments) -> Vec<String> {
    let task = arguments.task.as_ref().map(|task| format!("task={task}"));
    // As a TOML string, for a path may look like a number.
    let init = arguments
        .init
        .as_ref()
        .map(|init| format!("method.weights='{init}'"));
    let own = task.into_iter().chain(init);
    arguments
        .run
        .all_overrides()
        .into_iter()
        .chain(own)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Every recipe is a whole configuration once there are data.
    #[test]
    fn recipes_are_complete() {
        fn check<C: TaskFile>(task: &str, data: &str) -> BTreeMap<&'static str, C> {
            C::RECIPES
                .iter()
                .map(|(name, _)| {
                    let overrides = [
                        format!("recipe={name}"),
                        format!("task={task}"),
                        format!("data.images='{data}'"),
                    ];
                    let config: C = load_preset(None, &overrides, "recipe", C::RECIPES).unwrap();
                    let text = resolved(&config).unwrap();
                    assert!(text.contains(&format!("recipe = \"{name}\"")), "{text}");
                    (*name, config)
                })
                .collect()
        }
        let classify = check::<ClassifyFile>("classify", "folder");
        let spark = &classify["spark-resnet50"];
        assert_eq!(spark.training.groups.layer_decay, 0.7);
        assert_eq!(classify["nearest"].training.steps, 0);
        for config in classify.values() {
            config.method.check().unwrap();
        }
        for config in check::<SegmentFile>("segment", "folder").values() {
            config.method.check().unwrap();
        }
        for config in check::<DetectFile>("detect", "folder").values() {
            config.method.check().unwrap();
        }
    }
}
