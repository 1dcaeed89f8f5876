//! `localize`: from a prompt to a region.

mod back_end;
mod settings;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::json_output;
use scarce_vlm::{Localization, Localizer as _, Region};
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
    let (image, mut localizer) = back_end::load(arguments)?;
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
    tracing::info!("{}", in_words(&region));
    Ok(())
}

fn in_words(region: &Region) -> String {
    let provenance = region.provenance();
    let labels: Vec<&str> = provenance
        .matches
        .iter()
        .map(|label| label.name.as_str())
        .collect();
    let what = if labels.is_empty() {
        format!("is found by {}", provenance.localizer)
    } else {
        format!("is {}", labels.join(", "))
    };
    format!(
        "{:?} {what} (score {:.3}): {} voxels",
        provenance.prompt,
        region.score(),
        region.voxel_count()
    )
}
