//! Pre-training on slices with region-weighted masks.

use std::sync::Arc;

use ndarray::{Array2, Axis};
use scarce_mask::{Audit, PatchRule, Policy, Rounding};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{
    Batch, DataWait, Loader, LoaderConfig, Remainder, SampleArray, Sampler,
};
use scarce_train::{
    StepContext, StepLoss, Task, TaskError, array2_from_tensor, named_variables, tensor_from_array,
};
use serde::{Deserialize, Serialize};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::encoder::EncoderConfig;
use crate::loss::{
    LossOptions, counted_patches, normalise, patchify, reconstruction_loss, unpatchify,
};
use crate::slices::{SliceSample, Slices};
use crate::sparse::Active;
use crate::{MaskedModel, MimError};

/// How an encoder is pre-trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PretrainConfig {
    /// Pixels of a training crop along y and x; multiples of the encoder's deepest stride.
    pub crop_yx: [usize; 2],
    /// Slices a step.
    pub batch: usize,
    /// Chance that a crop is centred near a pixel of the slice's region.
    pub region_chance: f64,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// Channels of the decoder where it starts; each of its blocks halves them.
    pub decoder_width: i64,
    /// What is hidden.
    pub policy: Policy,
    /// How shares become counts.
    pub rounding: Rounding,
    /// When a patch belongs to the region.
    pub patch_rule: PatchRule,
    /// Patches whose variance is lower are left out of the loss.
    pub flat_variance: f64,
    /// How much a patch of the region counts in the loss beside one of the rest.
    pub region_weight: f64,
    /// Whether the network is to predict each patch with its own mean and spread taken out.
    pub normalised_target: bool,
    /// How slices are read ahead; it changes no crop and no mask.
    pub loader: LoaderConfig,
}

impl Default for PretrainConfig {
    fn default() -> Self {
        Self {
            crop_yx: [112, 112],
            batch: 16,
            region_chance: 0.75,
            encoder: EncoderConfig::default(),
            decoder_width: 128,
            policy: Policy::Region {
                high: 0.8,
                low: 0.4,
            },
            rounding: Rounding::Nearest,
            patch_rule: PatchRule::AnyOverlap,
            flat_variance: 1e-4,
            region_weight: 1.0,
            normalised_target: true,
            loader: LoaderConfig::default(),
        }
    }
}

/// What the network makes of one masked slice.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The crop, `(y, x)`.
    pub input: Array2<f32>,
    /// The crop with hidden patches at 0.
    pub masked: Array2<f32>,
    /// The crop with hidden patches as predicted, each given back its true mean and spread.
    pub output: Array2<f32>,
    /// Hidden cells `(row, column)`.
    pub hidden: Array2<bool>,
    /// The crop's region, `(y, x)`.
    pub region: Array2<bool>,
    /// The mask's account.
    pub audit: Audit,
}

/// One pre-training.
#[derive(Debug)]
pub struct PretrainTask {
    slices: Arc<Slices>,
    loader: Loader,
    store: VarStore,
    network: MaskedModel,
    device: Device,
}

impl PretrainTask {
    /// Prepares a pre-training.
    ///
    /// # Errors
    /// [`MimError::Data`] without slices, or for a region of another shape than its pixels;
    /// [`MimError::Setting`] for settings out of range; [`MimError::Loader`] for two slices of one name.
    pub fn new(
        config: PretrainConfig,
        slices: Vec<SliceSample>,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        config.encoder.check()?;
        let stride = config.encoder.stride();
        if config.crop_yx.iter().any(|n| *n == 0 || n % stride != 0) {
            return Err(MimError::Setting {
                name: "crop_yx",
                expected: format!("positive multiples of {stride}"),
                got: format!("{:?}", config.crop_yx),
            });
        }
        if config.batch == 0 {
            return Err(MimError::Setting {
                name: "batch",
                expected: "at least 1".to_owned(),
                got: "0".to_owned(),
            });
        }
        let weight = config.region_weight;
        if !weight.is_finite() || weight < 0.0 {
            return Err(MimError::Setting {
                name: "region_weight",
                expected: "a finite number, at least 0".to_owned(),
                got: weight.to_string(),
            });
        }
        if slices.is_empty() {
            return Err(MimError::Data {
                message: "there is no slice".to_owned(),
            });
        }
        if let Some(slice) = slices.iter().find(|s| s.pixels.dim() != s.region.dim()) {
            let message = format!(
                "{} has pixels of shape {:?} and a region of {:?}",
                slice.id,
                slice.pixels.dim(),
                slice.region.dim()
            );
            return Err(MimError::Data { message });
        }
        tch::manual_seed(seed.derive(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "init",
        }));
        let store = VarStore::new(device);
        let network = MaskedModel::new(&store.root(), &config.encoder, config.decoder_width)?;
        let sampler = Sampler::shuffled(slices.len(), config.batch, Remainder::CarryOver)?;
        let loader_config = config.loader;
        let slices = Arc::new(Slices { config, slices });
        let loader = Loader::new(Arc::clone(&slices), sampler, seed, loader_config)?;
        Ok(Self {
            slices,
            loader,
            store,
            network,
            device,
        })
    }

    /// How many slices there are.
    pub fn slices(&self) -> usize {
        self.slices.slices.len()
    }

    /// The time spent waiting for slices, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    /// The prediction for pixels `(batch, 1, y, x)`, as patches.
    fn predict(&self, pixels: &Tensor, hidden: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let active = Active::new(&(hidden.neg() + 1.0));
        self.network.predict(pixels, &active, train)
    }

    fn loss_options(&self) -> LossOptions {
        let config = &self.slices.config;
        LossOptions {
            flat_variance: config.flat_variance,
            region_weight: config.region_weight,
            normalised: config.normalised_target,
        }
    }

    /// Crops and masks are drawn for the whole batch, which is little work; the network sees this process's share.
    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, MimError> {
        let mut batch = self.loader.batch_for(context)?;
        let mut take = |name: &str| -> Result<Tensor, MimError> {
            Ok(batch.take(name, self.device)?.f_to_kind(Kind::Float)?)
        };
        let (pixels, hidden, region) = (take("pixels")?, take("hidden")?, take("region")?);
        let options = self.loss_options();
        let counted_in_batch = (context.world_size > 1)
            .then(|| {
                let pixels = patchify(&pixels, self.network.patch())?;
                let (hidden, region) = (hidden.f_flatten(1, -1)?, region.f_flatten(1, -1)?);
                counted_patches(&pixels, &hidden, &region, &options)
            })
            .transpose()?;
        let mine = context.share(batch.samples.len())?.range;
        let [pixels, hidden, region] = [pixels, hidden, region]
            .map(|whole| whole.f_narrow(0, mine.start as i64, mine.len() as i64));
        let (pixels, hidden, region) = (pixels?, hidden?, region?);
        let predicted = self.predict(&pixels, &hidden, true)?;
        let loss = reconstruction_loss(
            &predicted,
            &patchify(&pixels, self.network.patch())?,
            &hidden.f_flatten(1, -1)?,
            &region.f_flatten(1, -1)?,
            &options,
        )?;
        let total = match counted_in_batch {
            None => loss.total,
            // The batch's loss is a mean over patches: by samples, a share that hides few would weigh too much.
            Some(whole) => {
                let part = loss.counted / whole.max(1.0);
                loss.total * (part * f64::from(context.world_size))
            }
        };
        let [hidden, cells, hidden_region, region_cells] = mask_counts(&batch)?;
        let ratio = |part: i64, of: i64| part as f64 / of.max(1) as f64;
        let mut figures = vec![
            ("hidden_ratio".to_owned(), ratio(hidden, cells)),
            (
                "hidden_region_ratio".to_owned(),
                ratio(hidden_region, region_cells),
            ),
            ("flat_patches".to_owned(), loss.flat as f64),
        ];
        for (name, value) in [
            ("loss_region", loss.region),
            ("loss_background", loss.background),
        ] {
            figures.extend(value.map(|value| (name.to_owned(), value)));
        }
        let sample_ids = batch.samples[mine].iter().map(|s| s.id.clone()).collect();
        Ok(StepLoss {
            total,
            figures,
            sample_ids,
        })
    }

    /// What the network makes of slice `index`, cropped and masked as in `epoch` of the run.
    ///
    /// # Errors
    /// [`MimError::Data`] beyond the last slice.
    pub fn reconstruct(
        &self,
        index: usize,
        epoch: u64,
        seed: Seed,
    ) -> Result<Reconstruction, MimError> {
        if index >= self.slices() {
            let message = format!("there is no slice {index} of {}", self.slices());
            return Err(MimError::Data { message });
        }
        let _guard = tch::no_grad_guard();
        let crop = self.slices.crop(index, epoch, seed)?;
        let batch = |t: Tensor| t.unsqueeze(0).unsqueeze(0).to_device(self.device);
        let pixels = batch(tensor_from_array(&crop.pixels));
        let hidden = batch(tensor_from_array(
            &crop.hidden.mapv(|v| f32::from(u8::from(v))),
        ));
        let mut predicted = self.predict(&pixels, &hidden, false)?;
        if self.slices.config.normalised_target {
            let target = normalise(&patchify(&pixels, self.network.patch())?)?;
            predicted = predicted * target.spread + target.mean;
        }
        let grid = (self.slices.config.crop_yx).map(|n| n as i64 / self.network.patch());
        let predicted = unpatchify(&predicted, 1, &grid)?;
        let visible = Active::new(&(hidden.neg() + 1.0)).like(&pixels)?;
        let masked = &pixels * &visible;
        let output = &masked + predicted * (visible.neg() + 1.0);
        let array = |t: &Tensor| -> Result<Array2<f32>, MimError> {
            Ok(array2_from_tensor(&t.f_squeeze()?.to_device(Device::Cpu))?)
        };
        Ok(Reconstruction {
            input: crop.pixels,
            masked: array(&masked)?,
            output: array(&output.f_clamp(0.0, 1.0)?)?,
            hidden: crop.hidden,
            region: crop.region,
            audit: crop.audit,
        })
    }
}

impl Task for PretrainTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context)?)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
            .into_iter()
            .filter(|(_, t)| t.requires_grad())
            .collect()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }
}

/// The masks' counts of a batch: hidden cells, cells, hidden cells of the region, cells of the region.
fn mask_counts(batch: &Batch) -> Result<[i64; 4], MimError> {
    let mut sums = [0; 4];
    if let SampleArray::I64(audits) = batch.array("audit")? {
        for (sum, counts) in sums.iter_mut().zip(audits.axis_iter(Axis(1))) {
            *sum = counts.sum();
        }
    }
    Ok(sums)
}
