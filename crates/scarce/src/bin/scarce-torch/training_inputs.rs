//! What the training verbs read: their configuration files and the volumes these name.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_cli::arguments::{ExistingArguments, RunArguments};
use scarce_cli::exit::UsageError;
use scarce_corn::{LabelledVolume, SemiConfig, UnlabelledVolume};
use scarce_mim::{PretrainConfig, SliceSample};
use scarce_train::distributed::Group;
use scarce_train::loader::DataWait;
use scarce_train::sinks::{Progress, TensorBoard};
use scarce_train::{Existing, LoopConfig, RunFolder, RunManifest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::preprocessing::Preprocessing;

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

/// The configuration of `semi`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiFile {
    /// Seed of every random choice.
    #[serde(default)]
    pub seed: u64,
    /// The volumes.
    pub data: SemiData,
    /// How they are prepared.
    #[serde(default)]
    pub preprocessing: Preprocessing,
    /// The method.
    #[serde(default)]
    pub method: SemiConfig,
    /// The loop.
    #[serde(default)]
    pub training: LoopConfig,
}

/// Few labelled volumes and many without.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SemiData {
    /// Volumes with labels.
    pub labelled: Vec<LabelledFile>,
    /// Volumes without.
    #[serde(default)]
    pub unlabelled: Vec<UnlabelledFile>,
    /// Label values that become class 1, 2, …; all others are background. Left out, every value
    /// that is not 0 is class 1.
    pub label_values: Option<Vec<u16>>,
}

/// A labelled volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledFile {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// Its label map.
    pub label: PathBuf,
}

/// An unlabelled volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlabelledFile {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
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

impl SemiData {
    /// The labelled volumes, prepared.
    pub fn labelled(&self, preprocessing: &Preprocessing) -> anyhow::Result<Vec<LabelledVolume>> {
        self.labelled
            .iter()
            .map(|file| {
                let native = scarce_io::read_volume(&file.image)?;
                let labels = scarce_io::read_label_map(&file.label)?;
                let labels = preprocessing.labels(&native.grid(), &labels)?;
                Ok(LabelledVolume {
                    id: file.id.clone(),
                    image: preprocessing.prepare(&native)?.into_voxels(),
                    label: labels.voxels().map(|value| self.class(*value)),
                })
            })
            .collect()
    }

    /// The unlabelled volumes, prepared.
    pub fn unlabelled(
        &self,
        preprocessing: &Preprocessing,
    ) -> anyhow::Result<Vec<UnlabelledVolume>> {
        self.unlabelled
            .iter()
            .map(|file| {
                let image = preprocessing.image(&file.image)?.into_voxels();
                Ok(UnlabelledVolume {
                    id: file.id.clone(),
                    image,
                })
            })
            .collect()
    }

    fn class(&self, value: u16) -> u8 {
        match &self.label_values {
            None => u8::from(value != 0),
            Some(values) => values
                .iter()
                .position(|v| *v == value)
                .map_or(0, |k| k as u8 + 1),
        }
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self) -> BTreeMap<String, Vec<String>> {
        let images = self.labelled.iter().map(|v| v.image.as_path());
        BTreeMap::from([
            ("labelled image".to_owned(), names(images)),
            (
                "label".to_owned(),
                names(self.labelled.iter().map(|v| v.label.as_path())),
            ),
            (
                "unlabelled image".to_owned(),
                names(self.unlabelled.iter().map(|v| v.image.as_path())),
            ),
        ])
    }
}

/// The configuration of a training; none for `--dry-run`, which prints it as a run would record it.
pub fn configuration<C: Serialize + DeserializeOwned>(
    arguments: &RunArguments,
) -> anyhow::Result<Option<C>> {
    let config: C =
        scarce_train::config::load(Some(&arguments.config), &arguments.all_overrides())?;
    if !arguments.dry_run {
        return Ok(Some(config));
    }
    let text = scarce_train::config::resolved(&config)?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(None)
}

/// Opens the run folder with its sinks, or follows the main process's; the data have been read by then, so
/// that a bad file leaves no folder.
pub fn open_run<T: Serialize>(
    arguments: &RunArguments,
    processes: &Group,
    kind: &str,
    config: &T,
    seed: u64,
    inputs: BTreeMap<String, Vec<String>>,
) -> anyhow::Result<RunFolder> {
    let manifest = RunManifest {
        kind: kind.to_owned(),
        seed,
        device: arguments.device.device.clone(),
        threads: tch::get_num_threads(),
        versions: BTreeMap::from([("scarce".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        inputs,
    };
    let resolved = scarce_train::config::resolved(config)?;
    if !processes.is_main() {
        return Ok(RunFolder::follow(&arguments.out, &resolved));
    }
    let existing = existing(&arguments.existing);
    let mut run = RunFolder::open(&arguments.out, existing, &resolved, &manifest)?;
    run.add_sink(TensorBoard::new(&arguments.out.join("tensorboard")));
    Ok(run)
}

fn existing(asked: &ExistingArguments) -> Existing {
    if asked.resume {
        Existing::Resume
    } else if asked.resume_previous {
        Existing::ResumePrevious
    } else if asked.overwrite {
        Existing::Overwrite
    } else {
        Existing::Refuse
    }
}

/// Adds the line that says how a run goes, on the process that writes it.
pub fn show_progress(
    run: &mut RunFolder,
    processes: &Group,
    training: &LoopConfig,
    data_wait: DataWait,
) {
    if processes.is_main() {
        let progress = Progress::new(training.steps, training.log_every);
        run.add_sink(progress.with_data_wait(data_wait));
    }
}

fn names<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<String> {
    paths.map(|path| path.display().to_string()).collect()
}
