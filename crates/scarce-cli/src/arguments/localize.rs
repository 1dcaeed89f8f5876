//! The arguments of `localize`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `localize`.
#[derive(Debug, Args)]
pub struct LocalizeArguments {
    /// The image to look at.
    pub image: PathBuf,
    /// What to look for, in words.
    #[arg(long)]
    pub prompt: String,
    /// How to look; left out, by the labels where a label map is given, else with the network that scarce brings along.
    #[arg(long, value_enum)]
    pub localizer: Option<BackEnd>,
    /// The anatomical labels that come with the image, on its grid, for `label-map`.
    #[arg(long)]
    pub label_map: Option<PathBuf>,
    /// The labels' names: a CSV with id and name, or a `.seg.nrrd`; the label map itself if left out.
    #[arg(long, requires = "label_map")]
    pub label_names: Option<PathBuf>,
    /// Folder of the text encoder of `label-map` and `scarce-open`: `model.onnx` and `tokenizer.json`.
    #[arg(long, default_value = "target/models/minilm")]
    pub text_encoder: PathBuf,
    /// The region on the image's grid, inside where it is not 0, for `given`.
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
    /// Folder for `region.nii.gz`, `heat.nii.gz` and `localization.json`.
    #[arg(long)]
    pub out: PathBuf,
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
