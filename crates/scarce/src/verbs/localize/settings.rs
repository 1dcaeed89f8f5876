//! What `--options` may set.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::exit::UsageError;
use scarce_vlm::biomedclip::BiomedClipOptions;
use scarce_vlm::grounding_dino::GroundingDinoOptions;
use scarce_vlm::refine::RefineOptions;
use scarce_vlm::slices::SliceOptions;
use serde::Deserialize;

/// A table for each part; those of parts that are not used are read and left alone.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub slices: SliceOptions,
    pub biomedclip: BiomedClipOptions,
    pub grounding_dino: GroundingDinoOptions,
    pub refine: RefineOptions,
}

impl Settings {
    /// From a file, or the defaults without one.
    pub fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let message = format!("{}: {}", error.to_string().trim_end(), path.display());
            UsageError(message).into()
        })
    }
}
