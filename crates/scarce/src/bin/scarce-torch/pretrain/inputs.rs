//! What `pretrain` reads: its configuration, and the images that this names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use ndarray::{Array3, Axis};
use scarce_cli::exit::UsageError;
use scarce_io::{Loaded, ReadOptions};
use scarce_mim::{ImageSample, PretrainConfig};
use scarce_train::{LoopConfig, Schedule};
use serde::{Deserialize, Serialize};

use super::images::Images;
use super::pictures::PictureFolder;
use crate::preprocessing::Preprocessing;
use crate::semi::inputs::{CaseFiles, DataSet};
use crate::training_run::names;

/// The configuration of `pretrain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainFile {
    /// What stands where nothing is given.
    pub recipe: String,
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// The images.
    pub data: PretrainData,
    /// How volumes are prepared.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// The method.
    #[serde(default)]
    pub method: PretrainConfig,
    /// The length of the training in epochs, in place of `training.steps`; `--steps` overrides both.
    #[serde(default)]
    pub epochs: Option<Epochs>,
    /// Where the encoder starts: `none`, a run folder, or a safetensors file by timm's names, all of them.
    #[serde(default = "no_weights")]
    pub weights: String,
    /// Steps between looks at reconstructions, besides those at the end; 0 for none.
    #[serde(default)]
    pub look_every: u64,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

fn no_weights() -> String {
    "none".to_owned()
}

impl PretrainFile {
    /// The configuration with its epochs, where it has any, as steps of the loop; of their number `asked` has the last
    /// word.
    pub fn in_steps(&self, steps_an_epoch: u64, asked: Option<u64>) -> Self {
        let mut config = self.clone();
        if let Some(epochs) = &self.epochs {
            config.training.steps = asked.unwrap_or(epochs.total * steps_an_epoch);
            if let Schedule::Cosine { warmup_steps, .. } = &mut config.training.schedule {
                *warmup_steps = epochs.warmup * steps_an_epoch;
            }
        }
        config
    }
}

/// The length of a training in passes over the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epochs {
    /// Passes in all.
    pub total: u64,
    /// Passes while the learning rate rises.
    pub warmup: u64,
}

/// Volumes and pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainData {
    /// Volumes, each with its region: an encoder for pictures sees their axial slices.
    pub volumes: Vec<RegionVolume>,
    /// Volumes of a data set: all but those to validate on and those of its test list.
    pub set: Option<RegionSet>,
    /// Every how many axial slices one is taken.
    pub slice_step: usize,
    /// Folders of pictures.
    pub pictures: Vec<PictureFolder>,
    /// Whether pictures stay in memory once read, shrunk to twice a view's sides where views are resized. Otherwise
    /// they are read anew in each epoch.
    pub keep_in_memory: bool,
}

impl Default for PretrainData {
    fn default() -> Self {
        Self {
            volumes: Vec::new(),
            set: None,
            slice_step: 1,
            pictures: Vec::new(),
            keep_in_memory: true,
        }
    }
}

/// A data set and where the regions of its images lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionSet {
    /// Files of regions, `{id}` for the case: `regions/{id}/region.nii.gz`, say. None without.
    pub region: Option<String>,
    /// The data set. Labels tell which cases are validated on, and are not read.
    pub of: DataSet,
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
    /// How both are read, where a data set tells.
    #[serde(skip)]
    pub options: ReadOptions,
}

impl PretrainData {
    /// All images: `volumes`, or their slices named `<volume>/<z>` in the prepared grid, then pictures.
    pub fn images(
        &self,
        volumes: &[RegionVolume],
        method: &PretrainConfig,
        preprocessing: &Preprocessing,
    ) -> anyhow::Result<Images> {
        if self.slice_step == 0 {
            return Err(UsageError("data.slice_step is 0, expected at least 1".to_owned()).into());
        }
        let is_of_volumes = method.encoder.architecture.dimensions() == 3;
        if is_of_volumes && !self.pictures.is_empty() {
            let message = "data.pictures: the encoder is one for volumes";
            return Err(UsageError(message.to_owned()).into());
        }
        let mut resident = Vec::new();
        for volume in volumes {
            let read = volume.read(preprocessing);
            let (voxels, region) = read.with_context(|| format!("volume {}", volume.id))?;
            if is_of_volumes {
                resident.push(Arc::new(ImageSample {
                    id: volume.id.clone(),
                    pixels: voxels.insert_axis(Axis(0)).into_dyn(),
                    region: region.into_dyn(),
                }));
                continue;
            }
            let pairs = voxels.outer_iter().zip(region.outer_iter());
            for (z, (pixels, region)) in pairs.enumerate().step_by(self.slice_step) {
                resident.push(Arc::new(ImageSample {
                    id: format!("{}/{z}", volume.id),
                    pixels: pixels.to_owned().insert_axis(Axis(0)).into_dyn(),
                    region: region.to_owned().into_dyn(),
                }));
            }
        }
        let mut pictures = Vec::new();
        for folder in &self.pictures {
            pictures.extend(folder.pictures()?);
        }
        Ok(Images::new(resident, pictures, method, self.keep_in_memory))
    }

    /// The listed volumes and those of the data set.
    pub fn all_volumes(&self) -> anyhow::Result<Vec<RegionVolume>> {
        let mut volumes = self.volumes.clone();
        if let Some(set) = &self.set {
            let of_set = set.volumes();
            let folder = || format!("data.set.of in {}", set.of.folder.display());
            volumes.extend(of_set.with_context(folder)?);
        }
        Ok(volumes)
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self, volumes: &[RegionVolume]) -> BTreeMap<String, Vec<String>> {
        let images = volumes.iter().map(|v| v.image.as_path());
        let regions = volumes.iter().filter_map(|v| v.region.as_deref());
        let folders = self.pictures.iter().map(|folder| folder.images.as_path());
        BTreeMap::from([
            ("image".to_owned(), names(images)),
            ("region".to_owned(), names(regions)),
            ("pictures".to_owned(), names(folders)),
        ])
    }
}

impl RegionSet {
    fn volumes(&self) -> anyhow::Result<Vec<RegionVolume>> {
        let cases = self.of.cases()?;
        let seen = cases.labelled.into_iter().chain(cases.unlabelled);
        let volume = |case: CaseFiles| RegionVolume {
            region: (self.region.as_ref())
                .map(|file| PathBuf::from(file.replace("{id}", &case.id))),
            id: case.id,
            image: case.image,
            options: case.options,
        };
        Ok(seen.map(volume).collect())
    }
}

impl RegionVolume {
    fn read(&self, preprocessing: &Preprocessing) -> anyhow::Result<(Array3<f32>, Array3<bool>)> {
        let native = scarce_io::read_volume_with(&self.image, &self.options)?;
        let native = Loaded::into_logged(native);
        let region = match &self.region {
            None => None,
            Some(path) => {
                Some(scarce_io::read_label_map(path)?.map(|label| u16::from(*label != 0)))
            }
        };
        let grid = native.grid();
        let part = preprocessing.part(&grid, region.as_ref())?;
        let image = preprocessing.prepare_part(&native, part)?.into_voxels();
        let inside = match &region {
            None => Array3::from_elem(image.raw_dim(), false),
            Some(region) => {
                let region = preprocessing.labels(&grid, region, part)?;
                region.map(|label| *label != 0).into_voxels()
            }
        };
        Ok((image, inside))
    }
}

#[cfg(test)]
mod tests {
    use scarce_mask::MaskConfig;
    use scarce_train::config::{load_preset, resolved};

    use super::super::RECIPES;
    use super::*;

    fn recipe(name: &str) -> PretrainFile {
        let overrides = [format!("recipe={name}"), "data.slice_step=2".to_owned()];
        load_preset(None, &overrides, "recipe", RECIPES).unwrap()
    }

    #[test]
    fn recipes_are_complete() {
        for (name, _) in RECIPES {
            let config = recipe(name);
            config.method.check().unwrap();
            let text = resolved(&config).unwrap();
            assert!(text.contains(&format!("recipe = \"{name}\"")), "{text}");
        }
        assert_eq!(recipe("mwm-paper").method.mask, MaskConfig::paper(0.8, 0.4));
    }

    #[test]
    fn epochs_become_steps() {
        let paper = recipe("mwm-paper").in_steps(7, None);
        assert_eq!(paper.training.steps, 3500);
        let short = recipe("mwm-paper").in_steps(7, Some(10));
        assert_eq!(short.training.steps, 10);
        let Schedule::Cosine { warmup_steps, .. } = paper.training.schedule else {
            panic!("{:?}", paper.training.schedule);
        };
        assert_eq!(warmup_steps, 280);
        let own = recipe("own");
        assert_eq!(own.in_steps(7, None).training, own.training);
    }
}
