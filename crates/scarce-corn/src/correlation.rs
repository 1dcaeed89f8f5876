//! The CORAL-correlation consistency term.

use tch::{Device, Kind, Tensor};

use crate::CornError;
use crate::coral::{coral_distance, covariance};

/// Rows whose mean distances are smaller say nothing, and their gradient grows without bound.
const COLLAPSED: f64 = 1e-12;

/// How the term is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorrelationOptions {
    /// Groups that the voxels of each class are dealt into; each gives one row of the matrix.
    pub groups: i64,
    /// Temperature τ of the softmax over a row, in units of the rows' mean distance.
    pub temperature: f64,
}

/// Features `(n, d)` of the same unlabelled voxels in both networks, in random order.
#[derive(Debug)]
pub struct PairedFeatures {
    /// The student's, with their graph.
    pub student: Tensor,
    /// The teacher's.
    pub teacher: Tensor,
}

/// The term and what it was made of.
#[derive(Debug)]
pub struct Correlation {
    /// A scalar with gradient into the student's features; 0 where every row was skipped.
    pub loss: Tensor,
    /// Rows of the correlation matrix that were compared.
    pub rows: u32,
    /// Rows left out: groups of fewer than two voxels, fewer than two classes with anchors, or
    /// features so collapsed that no anchor is nearer than another.
    pub skipped: u32,
}

/// Compares how student and teacher features relate to labelled anchors.
///
/// `features[c]` are those of the unlabelled voxels of class c, `anchors[c]` the pool's `(m, d)`, `None`
/// where it has too few. Row (c, g) of the correlation matrix holds the CORAL distances of group g
/// of class c to the anchors of every class.
///
/// # How it differs from CORN as published
/// - Eq. 5 of the paper takes the CORAL distance of single voxels, but one vector has no covariance.
///   Here a row belongs to a group of voxels.
/// - Eq. 6 takes the cross entropy of two matrices of distances, and the authors' code does so with
///   the raw distances as class weights. Its gradient on the side of the weights is positive
///   always: it drives every distance to 0, those between classes too, and collapsed features are
///   its optimum. Here a row becomes a distribution, softmax(−d/(τ·scale)), and the loss is
///   Kullback–Leibler of the student's from the teacher's, without gradient into the teacher: 0 where
///   the two agree and nowhere rewarded for small distances.
/// - The scale is the larger of the two rows' mean distances, one for both and without gradient: the
///   loss is bounded by about K/τ for K anchors whatever the features' scale, and yet a student whose
///   distances all grew is told from one whose did not. All is computed in double: fourth powers of
///   features overflow single precision from 1e10.
///
/// # Errors
/// [`CornError::Setting`] for options out of range; [`CornError::Shape`] for features of another width
/// or pairs of different length.
pub fn coral_correlation(
    features: &[PairedFeatures],
    anchors: &[Option<Tensor>],
    options: CorrelationOptions,
) -> Result<Correlation, CornError> {
    let CorrelationOptions {
        groups,
        temperature,
    } = options;
    if groups < 1 {
        return Err(CornError::setting("groups", "at least 1", groups));
    }
    if !(temperature.is_finite() && temperature > 0.0) {
        let expected = "a finite number above 0";
        return Err(CornError::setting("temperature", expected, temperature));
    }
    let anchors: Vec<Tensor> = anchors
        .iter()
        .flatten()
        .filter(|rows| rows.size().first().is_some_and(|n| *n > 1))
        .map(|rows| covariance(&rows.detach().f_to_kind(Kind::Double)?))
        .collect::<Result<_, _>>()?;
    let mut losses = Vec::new();
    let mut skipped = 0;
    for pair in features {
        if pair.student.size() != pair.teacher.size() {
            return Err(CornError::Shape {
                what: "the teacher's features",
                expected: format!("the student's {:?}", pair.student.size()),
                got: pair.teacher.size(),
            });
        }
        let (n, _) = pair.student.size2()?;
        for group in 0..groups {
            let (first, last) = (group * n / groups, (group + 1) * n / groups);
            // A distribution over fewer than two anchors says nothing.
            if last - first < 2 || anchors.len() < 2 {
                skipped += 1;
                continue;
            }
            let row = |features: &Tensor| -> Result<Tensor, CornError> {
                let group = features.f_narrow(0, first, last - first)?;
                let group = covariance(&group.f_to_kind(Kind::Double)?)?;
                let distances: Vec<Tensor> = anchors
                    .iter()
                    .map(|anchor| coral_distance(&group, anchor))
                    .collect::<Result<_, _>>()?;
                Ok(Tensor::f_stack(&distances, 0)?)
            };
            let (student, teacher) = (row(&pair.student)?, row(&pair.teacher.detach())?);
            let mean = |row: &Tensor| row.f_mean(Kind::Double)?.f_double_value(&[]);
            let scale = mean(&student)?.max(mean(&teacher)?);
            if scale < COLLAPSED {
                skipped += 1;
                continue;
            }
            let scale = -scale * temperature;
            let student = (student / scale).f_log_softmax(0, Kind::Double)?;
            let teacher = (teacher / scale).f_log_softmax(0, Kind::Double)?;
            let difference = teacher.f_sub(&student)?;
            losses.push(teacher.f_exp()?.f_mul(&difference)?.f_sum(Kind::Double)?);
        }
    }
    let loss = if losses.is_empty() {
        let device = features.first().map_or(Device::Cpu, |f| f.student.device());
        Tensor::f_zeros([], (Kind::Float, device))?
    } else {
        let mean = Tensor::f_stack(&losses, 0)?.f_mean(Kind::Double)?;
        mean.f_to_kind(Kind::Float)?
    };
    Ok(Correlation {
        loss,
        rows: losses.len() as u32,
        skipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: CorrelationOptions = CorrelationOptions {
        groups: 2,
        temperature: 1.0,
    };

    fn rows(n: i64, scale: f64, phase: f64) -> Tensor {
        let angles = Tensor::arange(n * 3, (Kind::Double, Device::Cpu)) * 2.3 + phase;
        (angles.sin() * scale).view([n, 3]).to_kind(Kind::Float)
    }

    fn anchors() -> Vec<Option<Tensor>> {
        vec![Some(rows(40, 1.0, 0.1)), Some(rows(40, 3.0, 0.7))]
    }

    fn compare(student: &Tensor, teacher: &Tensor, anchors: &[Option<Tensor>]) -> Correlation {
        let pair = PairedFeatures {
            student: student.shallow_clone(),
            teacher: teacher.shallow_clone(),
        };
        coral_correlation(&[pair], anchors, OPTIONS).unwrap()
    }

    /// ```python
    /// import numpy as np
    /// def rows(n, s, p): return (np.sin(np.arange(n * 3) * 2.3 + p) * s).reshape(n, 3)
    /// anchors = [np.cov(rows(40, 1, .1).T), np.cov(rows(40, 3, .7).T)]
    /// def row(x): return np.array([((np.cov(x.T) - a) ** 2).sum() / (4 * 3 ** 2) for a in anchors])
    /// def kl(s, t, tau):
    ///     s, t = row(s), row(t)
    ///     scale = tau * max(s.mean(), t.mean())
    ///     s, t = (-d / scale - np.log(np.exp(-d / scale).sum()) for d in (s, t))
    ///     return (np.exp(t) * (t - s)).sum()
    /// s, t = rows(30, 2.6, .5), rows(30, 1.2, .3)
    /// for tau in (1, .3): print(np.mean([kl(s[i:i + 15], t[i:i + 15], tau) for i in (0, 15)]))
    /// ```
    #[test]
    fn equals_numpy() {
        for (temperature, expected) in [(1.0, NUMPY[0]), (0.3, NUMPY[1])] {
            let pair = PairedFeatures {
                student: rows(30, 2.6, 0.5),
                teacher: rows(30, 1.2, 0.3),
            };
            let options = CorrelationOptions {
                temperature,
                ..OPTIONS
            };
            let got = coral_correlation(&[pair], &anchors(), options).unwrap();
            let got = got.loss.double_value(&[]);
            assert!((got - expected).abs() < 1e-5 * expected, "{got} {expected}");
        }
    }

    #[test]
    fn is_zero_where_student_and_teacher_agree_and_only_there() {
        let teacher = rows(30, 1.2, 0.3);
        let loss = |student: &Tensor| {
            let correlation = compare(student, &teacher, &anchors());
            assert_eq!((correlation.rows, correlation.skipped), (2, 0));
            correlation.loss.double_value(&[])
        };
        assert!(loss(&teacher).abs() < 1e-7);
        for scale in [0.5, 1.8, 2.2] {
            assert!(loss(&(&teacher * scale)) > 1e-4, "scale {scale}");
        }
    }

    /// The published form pulls every distance to 0 (its gradient on distances is positive always);
    /// here a student that agrees stays where it is, and one that does not moves towards the teacher.
    #[test]
    fn descent_leads_to_the_teacher_not_to_collapse() {
        let teacher = rows(30, 1.2, 0.3);
        let agreed = teacher.copy().set_requires_grad(true);
        compare(&agreed, &teacher, &anchors()).loss.backward();
        assert!(agreed.grad().abs().max().double_value(&[]) < 1e-6);

        let mut scale = Tensor::from(2.4f32).set_requires_grad(true);
        for _ in 0..400 {
            compare(&(&teacher * &scale), &teacher, &anchors())
                .loss
                .backward();
            tch::no_grad(|| scale -= scale.grad() * 0.05);
            scale.zero_grad();
        }
        let scale = scale.double_value(&[]);
        assert!((0.9..1.1).contains(&scale), "{scale}");
    }

    #[test]
    fn the_gradient_reaches_the_student_alone() {
        let leaf = |t: Tensor| t.set_requires_grad(true);
        let (student, teacher) = (leaf(rows(30, 2.6, 0.5)), leaf(rows(30, 1.2, 0.3)));
        let anchor = leaf(rows(40, 3.0, 0.7));
        let anchors = [Some(rows(40, 1.0, 0.1)), Some(anchor.shallow_clone())];
        compare(&student, &teacher, &anchors).loss.backward();
        assert!(student.grad().abs().max().double_value(&[]) > 0.0);
        assert!(!teacher.grad().defined() && !anchor.grad().defined());
    }

    #[test]
    fn what_cannot_be_compared_is_counted_and_all_stays_finite() {
        let flat = |n| Tensor::zeros([n, 3], (Kind::Float, Device::Cpu));
        let one = || Some(rows(1, 1.0, 0.0));
        let some = || Some(rows(40, 1.0, 0.0));
        let (few, many) = (rows(3, 1.0, 0.0), rows(30, 1.1, 0.0));
        let huge = rows(30, 1e12, 0.4);
        for (student, teacher, anchors, expected) in [
            (&few, &few, anchors(), (1, 1)),
            (&flat(0), &flat(0), anchors(), (0, 2)),
            (&few, &few, vec![some(), None], (0, 2)),
            (&many, &many, vec![some(), one()], (0, 2)),
            (&many, &many, vec![], (0, 2)),
            (&flat(30), &flat(30), anchors(), (2, 0)),
            (&flat(30), &many, anchors(), (2, 0)),
            (&flat(30), &many, vec![Some(flat(9)), Some(flat(9))], (2, 0)),
            (
                &flat(30),
                &flat(30),
                vec![Some(flat(9)), Some(flat(9))],
                (0, 2),
            ),
            (&huge, &many, anchors(), (2, 0)),
            (&huge, &huge, anchors(), (2, 0)),
        ] {
            let student = student.copy().set_requires_grad(true);
            let correlation = compare(&student, teacher, &anchors);
            assert_eq!((correlation.rows, correlation.skipped), expected);
            let loss = correlation.loss.double_value(&[]);
            assert!((0.0..10.0).contains(&loss), "{loss}");
            if correlation.rows > 0 {
                correlation.loss.backward();
                let finite = student.grad().isfinite().all();
                assert_eq!(finite.int64_value(&[]), 1);
            }
        }
    }

    #[test]
    fn refuses_options_and_pairs_that_mean_nothing() {
        for (groups, temperature) in [(0, 1.0), (2, 0.0), (2, f64::NAN), (2, f64::INFINITY)] {
            let options = CorrelationOptions {
                groups,
                temperature,
            };
            assert!(coral_correlation(&[], &anchors(), options).is_err());
        }
        let unequal = PairedFeatures {
            student: rows(9, 1.0, 0.0),
            teacher: rows(8, 1.0, 0.0),
        };
        assert!(coral_correlation(&[unequal], &anchors(), OPTIONS).is_err());
    }

    const NUMPY: [f64; 2] = [0.7998247080270937, 3.224756484622029];
}
