//! `localize`: from a prompt to a region.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::json_output;
use scarce_vlm::label_map::{LabelMapLocalizer, LabelMapOptions};
use scarce_vlm::text::TextEncoder;
use scarce_vlm::{Localization, Localizer as _};
use serde::Serialize;

/// What `localization.json` holds.
#[derive(Serialize)]
struct Record<'a> {
    image: &'a Path,
    #[serde(flatten)]
    localization: Localization<'a>,
}

/// Writes `region.nii.gz`, `heat.nii.gz` and `localization.json`.
pub fn run(arguments: &LocalizeArguments) -> anyhow::Result<()> {
    let image = scarce_io::read_volume(&arguments.image)?;
    let labels = scarce_io::read_label_map(&arguments.label_map)?;
    let names_file = arguments
        .label_names
        .as_deref()
        .unwrap_or(&arguments.label_map);
    let names = scarce_io::read_label_names(names_file)?;
    let folder: &Path = &arguments.text_encoder;
    let encoder = TextEncoder::load(&folder.join("model.onnx"), &folder.join("tokenizer.json"))?;
    let mut localizer = LabelMapLocalizer::new(encoder, labels, names, LabelMapOptions::default())?;
    let region = localizer.localize(&image, &arguments.prompt)?;

    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    scarce_io::write_mask(&out.join("region.nii.gz"), region.mask())?;
    scarce_io::write_volume(&out.join("heat.nii.gz"), region.heat())?;
    // Last: its presence says that the others are whole.
    let record = Record {
        image: &arguments.image,
        localization: region.localization(),
    };
    json_output::write(&out.join("localization.json"), &record)?;
    let labels: Vec<&str> = region
        .provenance()
        .matches
        .iter()
        .map(|label| label.name.as_str())
        .collect();
    tracing::info!(
        "{:?} is {} (similarity {:.3}): {} voxels",
        arguments.prompt,
        labels.join(", "),
        region.score(),
        region.voxel_count()
    );
    Ok(())
}
