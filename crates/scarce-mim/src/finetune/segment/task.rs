//! One segmentation's training.

use ndarray::Axis;
use scarce_train::image::Seed;
use scarce_train::loader::{DataWait, Loader, Remainder, Sampler};
use scarce_train::{LayerDepth, StepContext, StepLoss, Task, TaskError, named_variables};
use tch::{Device, Kind, Tensor};

use super::network::is_head;
use super::source::OutlinedImages;
use super::{SegmentConfig, Segmenter, dice_and_cross_entropy};
use crate::Intensities;
use crate::MimError;
use crate::finetune::OutlinedImage;
use crate::finetune::images::check_canvases;
use crate::finetune::look::{Frame, Placement};

/// One segmentation's training. What it validates on is given to it; what it is reported on is not.
#[derive(Debug)]
pub struct SegmentTask {
    config: SegmentConfig,
    network: Segmenter,
    validation: Vec<OutlinedImage>,
    classes: usize,
    loader: Loader,
    device: Device,
}

impl SegmentTask {
    /// Prepares a training for `classes` classes, the background among them. Weights are loaded into
    /// [`Self::network`] by the caller.
    ///
    /// # Errors
    /// [`MimError::Setting`] for settings out of range; [`MimError::Data`] without training images, for images or labels
    /// of another shape, labels beyond the classes, and values that are not finite, by name.
    pub fn new(
        config: SegmentConfig,
        classes: usize,
        (training, validation): (Vec<OutlinedImage>, Vec<OutlinedImage>),
        intensities: Intensities,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        let channels = config.encoder.in_channels;
        let canvas = Frame::canvas_yx(config.input_yx);
        let all = || training.iter().chain(&validation);
        check_canvases(all().map(|i| (i.id.as_str(), &i.pixels)), channels, canvas)?;
        for image in all() {
            let got = image.labels.dim();
            if <[usize; 2]>::from(got) != canvas {
                let id = &image.id;
                let message =
                    format!("labels of {id}: expected a canvas of (y, x) {canvas:?}, got {got:?}");
                return Err(MimError::Data { message });
            }
            if let Some(label) = image.labels.iter().find(|l| usize::from(**l) >= classes) {
                let id = &image.id;
                let message =
                    format!("labels of {id}: expected classes below {classes}, got {label}");
                return Err(MimError::Data { message });
            }
        }
        let network = Segmenter::new(&config, classes, intensities.clone(), seed, device)?;
        let source = OutlinedImages {
            images: training,
            intensities,
            input_yx: config.input_yx,
            augmentation: config.augmentation.clone(),
        };
        let sampler = Sampler::shuffled(source.images.len(), config.batch, Remainder::CarryOver)?;
        let loader = Loader::new(source, sampler, seed, config.loader)?;
        Ok(Self {
            config,
            network,
            validation,
            classes,
            loader,
            device,
        })
    }

    /// The network.
    pub fn network(&self) -> &Segmenter {
        &self.network
    }

    /// The time spent waiting for images, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, MimError> {
        let mut batch = self.loader.batch_for(context)?;
        let share = context.share(batch.samples.len())?;
        let (start, length) = (share.range.start as i64, share.range.len() as i64);
        let pixels = batch.take("pixels", self.device)?;
        let labels = batch.take("labels", self.device)?.f_to_kind(Kind::Int64)?;
        let (pixels, labels) = (
            pixels.f_narrow(0, start, length)?,
            labels.f_narrow(0, start, length)?,
        );
        let logits = self.network.forward(&pixels, true)?;
        let loss = dice_and_cross_entropy(&logits, &labels, self.config.dice_weight)?;
        let samples = &batch.samples[share.range.clone()];
        Ok(StepLoss {
            total: loss.total * share.loss_weight,
            figures: vec![
                ("cross_entropy".to_owned(), loss.cross_entropy),
                ("soft_dice".to_owned(), loss.dice),
            ],
            sample_ids: samples.iter().map(|s| s.id.clone()).collect(),
        })
    }

    /// `validation_dice`: over the classes but the background, that of all validation images' pixels together, on the
    /// network's input. Undefined classes are left out.
    fn figures(&self) -> Result<Vec<(String, f64)>, MimError> {
        if self.validation.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts = vec![[0u64; 2]; self.classes];
        for part in self.validation.chunks(self.config.batch) {
            let canvases: Vec<_> = part.iter().map(|i| (i.id.as_str(), &i.pixels)).collect();
            let shares = self.network.predict(&canvases)?;
            for (image, shares) in part.iter().zip(shares.outer_iter()) {
                let truth = Placement::WHOLE.see_labels(image.labels.view(), self.config.input_yx);
                for ((y, x), truth) in truth.indexed_iter() {
                    let column = shares.index_axis(Axis(2), x);
                    let column = column.index_axis(Axis(1), y);
                    let surest = (0..self.classes)
                        .max_by(|a, b| column[*a].total_cmp(&column[*b]))
                        .unwrap_or(0);
                    let truth = usize::from(*truth);
                    counts[truth][1] += 1;
                    counts[surest][1] += 1;
                    counts[truth][0] += u64::from(truth == surest);
                }
            }
        }
        let each: Vec<f64> = counts[1..]
            .iter()
            .filter(|[_, either]| *either > 0)
            .map(|[both, either]| 2.0 * *both as f64 / *either as f64)
            .collect();
        let mean = each.iter().sum::<f64>() / each.len() as f64;
        Ok(vec![("validation_dice".to_owned(), mean)])
    }
}

impl Task for SegmentTask {
    fn loss(&mut self, context: &StepContext) -> Result<StepLoss, TaskError> {
        Ok(self.step_loss(context)?)
    }

    fn validate(&mut self, _context: &StepContext) -> Result<Vec<(String, f64)>, TaskError> {
        Ok(self.figures()?)
    }

    fn layer(&self, parameter: &str) -> Option<LayerDepth> {
        Some(self.network.layer(parameter))
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        let trains_encoder = self.config.train_encoder;
        let all = self.weights().into_iter();
        all.filter(|(name, t)| t.requires_grad() && (trains_encoder || is_head(name)))
            .collect()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.network.store)
    }
}
