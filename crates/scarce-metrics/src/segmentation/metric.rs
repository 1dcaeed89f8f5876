//! The figures by name.

use std::fmt;

use super::options::UnknownWord;
use super::{SegmentationOptions, Unit};

/// A figure of a prediction against its reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// `dice`
    Dice,
    /// `jaccard`
    Jaccard,
    /// `precision`
    Precision,
    /// `recall`
    Recall,
    /// `volume_error`
    VolumeError,
    /// `relative_volume_error`
    RelativeVolumeError,
    /// `boundary_iou`
    BoundaryIou,
    /// `hd`
    Hd,
    /// `hd95`
    Hd95,
    /// `asd`
    Asd,
    /// `assd`
    Assd,
    /// `masd`
    Masd,
    /// `nsd_2mm` or `nsd_2voxel`: at a tolerance in the unit of distances.
    Nsd(f64),
}

/// The names of the figures, in the order tables show them. `nsd` stands for one figure at each of
/// [`SegmentationOptions::tolerances`].
pub const METRICS: [&str; 13] = [
    "dice",
    "jaccard",
    "precision",
    "recall",
    "volume_error",
    "relative_volume_error",
    "boundary_iou",
    "hd",
    "hd95",
    "asd",
    "assd",
    "masd",
    "nsd",
];

impl Metric {
    /// Every figure, in the order of [`METRICS`].
    pub fn all(options: &SegmentationOptions) -> Vec<Self> {
        let names = METRICS.iter();
        names
            .filter_map(|name| Self::named(name, options).ok())
            .flatten()
            .collect()
    }

    /// The figures that a name means: one, or for `nsd` one at each of the options' tolerances.
    ///
    /// ```
    /// use scarce_metrics::{Metric, SegmentationOptions, Unit};
    ///
    /// let options = SegmentationOptions::default().with_tolerances(vec![1.0, 2.0]);
    /// assert_eq!(Metric::named("hd95", &options)?, [Metric::Hd95]);
    /// assert_eq!(Metric::named("nsd", &options)?, [Metric::Nsd(1.0), Metric::Nsd(2.0)]);
    /// assert_eq!(Metric::named("nsd_0.5mm", &options)?, [Metric::Nsd(0.5)]);
    /// assert!(Metric::named("nsd_2voxel", &options).is_err(), "distances are in mm");
    /// # Ok::<(), scarce_metrics::UnknownWord>(())
    /// ```
    ///
    /// # Errors
    /// [`UnknownWord`] for another name, or a tolerance in the other unit.
    pub fn named(name: &str, options: &SegmentationOptions) -> Result<Vec<Self>, UnknownWord> {
        if name == "nsd" {
            return Ok(options.tolerances.iter().copied().map(Self::Nsd).collect());
        }
        let (metric, unit) = Self::parse(name).ok_or_else(|| unknown(name, EXPECTED))?;
        if unit.is_some_and(|unit| unit != options.unit) {
            return Err(unknown(name, "a tolerance in the unit of distances"));
        }
        Ok(vec![metric])
    }

    /// The figure of a name that [`Self::name`] gives, and the unit of its tolerance.
    pub(crate) fn parse(name: &str) -> Option<(Self, Option<Unit>)> {
        if let Some(tolerance) = name.strip_prefix("nsd_") {
            return [Unit::Mm, Unit::Voxel].into_iter().find_map(|unit| {
                let number = tolerance.strip_suffix(&unit.to_string())?.parse();
                let tolerance = number.ok().filter(|t: &f64| t.is_finite() && *t >= 0.0)?;
                Some((Self::Nsd(tolerance), Some(unit)))
            });
        }
        let metric = match name {
            "dice" => Self::Dice,
            "jaccard" => Self::Jaccard,
            "precision" => Self::Precision,
            "recall" => Self::Recall,
            "volume_error" => Self::VolumeError,
            "relative_volume_error" => Self::RelativeVolumeError,
            "boundary_iou" => Self::BoundaryIou,
            "hd" => Self::Hd,
            "hd95" => Self::Hd95,
            "asd" => Self::Asd,
            "assd" => Self::Assd,
            "masd" => Self::Masd,
            _ => return None,
        };
        Some((metric, None))
    }

    /// The name that reports carry: `dice`, `nsd_2mm`.
    pub fn name(self, unit: Unit) -> String {
        match self {
            Self::Nsd(tolerance) => format!("nsd_{tolerance}{unit}"),
            other => other.to_string(),
        }
    }

    /// Whether it is taken from distances between surfaces.
    pub fn is_of_surfaces(self) -> bool {
        matches!(
            self,
            Self::Hd | Self::Hd95 | Self::Asd | Self::Assd | Self::Masd | Self::Nsd(_)
        )
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dice => "dice",
            Self::Jaccard => "jaccard",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::VolumeError => "volume_error",
            Self::RelativeVolumeError => "relative_volume_error",
            Self::BoundaryIou => "boundary_iou",
            Self::Hd => "hd",
            Self::Hd95 => "hd95",
            Self::Asd => "asd",
            Self::Assd => "assd",
            Self::Masd => "masd",
            Self::Nsd(tolerance) => return write!(f, "nsd_{tolerance}"),
        })
    }
}

const EXPECTED: &str = "dice, jaccard, precision, recall, volume_error, relative_volume_error, \
    boundary_iou, hd, hd95, asd, assd, masd, nsd, or nsd at a tolerance such as nsd_2mm";

fn unknown(name: &str, expected: &'static str) -> UnknownWord {
    UnknownWord::new("metric", name, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        let options = SegmentationOptions::default().with_tolerances(vec![0.0, 0.5, 12.25]);
        for unit in [Unit::Mm, Unit::Voxel] {
            let options = options.clone().with_unit(unit);
            let all = Metric::all(&options);
            assert_eq!(all.len(), METRICS.len() + 2);
            for metric in all {
                let name = metric.name(unit);
                assert_eq!(Metric::named(&name, &options), Ok(vec![metric]), "{name}");
            }
        }
        for wrong in [
            "",
            "Dice",
            "nsd_",
            "nsd_2",
            "nsd_-1mm",
            "nsd_nanmm",
            "nsd_2mm ",
            "nsd_2voxel",
            "hd99",
        ] {
            let message = Metric::named(wrong, &options).unwrap_err().to_string();
            assert!(message.contains(&format!("{wrong:?}")), "{message}");
        }
    }
}
