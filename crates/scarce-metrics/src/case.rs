//! All figures of one case.

use std::collections::BTreeMap;

use scarce_image::Mask;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::overlap::Counts;
use crate::surface::SurfaceDistances;
use crate::{EmptyPolicy, SegmentationOptions, Unit};

/// The figures that [`evaluate_case`] gives, in the order tables show them.
pub const METRICS: [&str; 9] = [
    "dice",
    "jaccard",
    "precision",
    "recall",
    "relative_volume_error",
    "hd",
    "hd95",
    "asd",
    "assd",
];

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
}

/// One figure of one case.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure; none where it is undefined.
    pub value: Option<f64>,
    /// Whether an empty-mask policy put it there.
    pub penalised: bool,
}

/// Scores a prediction against its reference: every name of [`METRICS`].
///
/// # Errors
/// [`MetricsError::Grid`] when the two are not of one shape and place.
pub fn evaluate_case(
    prediction: &Mask,
    reference: &Mask,
    options: &SegmentationOptions,
) -> Result<BTreeMap<String, Measured>, MetricsError> {
    if !prediction.grid().matches(&reference.grid()) {
        return Err(MetricsError::Grid {
            prediction_zyx: prediction.shape_zyx(),
            reference_zyx: reference.shape_zyx(),
            prediction_mm_zyx: prediction.geometry().spacing_mm_zyx(),
            reference_mm_zyx: reference.geometry().spacing_mm_zyx(),
        });
    }
    let spacing_zyx = match options.unit {
        Unit::Mm => reference.geometry().spacing_mm_zyx(),
        Unit::Voxel => [1.0; 3],
    };
    let (p, r) = (prediction.voxels().view(), reference.voxels().view());
    let counts = Counts::of(p, r);
    let plain = |value: Option<f64>| Measured {
        value,
        penalised: false,
    };
    let legacy_zero = Measured {
        value: Some(0.0),
        penalised: true,
    };
    let legacy = options.empty == EmptyPolicy::LegacyZero;
    let overlap = |value: f64| {
        if legacy && counts.both_empty() {
            legacy_zero
        } else {
            plain(Some(value))
        }
    };
    let mut figures: BTreeMap<String, Measured> = [
        ("dice", overlap(counts.dice())),
        ("jaccard", overlap(counts.jaccard())),
        ("precision", plain(counts.precision())),
        ("recall", plain(counts.recall())),
        (
            "relative_volume_error",
            plain(counts.relative_volume_error()),
        ),
    ]
    .into_iter()
    .map(|(name, figure)| (name.to_owned(), figure))
    .collect();

    let surfaces = SurfaceDistances::of(p, r, spacing_zyx);
    let distance = |value: &dyn Fn(&SurfaceDistances) -> f64| {
        if let Some(surfaces) = &surfaces {
            return plain(Some(value(surfaces)));
        }
        match options.empty {
            EmptyPolicy::LegacyZero => legacy_zero,
            _ if counts.both_empty() => plain(Some(0.0)),
            EmptyPolicy::Undefined => plain(None),
            EmptyPolicy::WorstCase => Measured {
                value: Some(diagonal(reference.shape_zyx(), spacing_zyx)),
                penalised: true,
            },
        }
    };
    let convention = options.convention;
    for (name, figure) in [
        ("hd", distance(&|s| s.percentile(100.0, convention))),
        ("hd95", distance(&|s| s.percentile(95.0, convention))),
        ("asd", distance(&SurfaceDistances::directed_mean)),
        ("assd", distance(&SurfaceDistances::symmetric_mean)),
    ] {
        figures.insert(name.to_owned(), figure);
    }
    Ok(figures)
}

/// Between the centres of opposite corner voxels.
fn diagonal(shape_zyx: [usize; 3], spacing_zyx: [f64; 3]) -> f64 {
    (0..3)
        .map(|a| ((shape_zyx[a].max(1) - 1) as f64 * spacing_zyx[a]).powi(2))
        .sum::<f64>()
        .sqrt()
}
