//! The verbs and their arguments.

mod device;
mod evaluation;
mod localize;
mod training;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use device::DeviceArguments;
pub use evaluation::{CompareArguments, EvaluateArguments, LintArguments};
pub use localize::{BackEnd, CheckArguments, LocalizeArguments, Means};
pub use training::{ExistingArguments, FinetuneArguments, RunArguments, SemiArguments};

/// Medical-image learning when labels are scarce.
#[derive(Debug, Parser)]
#[command(name = "scarce", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What `scarce` can do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read files whole and tell what is wrong with them.
    Verify(VerifyArguments),
    /// Write a volume in another format, orientation or spacing.
    Convert(ConvertArguments),
    /// Tell what a file holds or what a network is made of.
    Info(InfoArguments),
    /// Find the region a text prompt names.
    Localize(LocalizeArguments),
    /// Sample patch masks for a region.
    Mask(MaskArguments),
    /// What needs libtorch.
    #[command(flatten)]
    Torch(TorchVerb),
    /// Compare predictions with references.
    Evaluate(EvaluateArguments),
    /// Compare runs over the same cases, with intervals and tests.
    Compare(CompareArguments),
    /// Tell which rows of a table of results cannot be means over cases.
    Lint(LintArguments),
    /// Turn a run folder into one HTML page.
    Report(ReportArguments),
}

/// What `scarce-torch` does; `info --model` is its too.
#[derive(Debug, Subcommand)]
pub enum TorchVerb {
    /// Pre-train an encoder by masked image modelling.
    Pretrain(RunArguments),
    /// Train an encoder to tell images apart, or to outline or find what is on them.
    Finetune(FinetuneArguments),
    /// Train a segmentation from few labelled and many unlabelled volumes.
    Semi(SemiArguments),
    /// Train the localizer that `localize` brings along.
    #[command(hide = true)]
    TrainLocalizer(RunArguments),
    /// Segment or classify with a trained network.
    Predict(PredictArguments),
    /// Write an encoder as an ONNX graph.
    Export(ExportArguments),
    /// Tell what this machine offers, and what is missing.
    Doctor(DoctorArguments),
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Files, or folders to walk.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Write the findings as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
pub struct ConvertArguments {
    /// The volume to read: a file, or a folder with a DICOM series.
    pub input: PathBuf,
    /// The file to write; its name says the format.
    pub output: PathBuf,
    /// Orientation of the output's axes.
    #[arg(long, value_parser = ["RAS"])]
    pub orient: Option<String>,
    /// Spacing of the output along its x, y and z axes.
    #[arg(long, value_delimiter = ',', value_name = "X,Y,Z")]
    pub spacing_mm: Option<Vec<f64>>,
    /// Interpolation for another spacing: labels need `nearest`.
    #[arg(long, default_value = "linear", value_parser = ["nearest", "linear", "cubic"])]
    pub order: String,
    /// Which volume of a file that holds several, from 0.
    #[arg(long)]
    pub frame: Option<usize>,
    /// Which series of a DICOM folder that holds several, by its `SeriesInstanceUID`.
    #[arg(long, value_name = "UID")]
    pub series: Option<String>,
}

/// Arguments of `info`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true))]
pub struct InfoArguments {
    /// An image file.
    #[arg(group = "subject")]
    pub file: Option<PathBuf>,
    /// A network by name: what it is made of.
    #[arg(long, group = "subject")]
    pub model: Option<String>,
    /// The names of all networks.
    #[arg(long, group = "subject")]
    pub models: bool,
    /// Write JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Arguments of `mask`.
#[derive(Debug, Args)]
pub struct MaskArguments {
    /// The region: a 2-D image or a volume, inside where it is not 0.
    #[arg(long)]
    pub region: PathBuf,
    /// The axial slice of a volume's region; the one with most of the region if left out.
    #[arg(long)]
    pub slice: Option<usize>,
    /// Cells along each side: `14`, along y and x: `14,16`, or along z, y and x of the whole volume:
    /// `8,14,14`.
    #[arg(long, value_delimiter = ',', required = true)]
    pub grid: Vec<usize>,
    /// What is hidden: `random`, `block`: cells alike, or in blocks; `region`: more of the region than
    /// of the rest; `region-budget`: the same at a fixed share of all; `graded`, `sem-parts`: by the
    /// region's labels; `heat`, `loss-guided`, `attention`: by `--map`.
    #[arg(long, value_parser = ["random", "block", "region", "region-budget", "overall", "graded", "sem-parts", "heat", "loss-guided", "attention"])]
    pub policy: String,
    /// Count as the released MWM code: top-left pixels, what is kept cut down to an integer, and
    /// masks of all or nothing let through.
    #[arg(long)]
    pub paper: bool,
    /// Share of the region's cells to hide, for `region`.
    #[arg(long, default_value_t = 0.8)]
    pub high: f64,
    /// Share of the other cells to hide, for `region`.
    #[arg(long, default_value_t = 0.4)]
    pub low: f64,
    /// Share of all cells to hide, for all but `region` and `graded`.
    #[arg(long, default_value_t = 0.6)]
    pub ratio: f64,
    /// How much more of the region than of the rest to hide, for `region-budget`.
    #[arg(long, default_value_t = 0.4)]
    pub contrast: f64,
    /// Shares to hide of label 0, of label 1, and so on, for `graded`.
    #[arg(long, value_delimiter = ',')]
    pub ratios: Vec<f64>,
    /// What a cell of no heat weighs beside the hottest, for `heat`.
    #[arg(long, default_value_t = 0.0)]
    pub floor: f64,
    /// From the same share of each label (0) to labels as a whole (1), for `sem-parts`.
    #[arg(long, default_value_t = 0.0)]
    pub whole: f64,
    /// Share of the hidden cells that the loss decides, for `loss-guided`.
    #[arg(long, default_value_t = 0.5)]
    pub share: f64,
    /// Hide what has least attention, for `attention`, instead of what has most.
    #[arg(long)]
    pub keep_highest: bool,
    /// Share of all cells to reveal at random among those to be hidden, for `attention`.
    #[arg(long, default_value_t = 0.0)]
    pub show: f64,
    /// Heat, loss or attention: a picture or a volume, in pixels like the region or in cells.
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// The seed.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How many masks.
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// The masks, `(count, y, x)` or `(count, z, y, x)`, true = hidden.
    #[arg(long)]
    pub out: PathBuf,
    /// A PNG of all masks side by side.
    #[arg(long)]
    pub sheet: Option<PathBuf>,
    /// Their audit.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Arguments of `predict`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct PredictArguments {
    /// A run folder of `semi` or `finetune`.
    #[arg(long)]
    pub checkpoint: PathBuf,
    /// The volume to segment; for `finetune` an image, or a folder of them.
    #[arg(long, group = "what")]
    pub input: Option<PathBuf>,
    /// For `semi`: the cases of its data that are in this part, in place of one volume.
    #[arg(long, group = "what", value_parser = ["labelled", "unlabelled", "validation"])]
    pub part: Option<String>,
    /// For `semi` on a data set: the cases that a text file names, an id a line, such as those of a test list.
    #[arg(long, group = "what", value_name = "FILE")]
    pub ids: Option<PathBuf>,
    /// For `semi`: override one key of the run's configuration, such as `inference.overlap`.
    #[arg(long = "set", value_name = "a.b=value")]
    pub overrides: Vec<String>,
    /// Which of the run's networks; left out, the one that its recipe predicts with: a `student`, or a `teacher` that averages
    /// it; `main`, `auxiliary`, `third` or `fourth` where all are trained.
    #[arg(long)]
    pub network: Option<String>,
    /// Keep only the largest connected component of each class.
    #[arg(long)]
    pub largest_component: bool,
    /// Where it runs.
    #[command(flatten)]
    pub device: DeviceArguments,
    /// Folder for `<input>.nii.gz`, `<input>.probability.nii.gz` and `prediction.json`; of several cases `<id>.nii.gz`,
    /// `predictions.json`, and their own labels as `references/<id>.nii.gz`; for `finetune` for `predictions.csv`, or
    /// for `<image>.png`, the label map.
    #[arg(long)]
    pub out: PathBuf,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The encoder's name, of those that `info --models` tells.
    #[arg(long, required_unless_present = "checkpoint", requires = "weights")]
    pub model: Option<String>,
    /// Its weights, as safetensors by timm's names, with or without `encoder.` before them; a linear classifier is `fc` or
    /// `head`. Other networks' weights in the file, such as a decoder's, are left alone.
    #[arg(long)]
    pub weights: Option<PathBuf>,
    /// Or a run folder of `finetune --task detect`.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["model", "weights", "channels"])]
    pub checkpoint: Option<PathBuf>,
    /// Channels of the image.
    #[arg(long, default_value_t = 3)]
    pub channels: i64,
    /// The graph to write; of a detector the folder for `proposals.onnx`, `boxes.onnx` and `masks.onnx`.
    #[arg(long)]
    pub onnx: PathBuf,
    /// Write what was compared as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The run folder; its page becomes `report.html` in it.
    pub run: PathBuf,
    /// The page's title.
    #[arg(long, default_value = "scarce run")]
    pub title: String,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// Write the findings as JSON; `-` for standard output.
    #[arg(long)]
    pub json: Option<PathBuf>,
}
