//! Distances between the surfaces of two masks.
//!
//! Both masks lie in the box around them: nothing outside it is nearer than what is inside.

mod nearest;
mod percentile;
mod surfels;
mod voxels;

use super::Convention;
use super::bits::BitGrid;
use percentile::{percentile, percentile_by_area};
use surfels::Surfels;
pub(super) use voxels::border;

/// Distances from each surface to the other, in the order of the points on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SurfaceDistances {
    convention: Convention,
    from_prediction: Directed,
    from_reference: Directed,
}

#[derive(Debug, Clone, PartialEq)]
struct Directed {
    distances: Vec<f64>,
    /// Of the surface at each point, where the convention weighs by it.
    areas: Option<Vec<f64>>,
}

impl SurfaceDistances {
    /// Between two masks of one shape that are both not empty. Surfaces are not looked for across an
    /// axis that is not extended.
    pub(crate) fn between(
        prediction: &BitGrid,
        reference: &BitGrid,
        extended: [bool; 3],
        spacing_zyx: [f64; 3],
        convention: Convention,
    ) -> Self {
        let surface = |mask: &BitGrid| match convention {
            Convention::Pooled | Convention::MaxDirected => (border(mask, extended), None),
            Convention::Area => {
                let surfels = Surfels::of(mask, extended, spacing_zyx);
                (surfels.corners, Some(surfels.areas))
            }
        };
        let ((p, p_areas), (r, r_areas)) =
            rayon::join(|| surface(prediction), || surface(reference));
        let directed = |from: &BitGrid, to: &BitGrid, areas| Directed {
            distances: nearest::distances(from, to, spacing_zyx),
            areas,
        };
        let (from_prediction, from_reference) =
            rayon::join(|| directed(&p, &r, p_areas), || directed(&r, &p, r_areas));
        Self {
            convention,
            from_prediction,
            from_reference,
        }
    }

    /// The largest distance, the same whichever way percentiles are pooled.
    pub(crate) fn hausdorff(&self) -> f64 {
        let both = [&self.from_prediction, &self.from_reference];
        let all = both.into_iter().flat_map(|directed| &directed.distances);
        all.copied().fold(0.0, f64::max)
    }

    /// The percentile (0 to 100) under the convention.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let (a, b) = (&self.from_prediction, &self.from_reference);
        if self.convention == Convention::Pooled {
            return percentile(&mut [&a.distances[..], &b.distances[..]].concat(), percent);
        }
        let (a, b) = rayon::join(|| a.percentile(percent), || b.percentile(percent));
        a.max(b)
    }

    /// Mean distance from the prediction's surface to the reference's.
    pub(crate) fn directed_mean(&self) -> f64 {
        self.from_prediction.mean()
    }

    /// Mean over both directions' distances together.
    pub(crate) fn pooled_mean(&self) -> f64 {
        let (a, b) = (&self.from_prediction, &self.from_reference);
        (a.sum() + b.sum()) / (a.size() + b.size())
    }

    /// Mean of the two directions' means.
    pub(crate) fn mean_of_means(&self) -> f64 {
        0.5 * (self.from_prediction.mean() + self.from_reference.mean())
    }

    /// The share of both surfaces that lies no further than the tolerance from the other.
    pub(crate) fn share_within(&self, tolerance: f64) -> f64 {
        let (a, b) = (&self.from_prediction, &self.from_reference);
        (a.size_within(tolerance) + b.size_within(tolerance)) / (a.size() + b.size())
    }
}

/// Sizes are areas, or numbers of points where all count alike.
impl Directed {
    fn size(&self) -> f64 {
        match &self.areas {
            Some(areas) => areas.iter().sum(),
            None => self.distances.len() as f64,
        }
    }

    fn size_within(&self, tolerance: f64) -> f64 {
        let near = |d: &f64| *d <= tolerance;
        match &self.areas {
            Some(areas) => {
                let pairs = self.distances.iter().zip(areas);
                pairs.filter(|(d, _)| near(d)).map(|(_, area)| area).sum()
            }
            None => self.distances.iter().filter(|d| near(d)).count() as f64,
        }
    }

    fn sum(&self) -> f64 {
        match &self.areas {
            Some(areas) => self.distances.iter().zip(areas).map(|(d, a)| d * a).sum(),
            None => self.distances.iter().sum(),
        }
    }

    fn mean(&self) -> f64 {
        self.sum() / self.size()
    }

    fn percentile(&self, percent: f64) -> f64 {
        match &self.areas {
            Some(areas) => percentile_by_area(&self.distances, areas, percent),
            None => percentile(&mut self.distances.clone(), percent),
        }
    }
}
