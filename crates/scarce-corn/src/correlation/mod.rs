//! How two branches' features of the same unlabelled voxels relate to labelled anchors, and whether they do so alike.
//!
//! Each form is usable alone: [`paper`], [`code`] and [`repaired`] compare CORAL distances of groups of voxels, [`omni`] the
//! likeness of single ones.

pub mod code;
pub mod omni;
pub mod paper;
pub mod repaired;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::CornError;
use crate::coral::{coral_distance, covariance};

/// Distances beyond this belong to features that have run away: what is computed of them overflows.
const LARGEST: f64 = 1e15;

/// Which form correlations are compared in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CorrelationForm {
    /// [`paper::correlation`].
    Paper(paper::PaperOptions),
    /// [`code::correlation`].
    Code {},
    /// [`repaired::correlation`].
    Repaired(repaired::RepairedOptions),
    /// [`omni::correlation`].
    Omni {
        /// Temperature of the likenesses, 0.1 in CAML.
        temperature: f64,
    },
}

impl CorrelationForm {
    /// Refuses options out of range.
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self) -> Result<(), CornError> {
        match self {
            Self::Paper(options) => options.check(),
            Self::Code {} => Ok(()),
            Self::Repaired(options) => options.check(),
            Self::Omni { temperature } => check_temperature(*temperature),
        }
    }

    /// Groups that voxels of a class are dealt into.
    pub(crate) fn groups(&self) -> i64 {
        match self {
            Self::Paper(options) => options.groups,
            Self::Repaired(options) => options.groups,
            Self::Code {} | Self::Omni { .. } => 1,
        }
    }

    /// Compares, see the forms.
    ///
    /// # Errors
    /// As the form's function.
    pub fn compare(
        &self,
        features: &[PairedFeatures],
        anchors: &[Option<Anchors>],
    ) -> Result<Correlation, CornError> {
        match self {
            Self::Paper(options) => paper::correlation(features, anchors, options),
            Self::Code {} => code::correlation(features, anchors),
            Self::Repaired(options) => repaired::correlation(features, anchors, options),
            Self::Omni { temperature } => omni::correlation(features, anchors, *temperature),
        }
    }
}

/// Features `(n, d)` of the same unlabelled voxels in two branches, in random order.
#[derive(Debug)]
pub struct PairedFeatures {
    /// Those of the main branch, or of the student, with their graph.
    pub first: Tensor,
    /// Those of the auxiliary branch with their graph, or of the teacher.
    pub second: Tensor,
}

impl PairedFeatures {
    /// The number of voxels.
    fn rows(&self) -> Result<i64, CornError> {
        if self.first.size() != self.second.size() {
            return Err(CornError::Shape {
                what: "the second branch's features",
                expected: format!("the first's {:?}", self.first.size()),
                got: self.second.size(),
            });
        }
        Ok(self.first.size2()?.0)
    }
}

/// Labelled anchors of one class.
#[derive(Debug)]
pub enum Anchors {
    /// Features `(m, d)`.
    Rows(Tensor),
    /// The covariance `(d, d)` of more features than are kept.
    Covariance(Tensor),
}

impl Anchors {
    /// The anchors' covariance in double and without gradient; none where they are too few.
    fn covariance(&self) -> Result<Option<Tensor>, CornError> {
        match self {
            Self::Rows(rows) if rows.size().first().is_some_and(|m| *m > 1) => {
                Ok(Some(covariance(&rows.detach().f_to_kind(Kind::Double)?)?))
            }
            Self::Rows(_) => Ok(None),
            Self::Covariance(covariance) => Ok(Some(covariance.detach().f_to_kind(Kind::Double)?)),
        }
    }
}

/// The term and what it was made of.
#[derive(Debug)]
pub struct Correlation {
    /// A scalar with gradient into the features; 0 where nothing could be compared.
    pub loss: Tensor,
    /// Rows of the correlation matrix that were compared; for [`code`] its pairs of classes.
    pub rows: u32,
    /// Rows left out: of fewer than two voxels, without anchors, of distances too large to compute with, and what else the
    /// form says.
    pub skipped: u32,
}

impl Correlation {
    /// The mean, or 0 of nothing, in the kind that losses have.
    fn of(losses: &[Tensor], skipped: u32, features: &[PairedFeatures]) -> Result<Self, CornError> {
        let kind = features
            .first()
            .map_or(Kind::Float, |f| match f.first.kind() {
                Kind::Double => Kind::Double,
                _ => Kind::Float,
            });
        let loss = if losses.is_empty() {
            let device = features.first().map_or(Device::Cpu, |f| f.first.device());
            Tensor::f_zeros([], (kind, device))?
        } else {
            let mean = Tensor::f_stack(losses, 0)?.f_mean(None::<Kind>)?;
            mean.f_to_kind(kind)?
        };
        Ok(Self {
            loss,
            rows: losses.len() as u32,
            skipped,
        })
    }
}

/// CORAL distances of rows `(n, d)` to each covariance, in double: `(k,)`.
fn distances(rows: &Tensor, covariances: &[Tensor]) -> Result<Tensor, CornError> {
    let own = covariance(&rows.f_to_kind(Kind::Double)?)?;
    let distances: Vec<Tensor> = covariances
        .iter()
        .map(|other| coral_distance(&own, other))
        .collect::<Result<_, _>>()?;
    Ok(Tensor::f_stack(&distances, 0)?)
}

/// Where the part `k` of `parts` of `n` rows begins, and how long it is.
fn part(n: i64, k: i64, parts: i64) -> (i64, i64) {
    let (first, last) = (k * n / parts, (k + 1) * n / parts);
    (first, last - first)
}

fn check_temperature(temperature: f64) -> Result<(), CornError> {
    if temperature.is_finite() && temperature > 0.0 {
        return Ok(());
    }
    let expected = "a finite number above 0";
    Err(CornError::setting(
        "correlation.temperature",
        expected,
        temperature,
    ))
}

fn check_groups(name: &'static str, groups: i64) -> Result<(), CornError> {
    if groups >= 1 {
        return Ok(());
    }
    Err(CornError::setting(name, "at least 1", groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn rows(n: i64, scale: f64, phase: f64) -> Tensor {
        let angles = Tensor::arange(n * 3, (Kind::Double, Device::Cpu)) * 2.3 + phase;
        (angles.sin() * scale).view([n, 3])
    }

    pub fn single(n: i64, scale: f64, phase: f64) -> Tensor {
        rows(n, scale, phase).to_kind(Kind::Float)
    }

    pub fn anchors() -> Vec<Option<Anchors>> {
        vec![
            Some(Anchors::Rows(rows(40, 1.0, 0.1))),
            Some(Anchors::Rows(rows(40, 3.0, 0.7))),
        ]
    }

    pub fn pair(first: &Tensor, second: &Tensor) -> PairedFeatures {
        PairedFeatures {
            first: first.shallow_clone(),
            second: second.shallow_clone(),
        }
    }

    fn forms() -> [CorrelationForm; 4] {
        [
            CorrelationForm::Paper(paper::PaperOptions {
                groups: 2,
                anchor_groups: 2,
            }),
            CorrelationForm::Code {},
            CorrelationForm::Repaired(repaired::RepairedOptions {
                groups: 2,
                temperature: 1.0,
                symmetric: true,
            }),
            CorrelationForm::Omni { temperature: 0.1 },
        ]
    }

    /// Too few voxels, too few anchors, more columns than rows, constant, collapsed and huge features: the loss is finite and so
    /// is its gradient, or what could not be compared is counted.
    #[test]
    fn whatever_the_features_the_term_stays_finite() {
        let flat = |n| Tensor::zeros([n, 3], (Kind::Float, Device::Cpu));
        let one = || Some(Anchors::Rows(single(1, 1.0, 0.0)));
        let some = || Some(Anchors::Rows(single(40, 1.0, 0.0)));
        let (few, many) = (single(2, 1.0, 0.0), single(30, 1.1, 0.0));
        let huge = single(30, 1e12, 0.4);
        for form in forms() {
            for (first, second, anchors) in [
                (&few, &few, anchors()),
                (&single(1, 1.0, 0.0), &single(1, 1.0, 0.0), anchors()),
                (&flat(0), &flat(0), anchors()),
                (&few, &few, vec![some(), None]),
                (&many, &many, vec![some(), one()]),
                (&many, &many, vec![None, None]),
                (&many, &many, vec![]),
                (&flat(30), &flat(30), anchors()),
                (&flat(30), &many, anchors()),
                (&huge, &many, anchors()),
                (&many, &huge, anchors()),
                (&huge, &huge, anchors()),
            ] {
                let [first, second] = [first, second].map(|t| t.copy().set_requires_grad(true));
                let found = form.compare(&[pair(&first, &second)], &anchors).unwrap();
                let loss = found.loss.double_value(&[]);
                assert!(loss.is_finite(), "{form:?}: {loss}");
                assert!(
                    found.rows + found.skipped > 0 || anchors.is_empty(),
                    "{form:?}"
                );
                if found.rows > 0 && found.loss.requires_grad() {
                    found.loss.backward();
                    for leaf in [&first, &second] {
                        if leaf.grad().defined() {
                            let finite = leaf.grad().isfinite().all().int64_value(&[]);
                            assert_eq!(finite, 1, "{form:?}");
                        }
                    }
                } else {
                    assert_eq!(loss, 0.0, "{form:?}");
                }
            }
            let unequal = pair(&single(9, 1.0, 0.0), &single(8, 1.0, 0.0));
            assert!(form.compare(&[unequal], &anchors()).is_err());
            assert_eq!(form.compare(&[], &anchors()).unwrap().rows, 0);
        }
    }

    #[test]
    fn options_that_mean_nothing_are_refused() {
        for form in [
            CorrelationForm::Paper(paper::PaperOptions {
                groups: 0,
                anchor_groups: 1,
            }),
            CorrelationForm::Paper(paper::PaperOptions {
                groups: 1,
                anchor_groups: 0,
            }),
            CorrelationForm::Repaired(repaired::RepairedOptions {
                groups: 0,
                ..repaired::RepairedOptions::default()
            }),
            CorrelationForm::Repaired(repaired::RepairedOptions {
                temperature: f64::NAN,
                ..repaired::RepairedOptions::default()
            }),
            CorrelationForm::Omni { temperature: 0.0 },
        ] {
            assert!(form.check().is_err(), "{form:?}");
        }
    }
}
