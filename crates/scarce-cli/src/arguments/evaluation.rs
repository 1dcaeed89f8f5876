//! The arguments of the verbs that make and weigh figures.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The prediction: a label map, or a folder of them; for `classify` a CSV with `id` and `class`, or one column of scores
    /// for each class; for `detect` COCO results.
    #[arg(long)]
    pub pred: PathBuf,
    /// The reference: a label map, or a folder with files of the same names; for `classify` a CSV
    /// with `id` and `class`; for `detect` COCO annotations.
    #[arg(long = "ref")]
    pub reference: PathBuf,
    /// What is compared.
    #[arg(long, default_value = "segment", value_parser = ["segment", "classify", "detect"])]
    pub task: String,
    /// Only these figures; `nsd_2mm` is `nsd` at a tolerance.
    #[arg(long, value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Seed of the intervals.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the result as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Write the cases as CSV.
    #[arg(long)]
    pub csv: Option<PathBuf>,
    /// How surface distances make a figure: `pooled` (medpy), `max-directed` (MONAI) or `area` (surface-distance).
    #[arg(long, default_value = "pooled", help_heading = "segment")]
    pub convention: String,
    /// Unit of distances: `mm` or `voxel`.
    #[arg(long, default_value = "mm", help_heading = "segment")]
    pub unit: String,
    /// What an empty mask scores: `undefined`, `worst-case` or `legacy-zero`.
    #[arg(long, default_value = "undefined", help_heading = "segment")]
    pub empty: String,
    /// Tolerances of `nsd`, in the unit of distances.
    #[arg(
        long,
        default_value = "1,2",
        value_delimiter = ',',
        help_heading = "segment"
    )]
    pub tolerance: Vec<f64>,
    /// Scores only rank cases, and are no probabilities.
    #[arg(long, help_heading = "classify")]
    pub ranking: bool,
    /// What overlaps: boxes or masks.
    #[arg(long, default_value = "bbox", value_parser = ["bbox", "segm"], help_heading = "detect")]
    pub iou_type: String,
    /// Resamples of the images for the intervals; 0 for none.
    #[arg(long, help_heading = "detect")]
    pub resamples: Option<usize>,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// What `evaluate --json` wrote for each run, or folders with one `evaluation.json`. Runs that differ in their seed alone
    /// are one arm: `NAME=RUN,RUN,…`, or `NAME=FOLDER` of such runs. All arms need the same seeds.
    #[arg(required = true, num_args = 2.., value_name = "RUN|NAME=RUN,…")]
    pub runs: Vec<String>,
    /// Only these figures.
    #[arg(long, value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Seed of the intervals and tests.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Write the comparison as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Write the comparison as CSV.
    #[arg(long)]
    pub csv: Option<PathBuf>,
}

/// Arguments of `lint`.
#[derive(Debug, Args)]
pub struct LintArguments {
    /// A CSV of results: the first column names the rows, others are called as figures are (`dice`, `jaccard`, `hd95`, ...).
    pub table: PathBuf,
    /// Cases behind each row, where no column `n` tells.
    #[arg(long)]
    pub n: Option<usize>,
    /// Write the findings as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}
