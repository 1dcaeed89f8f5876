//! What `pretrain` reads: its configuration, and the volumes that this names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ndarray::Array3;
use scarce_cli::exit::UsageError;
use scarce_mim::{PretrainConfig, SliceSample};
use scarce_train::LoopConfig;
use serde::{Deserialize, Serialize};

use crate::preprocessing::Preprocessing;
use crate::training_run::names;

/// The configuration of `pretrain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainFile {
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// The volumes.
    pub data: PretrainData,
    /// How they are prepared.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// The method.
    #[serde(default)]
    pub method: PretrainConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

/// Volumes to slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainData {
    /// Each volume with its region.
    pub volumes: Vec<RegionVolume>,
    /// Every how many axial slices one is taken.
    #[serde(default = "one")]
    pub slice_step: usize,
}

fn one() -> usize {
    1
}

/// An image and the region that a localizer found in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionVolume {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// The region, inside where it is not 0; nothing matters more than the rest without one.
    pub region: Option<PathBuf>,
}

impl PretrainData {
    /// The axial slices of all volumes, named `<volume>/<z>` in the prepared grid.
    pub fn slices(&self, preprocessing: &Preprocessing) -> anyhow::Result<Vec<SliceSample>> {
        if self.slice_step == 0 {
            return Err(UsageError("data.slice_step is 0, expected at least 1".to_owned()).into());
        }
        let mut slices = Vec::new();
        for volume in &self.volumes {
            let native = scarce_io::read_volume(&volume.image)?;
            let image = preprocessing.prepare(&native)?;
            let region = match &volume.region {
                None => Array3::from_elem(image.voxels().raw_dim(), false),
                Some(path) => {
                    let mask = scarce_io::read_label_map(path)?.map(|label| *label != 0);
                    preprocessing.mask(&native.grid(), &mask)?.into_voxels()
                }
            };
            let pairs = image.voxels().outer_iter().zip(region.outer_iter());
            for (z, (pixels, region)) in pairs.enumerate().step_by(self.slice_step) {
                slices.push(SliceSample {
                    id: format!("{}/{z}", volume.id),
                    pixels: pixels.to_owned(),
                    region: region.to_owned(),
                });
            }
        }
        Ok(slices)
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self) -> BTreeMap<String, Vec<String>> {
        let regions = self.volumes.iter().filter_map(|v| v.region.as_deref());
        BTreeMap::from([
            (
                "image".to_owned(),
                names(self.volumes.iter().map(|v| v.image.as_path())),
            ),
            ("region".to_owned(), names(regions)),
        ])
    }
}
