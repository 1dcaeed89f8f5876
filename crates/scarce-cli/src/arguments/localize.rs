//! The arguments of `localize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use scarce_vlm::Shard;
use scarce_vlm::onnx::Provider;

/// Arguments of `localize`.
#[derive(Debug, Args)]
pub struct LocalizeArguments {
    /// The images to look at: files, folders of DICOM slices, folders of images.
    #[arg(required = true, value_name = "IMAGE")]
    pub images: Vec<PathBuf>,
    /// What to look for, in words.
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["prompts", "words"])]
    pub prompt: Option<String>,
    /// What to look for in each image: JSON `{file name: text}`.
    #[arg(long, value_name = "FILE", conflicts_with = "prompt")]
    pub prompts: Option<PathBuf>,
    /// How to look.
    #[command(flatten)]
    pub means: Means,
    /// Regions that were found before, by image, prompt, models and settings; new ones are added.
    #[arg(long, value_name = "FOLDER", conflicts_with = "check")]
    pub cache: Option<PathBuf>,
    /// Only a share of the images, for several machines: the 2nd of 8 is `2/8`.
    #[arg(long, value_name = "I/N", default_value_t = Shard::ALL)]
    pub shard: Shard,
    /// How many images are looked at side by side, each with models of its own.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workers: usize,
    /// What the check of prompts is asked.
    #[command(flatten)]
    pub check: CheckArguments,
    /// Folder for `region.nii.gz`, `heat.nii.gz` (`.png` for pictures) and `localization.json`; of several images in a folder
    /// each, by its name, beside `localizations.json`.
    #[arg(long)]
    pub out: PathBuf,
}

/// Which localizer, and with what.
#[derive(Debug, Args)]
pub struct Means {
    /// How to look; left out, by the labels where a label map is given, else with the network that scarce brings along.
    #[arg(long, value_enum)]
    pub localizer: Option<BackEnd>,
    /// The anatomical labels that come with the image, on its grid, for `label-map`; for several images a folder with a file
    /// of the same name each.
    #[arg(long)]
    pub label_map: Option<PathBuf>,
    /// The labels' names: a CSV with id and name, or a `.seg.nrrd`; the label map itself if left out.
    #[arg(long, requires = "label_map")]
    pub label_names: Option<PathBuf>,
    /// Folder of the text encoder of `label-map` and `scarce-open`: `model.onnx` and `tokenizer.json`.
    #[arg(long, default_value = "target/models/minilm")]
    pub text_encoder: PathBuf,
    /// The region on the image's grid, inside where it is not 0, for `given`; for several images a folder, as `--label-map`.
    #[arg(long, value_name = "FILE")]
    pub given: Option<PathBuf>,
    /// Folder of the graphs of `biomedclip`, `clipseg` or `grounding-dino`, as the exporters write them.
    #[arg(long, value_name = "FOLDER")]
    pub model: Option<PathBuf>,
    /// Let SAM, MedSAM or LiteMedSAM refine the region: folder of `encoder.onnx` and `decoder.onnx`.
    #[arg(long, value_name = "FOLDER")]
    pub refine: Option<PathBuf>,
    /// Settings in TOML: the tables `slices`, `biomedclip`, `grounding_dino` and `refine`; every key has a default.
    #[arg(long, value_name = "FILE")]
    pub options: Option<PathBuf>,
    /// Where models run, the dearest wish first; what was had instead stands in `localization.json`.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "cpu"
    )]
    pub provider: Vec<Provider>,
    /// Threads within one operator of a model; left out, the processor's, dealt to the workers.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// What the check of prompts is asked.
#[derive(Debug, Args)]
#[allow(clippy::struct_field_names, reason = "one of the fields is the switch")]
pub struct CheckArguments {
    /// Find no regions, but tell whether maps follow the words: `check.json` and `check.html`.
    #[arg(long)]
    pub check: bool,
    /// The prompt in other words; may be repeated. Left out, the prompt within sentences.
    #[arg(long, value_name = "TEXT", requires = "check")]
    pub reworded: Vec<String>,
    /// What no image shows; may be repeated.
    #[arg(long, value_name = "TEXT", requires = "check")]
    pub nonsense: Vec<String>,
    /// Several prompts: JSON `[{prompt, reworded: [text], nonsense: [text]}]`.
    #[arg(long, value_name = "FILE", requires = "check", conflicts_with_all = ["prompt", "prompts", "reworded", "nonsense"])]
    pub words: Option<PathBuf>,
}

/// How a region is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BackEnd {
    /// Among the labels of a label map.
    LabelMap,
    /// With the small network that scarce brings along.
    ScarceOpen,
    /// The body and not the air, whatever the prompt.
    Foreground,
    /// A region that is known, whatever the prompt.
    Given,
    /// BiomedCLIP: by an information bottleneck, by patches, or by covering.
    Biomedclip,
    /// CLIPSeg.
    Clipseg,
    /// Grounding DINO: by boxes.
    GroundingDino,
}
