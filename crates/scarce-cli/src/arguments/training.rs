//! What every training verb takes.

use std::path::PathBuf;

use clap::Args;

use super::DeviceArguments;

/// Arguments of a training verb.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The configuration, in TOML; every key has a default but the data.
    #[arg(long)]
    pub config: PathBuf,
    /// Override one key of it.
    #[arg(long = "set", value_name = "a.b=value")]
    pub overrides: Vec<String>,
    /// The run folder.
    #[arg(long)]
    pub out: PathBuf,
    /// Override the number of steps.
    #[arg(long)]
    pub steps: Option<u64>,
    /// Override the seed.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where it runs.
    #[command(flatten)]
    pub device: DeviceArguments,
    /// What is done where the run folder is not empty.
    #[command(flatten)]
    pub existing: ExistingArguments,
    /// Print the resolved configuration and stop.
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `finetune`.
#[derive(Debug, Args)]
pub struct FinetuneArguments {
    /// What is learned; may stand in the configuration as `task`.
    #[arg(long, value_parser = ["classify", "segment", "detect"])]
    pub task: Option<String>,
    /// Where the encoder starts, `method.weights`: a run folder of `pretrain` or `finetune`, a safetensors file under timm's
    /// names, or `none`.
    #[arg(long, value_name = "RUN|FILE|none")]
    pub init: Option<String>,
    /// What every training takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// Arguments of `semi`.
#[derive(Debug, Args)]
pub struct SemiArguments {
    /// Where every encoder starts, `weights` of the configuration: a run folder of `pretrain` with the encoder `vnet-3d`, a
    /// safetensors file with its names, or `none`.
    #[arg(long, value_name = "RUN|FILE|none")]
    pub init: Option<String>,
    /// What every training takes.
    #[command(flatten)]
    pub run: RunArguments,
}

/// What is done with a run folder that is not empty; nothing of it: it is refused.
#[derive(Debug, Args)]
pub struct ExistingArguments {
    /// Go on from the run folder's last checkpoint.
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Go on from the checkpoint before the last, where the last is damaged.
    #[arg(long, conflicts_with_all = ["resume", "overwrite"])]
    pub resume_previous: bool,
    /// Empty the run folder first.
    #[arg(long)]
    pub overwrite: bool,
}

impl RunArguments {
    /// The overrides, `--steps` and `--seed` among them.
    pub fn all_overrides(&self) -> Vec<String> {
        let steps = self.steps.map(|n| format!("training.steps={n}"));
        let seed = self.seed.map(|n| format!("seed={n}"));
        self.overrides
            .iter()
            .cloned()
            .chain(steps)
            .chain(seed)
            .collect()
    }
}
