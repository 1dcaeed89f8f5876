//! The term without what is wrong with it.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::{
    Anchors, Correlation, PairedFeatures, check_groups, check_temperature, distances, part,
};
use crate::CornError;

/// Rows whose mean distances are smaller say nothing, and their gradient grows without bound.
const COLLAPSED: f64 = 1e-12;

/// How the term is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepairedOptions {
    /// Groups that the voxels of each class are dealt into; each gives one row of the matrix.
    pub groups: i64,
    /// Temperature τ of the softmax over a row, in units of the rows' mean distance.
    pub temperature: f64,
    /// Whether each branch follows the other, half by half; else the first follows the second, a teacher.
    pub symmetric: bool,
}

impl Default for RepairedOptions {
    fn default() -> Self {
        Self {
            groups: 4,
            temperature: 1.0,
            symmetric: false,
        }
    }
}

impl RepairedOptions {
    pub(super) fn check(&self) -> Result<(), CornError> {
        check_groups("correlation.groups", self.groups)?;
        check_temperature(self.temperature)
    }
}

/// Compares how both branches' features relate to labelled anchors.
///
/// `features[c]` are those of the unlabelled voxels of class c, `anchors[c]` the pool's, `None`
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
///   Kullback–Leibler of the first's from the second's, without gradient into the second: 0 where
///   the two agree and nowhere rewarded for small distances.
/// - The scale is the larger of the two rows' mean distances, one for both and without gradient: the
///   loss is bounded by about K/τ for K anchors whatever the features' scale, and yet a student whose
///   distances all grew is told from one whose did not. All is computed in double: fourth powers of
///   features overflow single precision from 1e10.
///
/// Skipped are also rows with fewer than two classes of anchors, and those of features so collapsed that no anchor is nearer
/// than another.
///
/// # Errors
/// [`CornError::Setting`] for options out of range; [`CornError::Shape`] for features of another width
/// or pairs of different length.
pub fn correlation(
    features: &[PairedFeatures],
    anchors: &[Option<Anchors>],
    options: &RepairedOptions,
) -> Result<Correlation, CornError> {
    options.check()?;
    let anchors: Vec<Tensor> = anchors
        .iter()
        .flatten()
        .filter_map(|anchors| anchors.covariance().transpose())
        .collect::<Result<_, _>>()?;
    let mut losses = Vec::new();
    let mut skipped = 0;
    for pair in features {
        let n = pair.rows()?;
        for group in 0..options.groups {
            let (start, length) = part(n, group, options.groups);
            // A distribution over fewer than two anchors says nothing.
            if length < 2 || anchors.len() < 2 {
                skipped += 1;
                continue;
            }
            let row = |t: &Tensor| distances(&t.f_narrow(0, start, length)?, &anchors);
            let (first, second) = (row(&pair.first)?, row(&pair.second)?);
            let mean = |row: &Tensor| row.detach().f_mean(Kind::Double);
            let scale = mean(&first)?
                .f_maximum(&mean(&second)?)?
                .f_double_value(&[])?;
            if !(scale >= COLLAPSED && scale.is_finite()) {
                skipped += 1;
                continue;
            }
            let scale = -scale * options.temperature;
            let [first, second] =
                [first / scale, second / scale].map(|row| row.f_log_softmax(0, Kind::Double));
            let (first, second) = (first?, second?);
            losses.push(if options.symmetric {
                (divergence(&first, &second)? + divergence(&second, &first)?) / 2.0
            } else {
                divergence(&first, &second)?
            });
        }
    }
    Correlation::of(&losses, skipped, features)
}

/// Kullback–Leibler divergence of the distribution of log `of` from that of log `from`, without gradient into the latter.
fn divergence(of: &Tensor, from: &Tensor) -> Result<Tensor, CornError> {
    let from = from.detach();
    Ok(from.f_exp()?.f_mul(&from.f_sub(of)?)?.f_sum(Kind::Double)?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::super::tests::{anchors, pair, rows, single};
    use super::*;

    const OPTIONS: RepairedOptions = RepairedOptions {
        groups: 2,
        temperature: 1.0,
        symmetric: false,
    };

    fn compare(first: &Tensor, second: &Tensor, anchors: &[Option<Anchors>]) -> Correlation {
        correlation(&[pair(first, second)], anchors, &OPTIONS).unwrap()
    }

    /// With `rows`, `coral` and `anchors` as for the paper's form:
    ///
    /// ```python
    /// def row(x): return np.array([coral(x, c) for c in anchors])
    /// def kl(s, t, tau):
    ///     s, t = row(s), row(t)
    ///     scale = tau * max(s.mean(), t.mean())
    ///     s, t = (-d / scale - np.log(np.exp(-d / scale).sum()) for d in (s, t))
    ///     return (np.exp(t) * (t - s)).sum()
    /// s, t = rows(30, 2.6, .5), rows(30, 1.2, .3)
    /// for tau in (1, .3):
    ///     print(np.mean([kl(s[i:i + 15], t[i:i + 15], tau) for i in (0, 15)]),
    ///           np.mean([(kl(s[i:i + 15], t[i:i + 15], tau) + kl(t[i:i + 15], s[i:i + 15], tau)) / 2 for i in (0, 15)]))
    /// ```
    #[test]
    fn equals_numpy() {
        for (temperature, symmetric, expected) in [
            (1.0, false, 0.7998247080270937),
            (1.0, true, 0.8871330414543797),
            (0.3, false, 3.224756484622029),
            (0.3, true, 4.710115093364946),
        ] {
            let options = RepairedOptions {
                temperature,
                symmetric,
                ..OPTIONS
            };
            let pair = pair(&rows(30, 2.6, 0.5), &rows(30, 1.2, 0.3));
            let got = correlation(&[pair], &anchors(), &options).unwrap();
            let got = got.loss.double_value(&[]);
            assert!((got - expected).abs() < 1e-9 * expected, "{got} {expected}");
        }
    }

    #[test]
    fn is_zero_where_student_and_teacher_agree_and_only_there() {
        let teacher = single(30, 1.2, 0.3);
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
        let teacher = single(30, 1.2, 0.3);
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
    fn the_gradient_reaches_who_follows() {
        let leaf = |t: Tensor| t.set_requires_grad(true);
        let anchor = leaf(single(40, 3.0, 0.7));
        let anchors = [
            Some(Anchors::Rows(single(40, 1.0, 0.1))),
            Some(Anchors::Rows(anchor.shallow_clone())),
        ];
        for symmetric in [false, true] {
            let (first, second) = (leaf(single(30, 2.6, 0.5)), leaf(single(30, 1.2, 0.3)));
            let options = RepairedOptions {
                symmetric,
                ..OPTIONS
            };
            let found = correlation(&[pair(&first, &second)], &anchors, &options).unwrap();
            found.loss.backward();
            let moves =
                |t: &Tensor| t.grad().defined() && t.grad().abs().max().double_value(&[]) > 0.0;
            assert!(moves(&first));
            assert_eq!(moves(&second), symmetric);
            assert!(!anchor.grad().defined());
        }
    }

    #[test]
    fn what_cannot_be_compared_is_counted() {
        let flat = |n| Tensor::zeros([n, 3], (Kind::Float, Device::Cpu));
        let rows = |t| Some(Anchors::Rows(t));
        let some = || rows(single(40, 1.0, 0.0));
        let (few, many) = (single(3, 1.0, 0.0), single(30, 1.1, 0.0));
        for (student, teacher, anchors, expected) in [
            (&few, &few, anchors(), (1, 1)),
            (&flat(0), &flat(0), anchors(), (0, 2)),
            (&few, &few, vec![some(), None], (0, 2)),
            (
                &many,
                &many,
                vec![some(), rows(single(1, 1.0, 0.0))],
                (0, 2),
            ),
            (&many, &many, vec![], (0, 2)),
            (&flat(30), &flat(30), anchors(), (2, 0)),
            (&flat(30), &many, vec![rows(flat(9)), rows(flat(9))], (2, 0)),
            (
                &flat(30),
                &flat(30),
                vec![rows(flat(9)), rows(flat(9))],
                (0, 2),
            ),
        ] {
            let correlation = compare(student, teacher, &anchors);
            assert_eq!((correlation.rows, correlation.skipped), expected);
        }
    }
}
