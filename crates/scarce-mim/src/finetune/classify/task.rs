//! One classifier's training.

use std::sync::Arc;

use ndarray::{Array2, Axis};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{DataWait, Loader, Remainder, Sampler};
use scarce_train::metrics::classification::RankedScores;
use scarce_train::{LayerDepth, StepContext, StepLoss, Task, TaskError, named_variables};
use tch::{Device, Kind, Tensor};

use super::head::is_head;
use super::nearest::nearest_neighbours;
use super::source::LabelledImages;
use super::{
    ClassificationLoss, Classifier, ClassifyConfig, Mode, smoothed, soft_binary_cross_entropy,
    soft_cross_entropy,
};
use crate::Intensities;
use crate::MimError;
use crate::finetune::LabelledImage;
use crate::finetune::images::check_canvases;
use crate::finetune::look::Frame;

/// One classifier's training. What it validates on is given to it; what it is reported on is not.
#[derive(Debug)]
pub struct ClassifyTask {
    config: ClassifyConfig,
    network: Classifier,
    training: Arc<Vec<LabelledImage>>,
    validation: Vec<LabelledImage>,
    classes: usize,
    loader: Loader,
    device: Device,
}

impl ClassifyTask {
    /// Prepares a training. Weights are loaded into [`Self::network`] by the caller.
    ///
    /// # Errors
    /// [`MimError::Setting`] for settings out of range; [`MimError::Data`] without training images, for a class that
    /// none of them has, for images of another shape or with values that are not finite, by name.
    pub fn new(
        config: ClassifyConfig,
        classes: usize,
        (training, validation): (Vec<LabelledImage>, Vec<LabelledImage>),
        intensities: Intensities,
        seed: Seed,
        device: Device,
    ) -> Result<Self, MimError> {
        let channels = config.encoder.in_channels;
        let canvas = Frame::canvas_yx(config.input_yx);
        let all = training.iter().chain(&validation);
        check_canvases(
            all.clone().map(|i| (i.id.as_str(), &i.pixels)),
            channels,
            canvas,
        )?;
        let refuse = |message| Err(MimError::Data { message });
        if let Some(image) = all.clone().find(|image| image.class >= classes) {
            let (id, class) = (&image.id, image.class);
            return refuse(format!("image {id} is of class {class} of {classes}"));
        }
        if let Some(class) = (0..classes).find(|class| !training.iter().any(|i| i.class == *class))
        {
            return refuse(format!("class {class} of {classes} has no training image"));
        }
        if classes < 2 {
            return refuse(format!("{classes} classes, expected at least 2"));
        }
        let network = Classifier::new(&config, classes, intensities.clone(), seed, device)?;
        let training = Arc::new(training);
        let source = LabelledImages {
            images: Arc::clone(&training),
            intensities,
            input_yx: config.input_yx,
            augmentation: config.augmentation.clone(),
        };
        let sampler = Sampler::shuffled(training.len(), config.batch, Remainder::CarryOver)?;
        let loader = Loader::new(source, sampler, seed, config.loader)?;
        Ok(Self {
            config,
            network,
            training,
            validation,
            classes,
            loader,
            device,
        })
    }

    /// The network.
    pub fn network(&self) -> &Classifier {
        &self.network
    }

    /// The time spent waiting for images, for who shows it while the training goes on.
    pub fn data_wait(&self) -> DataWait {
        self.loader.data_wait()
    }

    /// The probability of each class for images that nothing is drawn of, `(image, class)`: the head's, or the votes of the
    /// training images under [`Mode::Nearest`].
    ///
    /// # Errors
    /// [`MimError::Data`] for images that do not fit, by name.
    pub fn predict(&self, images: &[LabelledImage]) -> Result<Array2<f64>, MimError> {
        let Mode::Nearest {
            neighbours,
            temperature,
        } = self.config.mode
        else {
            return self.network.probabilities(images);
        };
        let classes: Vec<usize> = self.training.iter().map(|image| image.class).collect();
        nearest_neighbours(
            (&self.network.features_of(&self.training)?, &classes),
            &self.network.features_of(images)?,
            self.classes,
            (neighbours, temperature),
        )
    }

    fn step_loss(&mut self, context: &StepContext) -> Result<StepLoss, MimError> {
        let mut batch = self.loader.batch_for(context)?;
        let pixels = batch.take("pixels", self.device)?;
        let classes = batch.take("class", self.device)?.f_squeeze_dim(1)?;
        let targets = smoothed(&classes, self.classes as i64, self.config.label_smoothing)?;
        let mix = self.config.mixing.and_then(|mixing| {
            let mut rng = context.seed.stream(StreamKey {
                epoch: context.step,
                sample_id: "",
                purpose: "mixing",
            });
            mixing.draw(self.config.input_yx.map(|n| n as i64), &mut rng)
        });
        let (pixels, targets) = match mix {
            Some(mix) => mix.apply(&pixels, &targets)?,
            None => (pixels, targets),
        };
        let share = context.share(batch.samples.len())?;
        let (start, length) = (share.range.start as i64, share.range.len() as i64);
        let mine = |whole: &Tensor| whole.f_narrow(0, start, length);
        let (pixels, targets, classes) = (mine(&pixels)?, mine(&targets)?, mine(&classes)?);
        let features = if self.config.mode == Mode::Linear {
            // No gradient, and norms as they are: a probe that moved statistics would be no probe.
            tch::no_grad(|| self.network.features(&pixels, false))?
        } else {
            self.network.features(&pixels, true)?
        };
        let logits = self.network.head(&features, true)?;
        let loss = match self.config.loss {
            ClassificationLoss::SoftCrossEntropy => soft_cross_entropy(&logits, &targets)?,
            ClassificationLoss::BinaryCrossEntropy => soft_binary_cross_entropy(&logits, &targets)?,
        };
        let right = logits.f_argmax(1, false)?.f_eq_tensor(&classes)?;
        let accuracy = right.f_to_kind(Kind::Float)?.f_mean(Kind::Float)?;
        let samples = &batch.samples[share.range.clone()];
        Ok(StepLoss {
            total: loss * share.loss_weight,
            figures: vec![("accuracy".to_owned(), accuracy.f_double_value(&[])?)],
            sample_ids: samples.iter().map(|s| s.id.clone()).collect(),
        })
    }

    /// `validation_loss`, the mean of -ln of the true class's probability; `validation_accuracy`; and
    /// `validation_roc_auc`, the mean over classes, each against the rest.
    fn figures(&self) -> Result<Vec<(String, f64)>, MimError> {
        if self.validation.is_empty() {
            return Ok(Vec::new());
        }
        let probabilities = self.predict(&self.validation)?;
        let n = self.validation.len() as f64;
        let (mut loss, mut right) = (0.0, 0.0);
        for (image, row) in self.validation.iter().zip(probabilities.rows()) {
            loss -= row[image.class].max(1e-12).ln() / n;
            let surest = (0..self.classes).max_by(|a, b| row[*a].total_cmp(&row[*b]));
            right += f64::from(u8::from(surest == Some(image.class))) / n;
        }
        let mut areas = Vec::new();
        for (class, scores) in probabilities.axis_iter(Axis(1)).enumerate() {
            let positive: Vec<bool> = self.validation.iter().map(|i| i.class == class).collect();
            let ranked = RankedScores::new(&positive, &scores.to_vec());
            // Undefined where the validation images are all of this class, or none is.
            areas.extend(ranked.ok().and_then(|ranked| ranked.roc_auc().ok()));
        }
        let mut figures = vec![
            ("validation_loss".to_owned(), loss),
            ("validation_accuracy".to_owned(), right),
        ];
        if !areas.is_empty() {
            let mean = areas.iter().sum::<f64>() / areas.len() as f64;
            figures.push(("validation_roc_auc".to_owned(), mean));
        }
        Ok(figures)
    }
}

impl Task for ClassifyTask {
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
        let trains_encoder = self.config.mode != Mode::Linear;
        let all = self.weights().into_iter();
        all.filter(|(name, t)| t.requires_grad() && (trains_encoder || is_head(name)))
            .collect()
    }

    fn weights(&self) -> Vec<(String, Tensor)> {
        named_variables(&self.network.store)
    }
}
