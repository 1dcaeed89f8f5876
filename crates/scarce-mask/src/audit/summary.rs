//! The account of a data set's masks.

use serde::Serialize;

use super::{Audit, Quantisation};

/// The account of many masks, one an image.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AuditSummary {
    /// Images.
    pub images: usize,
    /// Images of which no cell belongs to the region.
    pub region_empty: usize,
    /// Those among them that have a region in pixels.
    pub region_vanished: usize,
    /// Images of which every cell belongs to the region.
    pub region_full: usize,
    /// Images with a region of which no cell is visible.
    pub region_all_hidden: usize,
    /// Images with a region of which no cell is hidden.
    pub region_none_hidden: usize,
    /// Images whose mask carries a warning.
    pub warned: usize,
    /// Mean number of the region's cells.
    pub region_cells: Spread,
    /// Share of all cells that is hidden.
    pub achieved: Spread,
    /// Share of the region's cells that is hidden, over images with a region.
    pub achieved_region: Spread,
    /// Share of the other cells that is hidden, over images with other cells.
    pub achieved_background: Spread,
    /// Lesions in all, of images whose [`Quantisation`] was given.
    pub lesions: usize,
    /// Lesions to which the grid left no cell.
    pub lesions_lost: usize,
}

/// How a figure spreads over images; 0 throughout where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Over how many images.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        if self.n == 0 {
            (self.min, self.max) = (value, value);
        }
        self.n += 1;
        self.mean += (value - self.mean) / self.n as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

impl AuditSummary {
    /// Takes in one image.
    pub fn add(&mut self, audit: &Audit, quantisation: Option<&Quantisation>) {
        let has_region = audit.region_cells > 0;
        self.images += 1;
        self.region_empty += usize::from(!has_region);
        self.region_vanished += usize::from(audit.region_vanished);
        self.region_full += usize::from(audit.region_cells == audit.cells);
        self.region_all_hidden +=
            usize::from(has_region && audit.hidden_region == audit.region_cells);
        self.region_none_hidden += usize::from(has_region && audit.hidden_region == 0);
        self.warned += usize::from(!audit.warnings.is_empty());
        self.region_cells.add(audit.region_cells as f64);
        self.achieved.add(audit.achieved);
        if let Some(share) = audit.achieved_region {
            self.achieved_region.add(share);
        }
        if let Some(share) = audit.achieved_background {
            self.achieved_background.add(share);
        }
        if let Some(quantisation) = quantisation {
            self.lesions += quantisation.lesions;
            self.lesions_lost += quantisation.lesions_lost;
        }
    }
}

impl<'a> FromIterator<(&'a Audit, Option<&'a Quantisation>)> for AuditSummary {
    fn from_iter<I: IntoIterator<Item = (&'a Audit, Option<&'a Quantisation>)>>(images: I) -> Self {
        let mut summary = Self::default();
        for (audit, quantisation) in images {
            summary.add(audit, quantisation);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use scarce_image::{Seed, StreamKey};

    use super::*;
    use crate::MaskConfig;

    #[test]
    fn a_set_is_counted_image_by_image() {
        let config = MaskConfig::paper(0.8, 0.4);
        // Of 4 cells: none by the rule though there is a pixel, none, one, all.
        let regions = [
            Array2::from_shape_fn((8, 8), |at| at == (1, 1)),
            Array2::from_elem((8, 8), false),
            Array2::from_shape_fn((8, 8), |(y, x)| y < 4 && x < 4),
            Array2::from_elem((8, 8), true),
        ];
        let mut summary = AuditSummary::default();
        for region in &regions {
            let cells = config.region_grid(region.view(), [2, 2]).unwrap();
            let key = StreamKey {
                epoch: 0,
                sample_id: "scan",
                purpose: "mask",
            };
            let mask = config.sample(&cells, Seed(1), key).unwrap();
            let quantisation = Quantisation::of(region.view(), &cells).unwrap();
            summary.add(&mask.audit, Some(&quantisation));
        }
        assert_eq!(summary.images, 4);
        assert_eq!((summary.region_empty, summary.region_vanished), (2, 1));
        assert_eq!((summary.region_full, summary.region_all_hidden), (1, 2));
        assert_eq!((summary.lesions, summary.lesions_lost), (3, 1));
        // Kept: int(4 * .6) = 2 twice; int(1 * (1 - .8)) + int(3 * .6) = 0 + 1; int(4 * (1 - .8)) = 0.
        let spread = |n, mean, min, max| Spread { n, mean, min, max };
        assert_eq!(summary.achieved, spread(4, 0.6875, 0.5, 1.0));
        assert_eq!(summary.achieved_region, spread(2, 1.0, 1.0, 1.0));
        assert_eq!(summary.region_cells, spread(4, 1.25, 0.0, 4.0));
        // No cell, no cell, and nothing left visible.
        assert_eq!(summary.warned, 3);
    }
}
