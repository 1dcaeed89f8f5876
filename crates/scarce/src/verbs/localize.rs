//! `localize`: from a prompt to a region.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_image::Volume;
use scarce_vlm::label_map::{LabelMapLocalizer, LabelMapOptions};
use scarce_vlm::scarce_open::{OpenLocalizer, OpenOptions, picture_as_volume};
use scarce_vlm::text::TextEncoder;
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
    let region = match (arguments.localizer.as_deref(), &arguments.label_map) {
        (None | Some("label-map"), Some(label_map)) => by_label_map(arguments, label_map)?,
        (Some("label-map"), None) => {
            let message = "the localizer `label-map` needs --label-map FILE".to_owned();
            return Err(UsageError(message).into());
        }
        (_, Some(_)) => {
            let message = "--label-map is read by the localizer `label-map` alone".to_owned();
            return Err(UsageError(message).into());
        }
        (_, None) => by_network(arguments)?,
    };
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

fn by_label_map(arguments: &LocalizeArguments, label_map: &Path) -> anyhow::Result<Region> {
    let image = scarce_io::read_volume(&arguments.image)?;
    let labels = scarce_io::read_label_map(label_map)?;
    let names_file = arguments.label_names.as_deref().unwrap_or(label_map);
    let names = scarce_io::read_label_names(names_file)?;
    let encoder = text_encoder(arguments)?;
    let mut localizer = LabelMapLocalizer::new(encoder, labels, names, LabelMapOptions::default())?;
    Ok(localizer.localize(&image, &arguments.prompt)?)
}

fn by_network(arguments: &LocalizeArguments) -> anyhow::Result<Region> {
    let image = image_or_picture(&arguments.image)?;
    let mut localizer = OpenLocalizer::new(text_encoder(arguments)?, OpenOptions::default())?;
    Ok(localizer.localize(&image, &arguments.prompt)?)
}

/// A volume, or a picture as it hangs on a light box.
fn image_or_picture(path: &Path) -> anyhow::Result<Volume<f32>> {
    if is_picture(path) {
        Ok(picture_as_volume(&scarce_io::read_image(path)?)?)
    } else {
        Ok(scarce_io::read_volume(path)?)
    }
}

/// By its name, as writers choose formats.
fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["png", "jpg", "jpeg", "tif", "tiff"]
        .iter()
        .any(|known| extension == *known)
}

fn text_encoder(arguments: &LocalizeArguments) -> anyhow::Result<TextEncoder> {
    let folder = &arguments.text_encoder;
    Ok(TextEncoder::load(
        &folder.join("model.onnx"),
        &folder.join("tokenizer.json"),
    )?)
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
