//! Regions that prompts found, and whether maps follow the words.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::{Array2, Axis};
use scarce_image::{Image, Volume, reorient_to_ras, window};
use scarce_report::{Picture, Section, radiological};
use serde_json::Value;

use super::{WINDOW, fullest_slice, read_json};
use crate::verbs::localize::check_sections;

/// What is seen of a region: grey values and heat from 0 to 1, and the pixels inside.
struct View {
    grey: Array2<f32>,
    heat: Array2<f32>,
    inside: Array2<bool>,
    /// Such as `Axial slice 7`.
    what: String,
}

pub(super) fn localization(path: &Path) -> anyhow::Result<Section> {
    let record: Value = read_json(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let prompt = record["prompt"].as_str().unwrap_or_default();
    let image = record["image"].as_str().map(PathBuf::from);
    let view = if folder.join("region.png").is_file() {
        of_picture(folder, image.as_deref())?
    } else {
        of_volume(folder, image.as_deref())?
    };
    let View {
        grey,
        heat,
        inside,
        what,
    } = view;
    if grey.dim() != heat.dim() || grey.dim() != inside.dim() {
        anyhow::bail!(
            "image, heat and region differ in shape: {}",
            folder.display()
        );
    }
    let plain = Picture::grey(grey.view());
    let pictures = Picture::row(&[
        plain.clone(),
        plain.clone().with_heat(heat.view(), 0.75),
        plain
            .with_mask_tint(inside.view(), Picture::REGION, 0.25)
            .with_mask_outline(inside.view(), Picture::REGION),
    ]);
    let matched: Vec<String> = record["matches"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| m["name"].as_str().map(|name| name.replace('_', " ")))
        .collect();
    let found = if matched.is_empty() {
        "Found".to_owned()
    } else {
        format!("Found as {}", matched.join(", "))
    };
    let mut section = Section::new(format!("Where is “{prompt}”?"));
    section.text(format!(
        "{found} with a score of {:.3} by the {} localizer.",
        record["score"].as_f64().unwrap_or(f64::NAN),
        record["localizer"].as_str().unwrap_or_default()
    ));
    section.picture(
        &pictures,
        format!("{what}: the image, the heat of the prompt, the region."),
    )?;
    Ok(section)
}

fn of_volume(folder: &Path, image: Option<&Path>) -> anyhow::Result<View> {
    let region = reorient_to_ras(&scarce_io::read_label_map(&folder.join("region.nii.gz"))?);
    let heat = reorient_to_ras(&scarce_io::read_volume(&folder.join("heat.nii.gz"))?);
    let z = fullest_slice(&region);
    let background: Volume<f32> = match image {
        Some(image) => window(
            &reorient_to_ras(&scarce_io::read_volume(image)?),
            WINDOW[0],
            WINDOW[1],
        ),
        None => heat.map(|_| 0.0),
    };
    let slice = |volume: &Volume<f32>| -> anyhow::Result<Array2<f32>> {
        let slice = volume.slice_z(z).map(radiological);
        slice.with_context(|| format!("no slice {z}: {}", folder.display()))
    };
    let inside = region.map(|label| f32::from(u8::from(*label != 0)));
    Ok(View {
        grey: slice(&background)?,
        heat: slice(&heat)?,
        inside: slice(&inside)?.mapv(|inside| inside > 0.5),
        what: format!("Axial slice {z}"),
    })
}

fn of_picture(folder: &Path, image: Option<&Path>) -> anyhow::Result<View> {
    let mean = |image: Image| image.pixels().mean_axis(Axis(0)).unwrap_or_default();
    let read = |name: &str| scarce_io::read_image(&folder.join(name)).map(mean);
    let (region, heat) = (read("region.png")?, read("heat.png")?);
    let scaled = |grey: Array2<f32>| {
        let most = grey.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        grey / most
    };
    Ok(View {
        grey: match image {
            Some(image) => scaled(mean(scarce_io::read_image(image)?)),
            None => Array2::zeros(heat.dim()),
        },
        heat: heat / f32::from(u16::MAX),
        inside: region.mapv(|value| value > 0.0),
        what: "The picture".to_owned(),
    })
}

/// What `localize --check` found, with the maps where it left them.
pub(super) fn prompt_sanity(path: &Path) -> anyhow::Result<Vec<Section>> {
    let found = read_json(path)?;
    let maps = path.with_extension("png");
    let png = maps.is_file().then(|| fs::read(&maps)).transpose();
    let png = png.with_context(|| format!("cannot read {}", maps.display()))?;
    Ok(check_sections(&found, png.as_deref()))
}
