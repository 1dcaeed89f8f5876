//! A detector, and what it finds on canvases.

use ndarray::Array3;
use scarce_mim::Intensities;
use scarce_mim::finetune::look::{Frame, whole};
use scarce_train::image::Seed;
use scarce_train::pytorch_init::seed_initialisation;
use scarce_train::{LayerDepth, named_variables};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use super::found::found;
use super::{FinetuneConfig, Found};
use crate::{DetectError, Images, MaskRcnn};

/// What the names of the encoder's variables begin with.
const ENCODER: &str = "backbone.body.";

/// A detector, with what its images are shown as.
#[derive(Debug)]
pub struct Detector {
    /// All variables, by torchvision's names.
    pub store: VarStore,
    network: MaskRcnn,
    config: FinetuneConfig,
    intensities: Intensities,
    device: Device,
}

impl Detector {
    /// A network drawn from libtorch's generator seeded by `seed`.
    ///
    /// # Errors
    /// [`DetectError::Setting`] for settings out of range.
    pub fn new(
        config: &FinetuneConfig,
        intensities: Intensities,
        seed: Seed,
        device: Device,
    ) -> Result<Self, DetectError> {
        config.check()?;
        intensities.check(config.network.encoder.in_channels)?;
        seed_initialisation(seed);
        let store = VarStore::new(device);
        Ok(Self {
            network: MaskRcnn::new(&store.root(), &config.network)?,
            store,
            config: config.clone(),
            intensities,
            device,
        })
    }

    /// What is found on canvases that nothing is drawn of, each with where its image lies on it: for each image in its own
    /// pixels, best first.
    ///
    /// # Errors
    /// [`DetectError::Data`] for a canvas of another shape.
    pub fn find(&self, images: &[(&Array3<f32>, Frame)]) -> Result<Vec<Vec<Found>>, DetectError> {
        let [height, width] = Frame::canvas_yx(self.config.input_yx);
        let expected = (
            self.config.network.encoder.in_channels as usize,
            height,
            width,
        );
        let mut all = Vec::with_capacity(images.len());
        for batch in images.chunks(self.config.batch) {
            if let Some((canvas, _)) = batch.iter().find(|(canvas, _)| canvas.dim() != expected) {
                let got = canvas.dim();
                let message =
                    format!("expected a canvas of (channel, y, x) {expected:?}, got {got:?}");
                return Err(DetectError::Data { message });
            }
            let canvases = batch.iter().map(|(canvas, _)| *canvas);
            let (input, device) = (self.config.input_yx, self.device);
            let shown = Images {
                pixels: whole(canvases, input, &self.intensities, device)?,
                sizes_yx: vec![input.map(|n| n as i64); batch.len()],
            };
            for (detections, (_, frame)) in self.network.detect(&shown)?.iter().zip(batch) {
                all.push(found(detections, frame)?);
            }
        }
        Ok(all)
    }

    /// The network.
    pub fn network(&self) -> &MaskRcnn {
        &self.network
    }

    /// The encoder's variables, by timm's names.
    pub fn encoder_variables(&self) -> Vec<(String, Tensor)> {
        let all = named_variables(&self.store).into_iter();
        all.filter_map(|(name, tensor)| Some((name.strip_prefix(ENCODER)?.to_owned(), tensor)))
            .collect()
    }

    /// The layer a parameter belongs to; pyramid and heads are the last.
    pub fn layer(&self, parameter: &str) -> LayerDepth {
        let encoder = self.network.encoder();
        let last = encoder.layers();
        let layer = parameter
            .strip_prefix(ENCODER)
            .map_or(last, |name| encoder.layer_of(name));
        LayerDepth {
            layer: layer as u32,
            layers: last as u32 + 1,
        }
    }
}
