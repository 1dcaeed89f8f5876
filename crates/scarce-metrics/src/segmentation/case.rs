//! The figures of one case.

use std::collections::BTreeMap;

use rayon::prelude::*;
use scarce_image::{LabelMap, Mask, Volume};
use thiserror::Error;

use super::bits::BitGrid;
use super::boundary::boundary_iou;
use super::census::{Extent, extent_of, extents_of};
use super::empty::Settlement;
use super::surface::SurfaceDistances;
use super::{BoundaryWidth, Measured, Metric, SegmentationOptions, Unit};

/// Why a case has no figures.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum MetricsError {
    /// Prediction and reference are not of one image.
    #[error(
        "prediction and reference lie on different grids: {prediction_zyx:?} against {reference_zyx:?} voxels (z, y, x), spacing {prediction_mm_zyx:?} against {reference_mm_zyx:?} mm, or elsewhere in the world"
    )]
    Grid {
        /// Shape of the prediction.
        prediction_zyx: [usize; 3],
        /// Shape of the reference.
        reference_zyx: [usize; 3],
        /// Spacing of the prediction.
        prediction_mm_zyx: [f64; 3],
        /// Spacing of the reference.
        reference_mm_zyx: [f64; 3],
    },
    /// A tolerance or a boundary's width is no length.
    #[error("{what} is {got}: expected a finite number, not negative")]
    Length {
        /// What it is for.
        what: &'static str,
        /// The number as it was given.
        got: f64,
    },
}

/// Scores a prediction against its reference: every figure there is, by name.
///
/// ```
/// use ndarray::Array3;
/// use scarce_image::{Geometry, Mask};
/// use scarce_metrics::{SegmentationOptions, evaluate_case};
///
/// let cube = |from: usize| {
///     let inside = move |(z, y, x)| [z, y, x].iter().all(|i| (from..from + 4).contains(i));
///     let geometry = Geometry::from_spacing_mm_xyz([0.5, 0.5, 0.5])?;
///     Ok::<_, scarce_image::GeometryError>(Mask::new(Array3::from_shape_fn((8, 8, 8), inside), geometry))
/// };
/// let figures = evaluate_case(&cube(2)?, &cube(3)?, &SegmentationOptions::default())?;
/// assert_eq!(figures["dice"].value, Some(27.0 / 64.0));
/// assert_eq!(figures["hd"].value, Some(0.75f64.sqrt()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MetricsError`] when the two are not of one shape and place, or an option is no length.
pub fn evaluate_case(
    prediction: &Mask,
    reference: &Mask,
    options: &SegmentationOptions,
) -> Result<BTreeMap<String, Measured>, MetricsError> {
    evaluate_masks(prediction, reference, options, &Metric::all(options))
}

/// [`evaluate_case`] for some figures only; what they don't need is not computed.
///
/// # Errors
/// [`MetricsError`] as [`evaluate_case`].
pub fn evaluate_masks(
    prediction: &Mask,
    reference: &Mask,
    options: &SegmentationOptions,
    wanted: &[Metric],
) -> Result<BTreeMap<String, Measured>, MetricsError> {
    let pair = Pair::new(prediction, reference, options, wanted)?;
    // The thread pool is entered once, not for each step.
    Ok(rayon::scope(|_| {
        let extent = extent_of(prediction.voxels(), reference.voxels(), true);
        pair.score(true, &extent)
    }))
}

/// Scores each of the `labels` of a pair of label maps by itself, the voxels of a map that hold it being
/// its mask. All are counted in one pass; a label that neither map holds is a pair of empty masks.
///
/// # Errors
/// [`MetricsError`] as [`evaluate_case`].
pub fn evaluate_labels(
    prediction: &LabelMap,
    reference: &LabelMap,
    labels: &[u16],
    options: &SegmentationOptions,
    wanted: &[Metric],
) -> Result<BTreeMap<u16, BTreeMap<String, Measured>>, MetricsError> {
    let pair = Pair::new(prediction, reference, options, wanted)?;
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    labels.dedup();
    let (p, r) = (prediction.voxels(), reference.voxels());
    if let [label] = labels[..] {
        let figures = rayon::scope(|_| pair.score(label, &extent_of(p, r, label)));
        return Ok(BTreeMap::from([(label, figures)]));
    }
    let highest = labels.last().map_or(0, |label| usize::from(*label));
    let mut slots = vec![None; highest + 1];
    for (slot, label) in labels.iter().enumerate() {
        slots[usize::from(*label)] = Some(slot);
    }
    let slot = |label: u16| slots.get(usize::from(label)).copied().flatten();
    let found = extents_of(p, r, labels.len(), slot);
    Ok(labels
        .par_iter()
        .zip(&found)
        .map(|(label, extent)| (*label, pair.score(*label, extent)))
        .collect())
}

/// What is compared and how.
struct Pair<'a, T> {
    prediction: &'a Volume<T>,
    reference: &'a Volume<T>,
    options: &'a SegmentationOptions,
    wanted: &'a [Metric],
    spacing_zyx: [f64; 3],
}

impl<'a, T: Copy + PartialEq + Sync> Pair<'a, T> {
    fn new(
        prediction: &'a Volume<T>,
        reference: &'a Volume<T>,
        options: &'a SegmentationOptions,
        wanted: &'a [Metric],
    ) -> Result<Self, MetricsError> {
        if !prediction.grid().matches(&reference.grid()) {
            return Err(MetricsError::Grid {
                prediction_zyx: prediction.shape_zyx(),
                reference_zyx: reference.shape_zyx(),
                prediction_mm_zyx: prediction.geometry().spacing_mm_zyx(),
                reference_mm_zyx: reference.geometry().spacing_mm_zyx(),
            });
        }
        let width = match options.boundary {
            BoundaryWidth::DiagonalShare(width) | BoundaryWidth::Voxels(width) => width,
        };
        let tolerances = wanted.iter().filter_map(|metric| match metric {
            Metric::Nsd(tolerance) => Some(("a tolerance of nsd", *tolerance)),
            _ => None,
        });
        let mut lengths = tolerances.chain([("the width of a boundary", width)]);
        if let Some((what, got)) = lengths.find(|(_, got)| !got.is_finite() || *got < 0.0) {
            return Err(MetricsError::Length { what, got });
        }
        Ok(Self {
            prediction,
            reference,
            options,
            wanted,
            spacing_zyx: match options.unit {
                Unit::Mm => reference.geometry().spacing_mm_zyx(),
                Unit::Voxel => [1.0; 3],
            },
        })
    }

    /// The wanted figures of one label.
    fn score(&self, label: T, extent: &Extent) -> BTreeMap<String, Measured> {
        let counts = extent.counts;
        let shape = self.reference.shape_zyx();
        let extended = extended(shape);
        let wants = |of: fn(&Metric) -> bool| self.wanted.iter().any(of);
        let of_surfaces = wants(|m| m.is_of_surfaces()) && !counts.either_empty();
        let of_boundaries = wants(|m| *m == Metric::BoundaryIou);
        let bounds = extent.bounds.filter(|_| of_surfaces || of_boundaries);
        let masks = bounds.map(|bounds| {
            let mask = |map: &Volume<T>| BitGrid::of_value(map.voxels(), bounds, label);
            rayon::join(|| mask(self.prediction), || mask(self.reference))
        });
        let surfaces = masks.as_ref().filter(|_| of_surfaces).map(|(p, r)| {
            let convention = self.options.convention;
            SurfaceDistances::between(p, r, extended, self.spacing_zyx, convention)
        });
        let boundary = masks
            .as_ref()
            .filter(|_| of_boundaries)
            .map(|(p, r)| boundary_iou(p, r, extended, shape, self.options.boundary));

        let settlement = Settlement {
            policy: self.options.empty,
            counts,
        };
        let share = |measured: Option<f64>| settlement.of(measured, 1.0, 0.0);
        let worst = diagonal(shape, self.spacing_zyx);
        let distance = |measure: &dyn Fn(&SurfaceDistances) -> f64| {
            settlement.of(surfaces.as_ref().map(measure), 0.0, worst)
        };
        let figure = |metric: Metric| match metric {
            Metric::Dice => share(Some(counts.dice())),
            Metric::Jaccard => share(Some(counts.jaccard())),
            Metric::Precision => share(counts.precision()),
            Metric::Recall => share(counts.recall()),
            Metric::VolumeError => {
                Measured::plain(counts.surplus() * self.spacing_zyx.iter().product::<f64>())
            }
            Metric::RelativeVolumeError => settlement.of(counts.relative_volume_error(), 0.0, 1.0),
            Metric::BoundaryIou => share(boundary),
            Metric::Hd => distance(&SurfaceDistances::hausdorff),
            Metric::Hd95 => distance(&|s| s.percentile(95.0)),
            Metric::Asd => distance(&SurfaceDistances::directed_mean),
            Metric::Assd => distance(&SurfaceDistances::pooled_mean),
            Metric::Masd => distance(&SurfaceDistances::mean_of_means),
            // Nothing lies near a surface that isn't there.
            Metric::Nsd(tolerance) => share(Some(
                surfaces.as_ref().map_or(0.0, |s| s.share_within(tolerance)),
            )),
        };
        self.wanted
            .iter()
            .map(|metric| (metric.name(self.options.unit), figure(*metric)))
            .collect()
    }
}

/// The axes along which a surface can be left. A slice alone is a 2-D image: its one layer has no
/// neighbours above and below, and counting them as outside would make every pixel a surface.
fn extended(shape_zyx: [usize; 3]) -> [bool; 3] {
    let extended = shape_zyx.map(|n| n > 1);
    if extended.contains(&true) {
        extended
    } else {
        [true; 3]
    }
}

/// Between the centres of opposite corner voxels.
fn diagonal(shape_zyx: [usize; 3], spacing_zyx: [f64; 3]) -> f64 {
    (0..3)
        .map(|a| ((shape_zyx[a].max(1) - 1) as f64 * spacing_zyx[a]).powi(2))
        .sum::<f64>()
        .sqrt()
}
