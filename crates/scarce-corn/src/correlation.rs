//! The CORAL-correlation consistency term.

use tch::{Kind, Tensor};

use crate::CornError;
use crate::coral::{coral_distance, covariance};
use crate::pool::subset;

/// How the term is computed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorrelationOptions {
    /// Groups that the voxels of each class are dealt into; each gives one row of the matrix.
    pub groups: i64,
    /// Temperature, in units of the teacher's mean distance.
    pub temperature: f64,
}

/// The term and what it was made of.
#[derive(Debug)]
pub struct Correlation {
    /// A scalar with gradient into the student's features; 0 where every row was skipped.
    pub loss: Tensor,
    /// Rows of the correlation matrix that were compared.
    pub rows: u32,
    /// Groups left out for having fewer than two voxels, or for want of two classes of anchors.
    pub skipped: u32,
}

/// Compares how student and teacher features relate to labelled anchors.
///
/// `features[c]` are the student's and the teacher's features `(n, d)` of the same unlabelled voxels
/// of class c; `anchors[c]` the pool's `(m, d)`. Row (c, g) of the correlation matrix holds the CORAL
/// distances of group g of class c to the anchors of every class. The paper's per-voxel form (eq. 5)
/// asks for the covariance of a single vector, and its code's cross entropy of raw distances only
/// drives all of them to 0; here each row becomes softmax(−d/τ) and the loss is the cross entropy of
/// the student's row under the teacher's, without gradient into the teacher.
///
/// # Errors
/// [`CornError::Torch`] from libtorch, [`CornError::Shape`] for features of another width.
pub fn coral_correlation(
    features: &[(Tensor, Tensor)],
    anchors: &[Option<Tensor>],
    options: CorrelationOptions,
) -> Result<Correlation, CornError> {
    let anchors: Vec<Tensor> = anchors
        .iter()
        .flatten()
        .filter(|rows| rows.size()[0] > 1)
        .map(wide_covariance)
        .collect::<Result<_, _>>()?;
    let groups = options.groups.max(1);
    let mut losses = Vec::new();
    let mut skipped = 0;
    for (student, teacher) in features {
        let (n, _) = student.size2()?;
        for group in 0..groups {
            let (first, last) = (group * n / groups, (group + 1) * n / groups);
            // A distribution over fewer than two anchors says nothing.
            if last - first < 2 || anchors.len() < 2 {
                skipped += 1;
                continue;
            }
            let row = |rows: &Tensor| -> Result<Tensor, CornError> {
                let group = wide_covariance(&rows.f_narrow(0, first, last - first)?)?;
                let distances: Vec<Tensor> = anchors
                    .iter()
                    .map(|anchor| coral_distance(&group, anchor))
                    .collect::<Result<_, _>>()?;
                Ok(Tensor::f_stack(&distances, 0)?)
            };
            let of_teacher = row(&teacher.detach())?;
            let scale = of_teacher.f_mean(Kind::Double)?.f_double_value(&[])? * options.temperature;
            // Collapsed features lie at distance 0 from everything and prefer no anchor.
            let scale = scale.max(1e-12);
            let target = (of_teacher / -scale).f_softmax(0, Kind::Double)?;
            let log_student = (row(student)? / -scale).f_log_softmax(0, Kind::Double)?;
            losses.push(-(target * log_student).f_sum(Kind::Float)?);
        }
    }
    let rows = losses.len() as u32;
    let loss = match (rows, features.first()) {
        (0, Some((student, _))) => Tensor::zeros([], (Kind::Float, student.device())),
        (0, None) => Tensor::zeros([], (Kind::Float, tch::Device::Cpu)),
        _ => Tensor::f_stack(&losses, 0)?.f_mean(Kind::Float)?,
    };
    Ok(Correlation {
        loss,
        rows,
        skipped,
    })
}

/// The covariance in f64: its squared differences leave the range of f32 long before the features do.
fn wide_covariance(rows: &Tensor) -> Result<Tensor, CornError> {
    covariance(&rows.to_kind(Kind::Double))
}

/// The confidence filter: flat indices of up to `count` voxels of `class` on which student and
/// teacher agree, half of them those the teacher is surest of and half drawn from the rest (the
/// paper's "portion with low confidence selected randomly").
///
/// `student` and `teacher` are probabilities `(batch, class, z, y, x)`; indices run over
/// `(batch, z, y, x)` and come in random order.
///
/// # Errors
/// [`CornError::Torch`] from libtorch.
pub fn confident_voxels(
    student: &Tensor,
    teacher: &Tensor,
    class: i64,
    count: i64,
) -> Result<Tensor, CornError> {
    let (confidence, label) = teacher.f_max_dim(1, false)?;
    let agreed = student
        .f_argmax(1, false)?
        .f_eq_tensor(&label)?
        .f_logical_and(&label.f_eq(class)?)?;
    let candidates = agreed.f_view([-1])?.f_nonzero()?.f_view([-1])?;
    let (n, sure) = (candidates.size1()?, count / 2);
    let chosen = if n <= count {
        candidates
    } else {
        let confidence = confidence.f_view([-1])?.f_index_select(0, &candidates)?;
        let (_, order) = confidence.f_sort(0, true)?;
        let ordered = candidates.f_index_select(0, &order)?;
        let rest = subset(
            &ordered.f_narrow(0, sure, n - sure)?.f_view([-1, 1])?,
            count - sure,
        )?;
        Tensor::f_cat(&[ordered.f_narrow(0, 0, sure)?, rest.f_view([-1])?], 0)?
    };
    let order = Tensor::f_randperm(chosen.size1()?, (Kind::Int64, chosen.device()))?;
    Ok(chosen.f_index_select(0, &order)?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

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

    #[test]
    fn is_lowest_where_student_and_teacher_agree() {
        let teacher = rows(30, 1.2, 0.3);
        let loss = |student: Tensor| {
            let features = [(student, teacher.shallow_clone())];
            let correlation = coral_correlation(&features, &anchors(), OPTIONS).unwrap();
            assert_eq!((correlation.rows, correlation.skipped), (2, 0));
            correlation.loss.double_value(&[])
        };
        let agreed = loss(teacher.shallow_clone());
        assert!(agreed < loss(&teacher * 2.2) && agreed < loss(&teacher * 1.8));
    }

    #[test]
    fn the_gradient_reaches_the_student_alone() {
        let student = rows(30, 2.0, 0.5).set_requires_grad(true);
        let teacher = rows(30, 1.2, 0.3).set_requires_grad(true);
        let features = [(student.shallow_clone(), teacher.shallow_clone())];
        coral_correlation(&features, &anchors(), OPTIONS)
            .unwrap()
            .loss
            .backward();
        assert!(student.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0);
        assert!(!teacher.grad().defined());
    }

    #[test]
    fn what_cannot_be_compared_is_counted_and_the_loss_stays_finite() {
        let collapsed = Tensor::zeros([30, 3], (Kind::Float, Device::Cpu));
        let huge = rows(30, 1e12, 0.0);
        let few = rows(3, 1.0, 0.0);
        for (features, anchors, expected) in [
            (&few, anchors(), (1, 1)),
            (&few, vec![Some(rows(40, 1.0, 0.0)), None], (0, 2)),
            (
                &few,
                vec![Some(rows(40, 1.0, 0.0)), Some(rows(1, 1.0, 0.0))],
                (0, 2),
            ),
            (&collapsed, anchors(), (2, 0)),
            (&huge, anchors(), (2, 0)),
        ] {
            let features = [(features.shallow_clone(), features.shallow_clone())];
            let correlation = coral_correlation(&features, &anchors, OPTIONS).unwrap();
            assert_eq!((correlation.rows, correlation.skipped), expected);
            assert!(correlation.loss.double_value(&[]).is_finite());
        }
    }

    #[test]
    fn confident_voxels_are_agreed_upon_and_led_by_the_surest() {
        // Class 1 for the upper half of 100 voxels, surer towards the end; the student differs in 90..
        let p = Tensor::arange(100, (Kind::Float, Device::Cpu)) / 100.0;
        let map =
            |p: &Tensor| Tensor::stack(&[-p + 1.0, p.shallow_clone()], 0).view([1, 2, 1, 1, 100]);
        let teacher = map(&p);
        let late = Tensor::arange(100, (Kind::Int64, Device::Cpu)).ge(90);
        let student = map(&p.masked_fill(&late, 0.0));
        let chosen = confident_voxels(&student, &teacher, 1, 20).unwrap();
        let mut chosen = Vec::<i64>::try_from(chosen).unwrap();
        chosen.sort_unstable();
        assert_eq!(chosen.len(), 20);
        assert!(chosen.iter().all(|v| (50..90).contains(v)), "{chosen:?}");
        assert!((80..90).all(|v| chosen.contains(&v)), "{chosen:?}");
    }
}
