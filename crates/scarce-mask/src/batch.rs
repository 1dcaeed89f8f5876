//! Masks of a batch, on as many threads as there are.

use ndarray::{ArrayView, Dimension, IntoDimension};
use rayon::prelude::*;
use scarce_image::{Seed, StreamKey};

use crate::{MaskConfig, MaskError, PatchMask};

impl MaskConfig {
    /// A mask for each region in pixels, all on one grid, in parallel on rayon's current pool. A mask
    /// depends on its own key alone: batches may be split in any way, over threads and over
    /// processes.
    ///
    /// # Errors
    /// Those of [`MaskConfig::region_grid`] and [`MaskConfig::sample`], with the first sample that
    /// has one.
    pub fn sample_batch<D: Dimension>(
        &self,
        regions: &[(ArrayView<'_, bool, D>, StreamKey<'_>)],
        grid: impl IntoDimension<Dim = D>,
        seed: Seed,
    ) -> Result<Vec<PatchMask<D>>, (usize, MaskError)> {
        let grid = grid.into_dimension();
        let masks: Vec<_> = regions
            .par_iter()
            // A mask takes a microsecond: by fours, so that handing them out costs little.
            .with_min_len(4)
            .map(|(region, key)| {
                let cells = self.region_grid(region.view(), grid.clone())?;
                self.sample(&cells, seed, *key)
            })
            .collect();
        masks
            .into_iter()
            .enumerate()
            .map(|(k, mask)| mask.map_err(|error| (k, error)))
            .collect()
    }
}
