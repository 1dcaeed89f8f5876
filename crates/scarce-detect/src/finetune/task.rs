//! One detector's training.

use ndarray::Array2;
use scarce_metrics::detection::{DetectionEvaluation, DetectionOptions, Overlap};
use scarce_mim::Intensities;
use scarce_mim::finetune::look::{Fit, Frame, Placement};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{DataWait, Loader, Remainder, Sampler};
use scarce_train::{LayerDepth, StepContext, StepLoss, Task, TaskError, named_variables};
use tch::{Device, Kind, Tensor};

use super::coco::{Truth, dataset, detections};
use super::images::check;
use super::source::InstanceImages;
use super::{Detector, FinetuneConfig, InstanceImage};
use crate::{DetectError, Images, Instances};

/// One detector's training. What it validates on is given to it; what it is reported on is not.
#[derive(Debug)]
pub struct DetectTask {
    config: FinetuneConfig,
    detector: Detector,
    validation: Vec<InstanceImage>,
    loader: Loader,
    device: Device,
}

impl DetectTask {
    /// Prepares a training. Weights are loaded into [`Self::detector`] by the caller.
    ///
    /// # Errors
    /// [`DetectError::Setting`] for settings out of range; [`DetectError::Data`] without training images, for images or masks of
    /// another shape, a class beyond the network's, and an object without a pixel, by name.
    pub fn new(
        config: FinetuneConfig,
        (training, validation): (Vec<InstanceImage>, Vec<InstanceImage>),
        intensities: Intensities,
        seed: Seed,
        device: Device,
    ) -> Result<Self, DetectError> {
        config.check()?;
        check(&config, &training, &validation)?;
        let detector = Detector::new(&config, intensities.clone(), seed, device)?;
        let sampler = Sampler::shuffled(training.len(), config.batch, Remainder::CarryOver)?;
        let source = InstanceImages::new(training, intensities, &config);
        let loader = Loader::new(source, sampler, seed, config.loader)?;
        Ok(Self {
            config,
            detector,
            validation,
            loader,
            device,
        })
    }

    /// The detector.
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The time spent waiting for images, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, DetectError> {
        let mut batch = self.loader.batch_for(context)?;
        let share = context.share(batch.samples.len())?;
        let (start, length) = (share.range.start as i64, share.range.len() as i64);
        let mut mine = |name: &str, device: Device| -> Result<Tensor, DetectError> {
            Ok(batch.take(name, device)?.f_narrow(0, start, length)?)
        };
        let pixels = mine("pixels", self.device)?;
        let sizes = Vec::<i64>::try_from(mine("size_yx", Device::Cpu)?.f_view([-1])?)?;
        let objects = Vec::<i64>::try_from(mine("objects", Device::Cpu)?.f_view([-1])?)?;
        let [boxes, classes] = [mine("boxes", self.device)?, mine("classes", self.device)?];
        let masks = if self.config.network.regions.masks {
            Some(mine("masks", self.device)?.f_to_kind(Kind::Float)?)
        } else {
            None
        };
        let mut instances = Vec::with_capacity(objects.len());
        for (place, n) in objects.iter().enumerate() {
            let of_image = |whole: &Tensor| whole.f_select(0, place as i64)?.f_narrow(0, 0, *n);
            instances.push(Instances {
                boxes: of_image(&boxes)?,
                classes: of_image(&classes)?,
                masks: masks.as_ref().map(of_image).transpose()?,
            });
        }
        let samples = &batch.samples[share.range.clone()];
        let stream = |sample: &scarce_train::loader::DrawnSample| {
            context.seed.stream(StreamKey {
                epoch: sample.draw.epoch,
                sample_id: &sample.id,
                purpose: "proposals",
            })
        };
        let mut rngs: Vec<_> = samples.iter().map(stream).collect();
        let images = Images {
            pixels,
            sizes_yx: sizes.as_chunks::<2>().0.to_vec(),
        };
        let losses = (self.detector.network()).losses(&images, &instances, &mut rngs)?;
        let figures = losses.named().into_iter();
        let figures = figures.map(|(name, loss)| (name.to_owned(), loss.double_value(&[])));
        Ok(StepLoss {
            figures: figures.collect(),
            total: losses.total() * share.loss_weight,
            sample_ids: samples.iter().map(|sample| sample.id.clone()).collect(),
        })
    }

    /// `validation_box_ap`, COCO's AP of boxes over the validation images on the network's input, and `validation_mask_ap` where
    /// there are masks.
    fn figures(&self) -> Result<Vec<(String, f64)>, DetectError> {
        if self.validation.is_empty() {
            return Ok(Vec::new());
        }
        let input = self.config.input_yx;
        let frame = Frame::new(input, input, Fit::Squash)?;
        let shown: Vec<_> = self.validation.iter().map(|i| (&i.pixels, frame)).collect();
        let found = detections(&self.detector.find(&shown)?)?;
        let masks: Vec<Vec<(u8, Array2<bool>)>> = self
            .validation
            .iter()
            .map(|image| {
                let instances = image.instances.iter();
                let seen = instances.map(|instance| {
                    let mask = Placement::WHOLE.see_labels(instance.mask.view(), input);
                    (instance.class, mask.mapv(|value| value != 0))
                });
                seen.collect()
            })
            .collect();
        let images: Vec<Truth<'_>> = self
            .validation
            .iter()
            .zip(&masks)
            .map(|(image, masks)| Truth {
                file_name: &image.id,
                size_yx: input,
                objects: masks
                    .iter()
                    .map(|(class, mask)| (*class, mask.view()))
                    .collect(),
            })
            .collect();
        let classes: Vec<String> = (1..self.config.network.regions.classes)
            .map(|class| class.to_string())
            .collect();
        let truth = dataset(&images, &classes)?;
        let mut figures = Vec::new();
        for (name, overlap) in [("box", Overlap::Boxes), ("mask", Overlap::Masks)] {
            if overlap == Overlap::Masks && !self.config.network.regions.masks {
                continue;
            }
            let options = DetectionOptions::default().with_overlap(overlap);
            let scored = DetectionEvaluation::new(&truth, &found, &options)?.figures();
            // Without an object there is nothing to be found.
            let ap = scored.get("ap").copied().flatten().unwrap_or(f64::NAN);
            figures.push((format!("validation_{name}_ap"), ap));
        }
        Ok(figures)
    }
}

impl Task for DetectTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context)?)
    }

    fn validate(&mut self, _context: &StepContext) -> Result<Vec<(String, f64)>, TaskError> {
        Ok(self.figures()?)
    }

    fn layer(&self, parameter: &str) -> Option<LayerDepth> {
        Some(self.detector.layer(parameter))
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.detector.store)
    }
}
