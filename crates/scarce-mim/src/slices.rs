//! Slices as samples: cropped and masked on the loader's workers.

use ndarray::{Array2, ArrayView2, Axis, Slice, arr1};
use rand::Rng as _;
use scarce_mask::{Audit, RegionGrid, sample};
use scarce_train::image::{Seed, StreamKey};
use scarce_train::loader::{Sample, SampleContext, Source, SourceError};

use crate::{MimError, PretrainConfig};

/// One slice to train on.
#[derive(Debug, Clone)]
pub struct SliceSample {
    /// Its name; masks and crops are functions of it.
    pub id: String,
    /// Intensities in 0 to 1, `(y, x)`.
    pub pixels: Array2<f32>,
    /// The region that matters, `(y, x)`.
    pub region: Array2<bool>,
}

/// A slice's crop, and what is hidden of it.
pub(crate) struct Crop {
    pub pixels: Array2<f32>,
    pub region: Array2<bool>,
    pub cells: RegionGrid,
    pub hidden: Array2<bool>,
    pub audit: Audit,
}

/// The slices of a pre-training, with how they are cropped and masked.
#[derive(Debug)]
pub(crate) struct Slices {
    pub config: PretrainConfig,
    pub slices: Vec<SliceSample>,
}

impl Slices {
    /// The crop and mask of a slice in an epoch.
    pub(crate) fn crop(&self, index: usize, epoch: u64, seed: Seed) -> Result<Crop, MimError> {
        let slice = &self.slices[index];
        let key = |purpose| StreamKey {
            epoch,
            sample_id: &slice.id,
            purpose,
        };
        let mut rng = seed.stream(key("crop"));
        let crop = self.config.crop_yx;
        let shape: [usize; 2] = slice.pixels.dim().into();
        let on_region = rng.random::<f64>() < self.config.region_chance;
        let inside: Vec<(usize, usize)> = if on_region {
            slice
                .region
                .indexed_iter()
                .filter(|(_, v)| **v)
                .map(|(at, _)| at)
                .collect()
        } else {
            Vec::new()
        };
        let target = (!inside.is_empty())
            .then(|| inside[rng.random_range(0..inside.len() as u64) as usize])
            .map(<[usize; 2]>::from);
        let start = [0, 1].map(|a| {
            let room = shape[a].saturating_sub(crop[a]);
            let jitter = rng.random::<f64>();
            match target {
                Some(at) => {
                    let half = crop[a] as f64 / 2.0;
                    let centred = at[a] as f64 - half + (jitter - 0.5) * half;
                    centred.clamp(0.0, room as f64) as usize
                }
                None => (jitter * (room + 1) as f64) as usize,
            }
        });
        let region = cut(slice.region.view(), start, crop, false);
        let grid = crop.map(|n| n / self.config.encoder.stride());
        let mask_error = |source| MimError::Mask {
            sample: slice.id.clone(),
            source,
        };
        let cells = RegionGrid::from_mask(region.view(), grid, self.config.patch_rule)
            .map_err(mask_error)?;
        let (policy, rounding) = (&self.config.policy, self.config.rounding);
        let mask = sample(&cells, policy, rounding, seed, key("mask")).map_err(mask_error)?;
        Ok(Crop {
            pixels: cut(slice.pixels.view(), start, crop, 0.0),
            region,
            cells,
            hidden: mask.hidden,
            audit: mask.audit,
        })
    }
}

impl Source for Slices {
    fn len(&self) -> usize {
        self.slices.len()
    }

    fn id(&self, index: usize) -> String {
        self.slices[index].id.clone()
    }

    /// `pixels` `(1, y, x)`; `hidden` and `region`, `(1, row, column)` of the grid; `audit`, the mask's
    /// counts of hidden cells, cells, hidden cells of the region and cells of the region.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let crop = self.crop(index, context.epoch, context.seed)?;
        let audit = crop.audit;
        let counts = [
            audit.hidden,
            audit.cells,
            audit.hidden_region,
            audit.region_cells,
        ];
        Ok(Sample::new()
            .with("pixels", crop.pixels.insert_axis(Axis(0)))
            .with("hidden", crop.hidden.insert_axis(Axis(0)))
            .with("region", crop.cells.cells().clone().insert_axis(Axis(0)))
            .with("audit", arr1(&counts.map(|n| n as i64))))
    }
}

/// The window of an array, `outside` where it leaves it at the far ends.
fn cut<T: Copy>(
    array: ArrayView2<'_, T>,
    start: [usize; 2],
    shape: [usize; 2],
    outside: T,
) -> Array2<T> {
    let mut window = Array2::from_elem((shape[0], shape[1]), outside);
    let whole: [usize; 2] = array.dim().into();
    let size = [0, 1].map(|a| shape[a].min(whole[a] - start[a]));
    let inner = array.slice_each_axis(|axis| {
        let a = axis.axis.index();
        Slice::from(start[a]..start[a] + size[a])
    });
    window
        .slice_each_axis_mut(|axis| Slice::from(0..size[axis.axis.index()]))
        .assign(&inner);
    window
}
