//! A region on disk: its mask, its heat, and how it was found.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use ndarray::{ArrayView2, Axis};
use scarce_cli::json_output;
use scarce_vlm::onnx::Provider;
use scarce_vlm::{Localization, Region};
use serde::Serialize;

/// The account of a region; its presence says that the other files are whole.
pub const RECORD: &str = "localization.json";

/// What `localization.json` holds.
#[derive(Serialize)]
struct Record<'a> {
    image: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<&'a CacheRecord>,
    /// What ran models, each once.
    providers: Vec<Provider>,
    #[serde(flatten)]
    localization: &'a Localization,
}

/// Where the region came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CacheRecord {
    /// Its name in the cache.
    pub key: String,
    /// Whether it was there already.
    pub hit: bool,
}

/// The files of a picture's region, or of a volume's.
pub fn file_names(is_picture: bool) -> [&'static str; 2] {
    if is_picture {
        ["region.png", "heat.png"]
    } else {
        ["region.nii.gz", "heat.nii.gz"]
    }
}

/// Writes mask and heat: volumes as they are, pictures in grey, heat from 0 to 65535.
pub fn write_maps(folder: &Path, region: &Region, is_picture: bool) -> anyhow::Result<()> {
    let [mask, heat] = file_names(is_picture).map(|name| folder.join(name));
    if !is_picture {
        scarce_io::write_mask(&mask, region.mask())?;
        scarce_io::write_volume(&heat, region.heat())?;
        return Ok(());
    }
    let inside = region.mask().voxels().index_axis(Axis(0), 0);
    scarce_io::write_png_grey(&mask, inside.mapv(|inside| 255 * u8::from(inside)).view())?;
    let share: ArrayView2<'_, f32> = region.heat().voxels().index_axis(Axis(0), 0);
    let grey = share.mapv(|share| (share * f32::from(u16::MAX)).round() as u16);
    scarce_io::write_png_grey16(&heat, grey.view())?;
    Ok(())
}

/// Writes the record, which must come last.
pub fn write_record(
    folder: &Path,
    image: &Path,
    localization: &Localization,
    cache: Option<&CacheRecord>,
) -> anyhow::Result<()> {
    let mut providers: Vec<Provider> = Vec::new();
    for provider in localization
        .models
        .iter()
        .filter_map(|model| model.provider)
    {
        if !providers.contains(&provider) {
            providers.push(provider);
        }
    }
    let record = Record {
        image,
        cache,
        providers,
        localization,
    };
    json_output::write(&folder.join(RECORD), &record)
}

/// Makes a folder and those above it.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}
