//! One scan: which candidate hits which lesion.

use std::fmt;

use super::FrocError;

/// A lesion as a ball.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BallLesion {
    /// Its centre in the world.
    pub centre_mm_zyx: [f64; 3],
    /// Half its diameter.
    pub radius_mm: f64,
    /// Whether it is not asked for, and finding it is no mistake.
    pub ignored: bool,
}

/// A candidate as a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointCandidate {
    /// Where it is in the world.
    pub position_mm_zyx: [f64; 3],
    /// The higher, the surer.
    pub score: f64,
}

/// When a point hits a ball.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CentreRule {
    /// It is nearer to the centre than the lesion's radius (LUNA16).
    WithinRadius,
    /// It is nearer to the centre than so many millimetres.
    WithinMm(f64),
}

/// When a candidate hits a lesion, for the figures' definitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum HitRule {
    /// As [`FrocScan::from_points`].
    Centre(CentreRule),
    /// As [`FrocScan::from_boxes`], at that threshold.
    Iou(f64),
}

impl fmt::Display for HitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Centre(CentreRule::WithinRadius) => {
                f.write_str("nearer to its centre than its radius")
            }
            Self::Centre(CentreRule::WithinMm(mm)) => {
                write!(f, "nearer to its centre than {mm} mm")
            }
            Self::Iou(iou) => write!(f, "intersection over union of boxes {iou} or more"),
        }
    }
}

/// A lesion as a box along the axes, in two or three dimensions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxLesion<const D: usize> {
    /// Lower corner.
    pub low: [f64; D],
    /// Upper corner.
    pub high: [f64; D],
    /// Whether it is not asked for, and finding it is no mistake.
    pub ignored: bool,
}

/// A candidate as a box along the axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxCandidate<const D: usize> {
    /// Lower corner.
    pub low: [f64; D],
    /// Upper corner.
    pub high: [f64; D],
    /// The higher, the surer.
    pub score: f64,
}

/// One scan, its candidates laid over its lesions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrocScan {
    /// Lesions asked for.
    pub(super) lesions: usize,
    /// Score of the surest candidate on each lesion that is hit.
    pub(super) hits: Vec<f64>,
    /// Scores of the candidates that hit nothing.
    pub(super) false_positives: Vec<f64>,
}

impl FrocScan {
    /// From points and balls.
    ///
    /// # Errors
    /// [`FrocError`]: a number that is not finite, a radius below 0.
    pub fn from_points(
        lesions: &[BallLesion],
        candidates: &[PointCandidate],
        rule: CentreRule,
    ) -> Result<Self, FrocError> {
        if let CentreRule::WithinMm(mm) = rule
            && !(mm > 0.0 && mm.is_finite())
        {
            return Err(FrocError::Option {
                option: "within_mm",
                expected: "a finite distance above 0",
                got: mm.to_string(),
            });
        }
        for (index, lesion) in lesions.iter().enumerate() {
            finite("lesion", index, "centre_mm_zyx", &lesion.centre_mm_zyx)?;
            finite("lesion", index, "radius_mm", &[lesion.radius_mm])?;
            not_negative("lesion", index, "radius_mm", lesion.radius_mm)?;
        }
        for (index, candidate) in candidates.iter().enumerate() {
            finite(
                "candidate",
                index,
                "position_mm_zyx",
                &candidate.position_mm_zyx,
            )?;
            finite("candidate", index, "score", &[candidate.score])?;
        }
        let hits = |lesion: &BallLesion, candidate: &PointCandidate| {
            let reach = match rule {
                CentreRule::WithinRadius => lesion.radius_mm,
                CentreRule::WithinMm(mm) => mm,
            };
            let centre = lesion.centre_mm_zyx.iter().zip(candidate.position_mm_zyx);
            centre.map(|(a, b)| (a - b) * (a - b)).sum::<f64>() < reach * reach
        };
        Ok(Self::new(
            lesions,
            |l| l.ignored,
            candidates,
            |c| c.score,
            hits,
        ))
    }

    /// From boxes, which hit one another where intersection over union is as much as `iou`.
    ///
    /// # Errors
    /// [`FrocError`]: a number that is not finite, a box whose upper corner is not the upper, a threshold outside (0, 1].
    pub fn from_boxes<const D: usize>(
        lesions: &[BoxLesion<D>],
        candidates: &[BoxCandidate<D>],
        iou: f64,
    ) -> Result<Self, FrocError> {
        check_iou(iou)?;
        for (index, lesion) in lesions.iter().enumerate() {
            check_box("lesion", index, &lesion.low, &lesion.high)?;
        }
        for (index, candidate) in candidates.iter().enumerate() {
            check_box("candidate", index, &candidate.low, &candidate.high)?;
            finite("candidate", index, "score", &[candidate.score])?;
        }
        let hits = |lesion: &BoxLesion<D>, candidate: &BoxCandidate<D>| {
            let (a, b) = (lesion, candidate);
            let size = |low: &[f64; D], high: &[f64; D]| -> f64 {
                low.iter().zip(high).map(|(l, h)| h - l).product()
            };
            let shared: f64 = (0..D)
                .map(|k| (a.high[k].min(b.high[k]) - a.low[k].max(b.low[k])).max(0.0))
                .product();
            let whole = size(&a.low, &a.high) + size(&b.low, &b.high) - shared;
            shared > 0.0 && shared / whole >= iou
        };
        Ok(Self::new(
            lesions,
            |l| l.ignored,
            candidates,
            |c| c.score,
            hits,
        ))
    }

    pub(super) fn new<L, C>(
        lesions: &[L],
        ignored: impl Fn(&L) -> bool,
        candidates: &[C],
        score: impl Fn(&C) -> f64,
        hits: impl Fn(&L, &C) -> bool,
    ) -> Self {
        let mut scan = Self::default();
        let mut on_something = vec![false; candidates.len()];
        for lesion in lesions {
            let mut surest: Option<f64> = None;
            for (candidate, on_something) in candidates.iter().zip(&mut on_something) {
                if hits(lesion, candidate) {
                    *on_something = true;
                    let score = score(candidate);
                    surest = Some(surest.map_or(score, |best| best.max(score)));
                }
            }
            if !ignored(lesion) {
                scan.lesions += 1;
                scan.hits.extend(surest);
            }
        }
        let missed = candidates.iter().zip(on_something);
        scan.false_positives = missed
            .filter(|(_, on)| !on)
            .map(|(c, _)| score(c))
            .collect();
        scan
    }
}

/// Refuses a threshold that says nothing.
pub(super) fn check_iou(iou: f64) -> Result<(), FrocError> {
    if iou > 0.0 && iou <= 1.0 {
        return Ok(());
    }
    Err(FrocError::Option {
        option: "iou",
        expected: "a threshold above 0 and at most 1",
        got: iou.to_string(),
    })
}

fn check_box<const D: usize>(
    what: &'static str,
    index: usize,
    low: &[f64; D],
    high: &[f64; D],
) -> Result<(), FrocError> {
    finite(what, index, "low", low)?;
    finite(what, index, "high", high)?;
    for (low, high) in low.iter().zip(high) {
        not_negative(what, index, "high - low", high - low)?;
    }
    Ok(())
}

fn finite(
    what: &'static str,
    index: usize,
    field: &'static str,
    numbers: &[f64],
) -> Result<(), FrocError> {
    match numbers.iter().find(|v| !v.is_finite()) {
        None => Ok(()),
        Some(got) => Err(FrocError::NotFinite {
            what,
            index,
            field,
            got: *got,
        }),
    }
}

fn not_negative(
    what: &'static str,
    index: usize,
    field: &'static str,
    got: f64,
) -> Result<(), FrocError> {
    if got >= 0.0 {
        return Ok(());
    }
    Err(FrocError::Negative {
        what,
        index,
        field,
        got,
    })
}
