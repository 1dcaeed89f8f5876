//! A trained network on one volume after another, on their own grids.

use ndarray::{Array3, Array4, ArrayView3, Axis};
use scarce_corn::inference::{Windows, sliding_window, sliding_window_labels};
use scarce_corn::{CornError, TrainedNetwork};
use scarce_image::{
    Connectivity, Geometry, Grid, LabelMap, Mask, Volume, VoxelBox, largest_component,
    resample_linear, resample_nearest,
};
use scarce_train::Checkpoint;
use tch::{Device, Tensor};

use super::inputs::SemiFile;
use crate::preprocessing::Preprocessing;

/// A trained network and how it is run.
pub struct Segmenter {
    trained: TrainedNetwork,
    windows: Windows,
    streamed: bool,
    largest_component: bool,
    preprocessing: Preprocessing,
    device: Device,
}

/// A volume's segmentation, on its own grid.
pub struct Segmented {
    /// Classes.
    pub labels: LabelMap,
    /// The probability of all classes but the background.
    pub foreground: Volume<f32>,
    /// How many classes there are.
    pub classes: usize,
}

impl Segmented {
    /// Voxels of each class, the background first.
    pub fn voxels(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for label in self.labels.voxels() {
            counts[usize::from(*label)] += 1;
        }
        counts
    }
}

impl Segmenter {
    /// The network called `network` of a run, or the one that its recipe predicts with.
    pub fn load(
        config: &SemiFile,
        checkpoint: &Checkpoint,
        network: Option<&str>,
        device: Device,
    ) -> anyhow::Result<Self> {
        let weights = checkpoint.group("weights")?;
        let trained = TrainedNetwork::load(&config.method, network, weights, device)?;
        let windows = config.inference.windows(config.method.patch_zyx);
        windows.check()?;
        Ok(Self {
            trained,
            windows,
            streamed: config.inference.streamed,
            largest_component: config.inference.largest_component,
            preprocessing: config.preprocessing.clone(),
            device,
        })
    }

    /// The part of a volume that is segmented; all of it where it would be found by labels and there are none.
    pub fn part(&self, grid: &Grid, labels: Option<&LabelMap>) -> anyhow::Result<Option<VoxelBox>> {
        if labels.is_none() && self.preprocessing.looks_at_labels() {
            tracing::warn!(
                "no labels to crop about: the whole volume is segmented, more of it than in training"
            );
            return Ok(None);
        }
        self.preprocessing.part(grid, labels)
    }

    /// A part of a volume as the network sees it.
    pub fn prepare(
        &self,
        native: &Volume<f32>,
        part: Option<VoxelBox>,
    ) -> anyhow::Result<Volume<f32>> {
        self.preprocessing.prepare_part(native, part)
    }

    /// Segments a prepared volume; what lies on the native grid beyond it is background.
    pub fn segment(&self, prepared: &Volume<f32>, native: &Grid) -> anyhow::Result<Segmented> {
        let forward =
            |x: &Tensor| -> Result<Tensor, CornError> { self.trained.network.forward_main(x) };
        let image = prepared.voxels().view();
        let mut segmented = if self.streamed {
            self.streamed(&forward, image, prepared.geometry(), native)?
        } else {
            let shares = sliding_window(&forward, image, &self.windows, self.device)?;
            onto(native, &shares, prepared.geometry())
        };
        if self.largest_component {
            segmented.keep_largest();
        }
        Ok(segmented)
    }

    fn streamed(
        &self,
        forward: &scarce_corn::inference::Forward<'_>,
        image: ArrayView3<'_, f32>,
        geometry: &Geometry,
        native: &Grid,
    ) -> anyhow::Result<Segmented> {
        let background = Some(0);
        let found = sliding_window_labels(forward, image, &self.windows, background, self.device)?;
        let labels = Volume::new(found.labels, *geometry);
        let background = found.probability.unwrap_or_default();
        let background = resample_linear(&Volume::new(background, *geometry), native, 1.0);
        Ok(Segmented {
            labels: resample_nearest(&labels, native, 0),
            foreground: background.map(|share| 1.0 - share),
            classes: found.classes,
        })
    }
}

/// The likeliest class of each of a grid's voxels by probabilities `(class, z, y, x)` that lie as `geometry` says; beyond
/// them there is background.
pub fn onto(native: &Grid, shares: &Array4<f32>, geometry: &Geometry) -> Segmented {
    let mut best = Array3::<f32>::zeros(native.shape_zyx);
    let mut labels = Array3::<u16>::zeros(native.shape_zyx);
    let mut foreground = Array3::<f32>::zeros(native.shape_zyx);
    for (class, share) in shares.axis_iter(Axis(0)).enumerate() {
        let share = Volume::new(share.to_owned(), *geometry);
        let outside = if class == 0 { 1.0 } else { 0.0 };
        let on_native = resample_linear(&share, native, outside);
        ndarray::Zip::from(&mut best)
            .and(&mut labels)
            .and(on_native.voxels())
            .for_each(|best, label, p| {
                if *p > *best {
                    (*best, *label) = (*p, class as u16);
                }
            });
        if class > 0 {
            foreground += on_native.voxels();
        }
    }
    Segmented {
        labels: LabelMap::new(labels, native.geometry),
        foreground: Volume::new(foreground, native.geometry),
        classes: shares.len_of(Axis(0)),
    }
}

impl Segmented {
    fn keep_largest(&mut self) {
        let geometry = *self.labels.geometry();
        let mut labels = self.labels.voxels().clone();
        for class in 1..self.classes as u16 {
            let mask = Mask::new(labels.map(|label| *label == class), geometry);
            let kept = largest_component(&mask, Connectivity::Corners26);
            ndarray::Zip::from(&mut labels)
                .and(mask.voxels())
                .and(kept.voxels())
                .for_each(|label, was, stays| {
                    if *was && !*stays {
                        *label = 0;
                    }
                });
        }
        self.labels = LabelMap::new(labels, geometry);
    }
}
