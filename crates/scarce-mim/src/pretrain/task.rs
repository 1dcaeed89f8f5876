//! The training task.

use std::fmt;
use std::sync::Arc;

use ndarray::Axis;
use scarce_train::image::Seed;
use scarce_train::loader::{Batch, DataWait, Loader, Remainder, SampleArray, Sampler, Source as _};
use scarce_train::pytorch_init::seed_initialisation;
use scarce_train::{StepContext, StepLoss, Task, TaskError, named_variables, tensor_from_array};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::source::Views;
use super::{ImageSource, PretrainConfig, Reconstruction, image};
use crate::loss::{counted_patches, normalise, patchify, reconstruction_loss, unpatchify};
use crate::sparse::Active;
use crate::{Intensities, MaskedModel, MimError};

/// Images whose pixels make up the data set's mean and standard deviation, at most.
const IMAGES_OF_STATISTICS: usize = 1000;

/// Takes the reconstructions of a training as it goes on, with the number of steps done.
pub type Viewer = Box<dyn FnMut(u64, Vec<Reconstruction>) -> Result<(), TaskError> + Send>;

/// One pre-training.
pub struct PretrainTask {
    views: Arc<Views>,
    config: PretrainConfig,
    loader: Loader,
    store: VarStore,
    network: MaskedModel,
    intensities: Option<Intensities>,
    /// Their mean and deviation, as `(1, channel, 1, …)`.
    standard: Option<[Tensor; 2]>,
    viewing: Option<Viewing>,
    device: Device,
}

struct Viewing {
    every: u64,
    images: Vec<usize>,
    viewer: Viewer,
}

impl PretrainTask {
    /// Prepares a pre-training.
    ///
    /// # Errors
    /// [`MimError::Data`] without images, or for one that can't be read while statistics are taken;
    /// [`MimError::Setting`] for settings out of range; [`MimError::Loader`] for two images of one name.
    pub fn new(
        config: PretrainConfig,
        images: impl ImageSource + 'static,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        config.check()?;
        if images.is_empty() {
            return Err(MimError::Data {
                message: "there is no image".to_owned(),
            });
        }
        seed_initialisation(seed);
        let store = VarStore::new(device);
        let root = store.root();
        let network = MaskedModel::new(&root, &config.encoder, config.decoder_width)?;
        let intensities = if config.standardise {
            let channels = config.encoder.in_channels;
            Some(image::intensities(&images, channels, IMAGES_OF_STATISTICS)?)
        } else {
            None
        };
        let axes = config.view.size.len();
        let standard = intensities
            .as_ref()
            .map(|i| [&i.mean, &i.std].map(|values| of_channels(values, axes, device)));
        let sampler = Sampler::shuffled(images.len(), config.batch, Remainder::CarryOver)?;
        let views = Arc::new(Views::new(config.clone(), Arc::new(images), seed));
        let loader = Loader::new(Arc::clone(&views), sampler, seed, config.loader)?;
        Ok(Self {
            views,
            config,
            loader,
            store,
            network,
            intensities,
            standard,
            viewing: None,
            device,
        })
    }

    /// The time spent waiting for views, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    /// The encoder's variables by timm's names, to start from other weights than those drawn.
    pub fn encoder_weights(&self) -> Vec<(String, Tensor)> {
        let named = named_variables(&self.store).into_iter();
        named
            .filter_map(|(name, tensor)| Some((name.strip_prefix("encoder.")?.to_owned(), tensor)))
            .collect()
    }

    /// What the network is shown of intensities; none where that is the intensities themselves.
    pub fn intensities(&self) -> Option<&Intensities> {
        self.intensities.as_ref()
    }

    /// Shows `viewer` what becomes of `images`, by index, every `every` steps; the training is the same without.
    #[must_use]
    pub fn viewed(mut self, every: u64, images: Vec<usize>, viewer: Viewer) -> Self {
        self.viewing = Some(Viewing {
            every: every.max(1),
            images,
            viewer,
        });
        self
    }

    /// The prediction for pixels `(batch, channel, …)`, as patches `(batch, cell, value)`.
    fn predict(&self, pixels: &Tensor, active: &Active, train: bool) -> Result<Tensor, MimError> {
        match &self.standard {
            None => self.network.predict(pixels, active, train),
            Some([mean, deviation]) => {
                let pixels = (pixels - mean).f_div(deviation)?;
                self.network.predict(&pixels, active, train)
            }
        }
    }

    /// Views and masks are drawn for the whole batch, which is little work; the network sees this process's share.
    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, MimError> {
        let mut batch = self.loader.batch_for(context)?;
        let mut take = |name: &str| -> Result<Tensor, MimError> {
            Ok(batch.take(name, self.device)?.f_to_kind(Kind::Float)?)
        };
        let (pixels, hidden, region) = (take("pixels")?, take("hidden")?, take("region")?);
        let (options, patch) = (self.config.loss_options(), self.config.mask_patch() as i64);
        let counted_in_batch = (context.world_size > 1)
            .then(|| {
                let (hidden, region) = (hidden.f_flatten(1, -1)?, region.f_flatten(1, -1)?);
                counted_patches(&patchify(&pixels, patch)?, &hidden, &region, &options)
            })
            .transpose()?;
        let mine = context.share(batch.samples.len())?.range;
        let [pixels, hidden, region] = [pixels, hidden, region]
            .map(|whole| whole.f_narrow(0, mine.start as i64, mine.len() as i64));
        let (pixels, hidden, region) = (pixels?, hidden?, region?);
        let active = Active::new(&(hidden.neg() + 1.0));
        let predicted = self.predict(&pixels, &active, true)?;
        let loss = reconstruction_loss(
            &predicted,
            &patchify(&pixels, patch)?,
            &hidden.f_flatten(1, -1)?,
            &region.f_flatten(1, -1)?,
            &options,
        )?;
        let total = match counted_in_batch {
            None => loss.total,
            // The batch's loss is a mean over patches: by samples, a share that hides few would weigh too much.
            Some(whole) => {
                let part = loss.counted / whole.max(f64::MIN_POSITIVE);
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

    /// What the network makes of image `index`, viewed and masked as in `epoch` of the run.
    ///
    /// # Errors
    /// [`MimError::Data`] beyond the last image, and for one that can't be read.
    pub fn reconstruct(
        &self,
        index: usize,
        epoch: u64,
        seed: Seed,
    ) -> Result<Reconstruction, MimError> {
        if index >= self.views.len() {
            let message = format!("there is no image {index} of {}", self.views.len());
            return Err(MimError::Data { message });
        }
        let _guard = tch::no_grad_guard();
        let id = self.views.id(index);
        let view = self.views.view(index, epoch, seed);
        let view = view.map_err(|error| MimError::Data {
            message: format!("{id}: {error}"),
        })?;
        let patch = self.config.mask_patch() as i64;
        let hidden = view
            .hidden
            .mapv(|hidden| f32::from(u8::from(hidden)))
            .insert_axis(Axis(0));
        let [pixels, hidden] = [tensor_from_array(&view.pixels), tensor_from_array(&hidden)]
            .map(|t| t.unsqueeze(0).to_device(self.device));
        let active = Active::new(&(hidden.neg() + 1.0));
        let mut predicted = self.predict(&pixels, &active, false)?;
        if self.config.normalised_target {
            let target = normalise(&patchify(&pixels, patch)?)?;
            predicted = predicted * target.spread + target.mean;
        }
        let sides = self.config.view.size.iter();
        let grid: Vec<i64> = sides.map(|n| *n as i64 / patch).collect();
        let predicted = unpatchify(&predicted, self.config.encoder.in_channels, &grid)?;
        Reconstruction::new(id, view, &predicted.to_device(Device::Cpu), patch as usize)
    }
}

impl Task for PretrainTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context)?)
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.store)
    }

    fn after_step(&mut self, context: &StepContext) -> Result<(), TaskError> {
        let done = context.step + 1;
        let Some(mut viewing) = self.viewing.take() else {
            return Ok(());
        };
        if context.rank == 0 && done.is_multiple_of(viewing.every) {
            let images = viewing.images.iter();
            // Always the same view and mask, so that what is seen to change is the network.
            let views = images.map(|index| self.reconstruct(*index, 0, context.seed));
            (viewing.viewer)(done, views.collect::<Result<_, _>>()?)?;
        }
        self.viewing = Some(viewing);
        Ok(())
    }
}

impl fmt::Debug for PretrainTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PretrainTask")
            .field("config", &self.config)
            .field("images", &self.views.len())
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// Values of each channel with the axes of a batch.
fn of_channels(values: &[f32], axes: usize, device: Device) -> Tensor {
    let mut shape = vec![1; axes + 2];
    shape[1] = values.len() as i64;
    Tensor::from_slice(values)
        .view(shape.as_slice())
        .to_device(device)
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
