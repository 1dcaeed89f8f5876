//! The confidence filter: which unlabelled voxels are worth comparing.

use rand::Rng;
use tch::Tensor;

use crate::CornError;
use crate::pool::{draw, subset};

/// Chooses voxels of each class on which student and teacher agree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceFilter {
    /// Voxels chosen of each class at most.
    pub count: i64,
    /// The share of `count` that goes to the voxels the teacher is surest of; the rest is drawn from
    /// the others (the paper's "portion with low confidence selected randomly").
    pub surest_share: f64,
    /// The teacher's probability that a voxel needs to be chosen at all.
    pub threshold: f64,
}

impl ConfidenceFilter {
    /// For each class the flat indices over `(batch, z, y, x)` of the voxels chosen, in random order;
    /// `student` and `teacher` are probabilities `(batch, class, z, y, x)`.
    ///
    /// # Errors
    /// [`CornError::Shape`] when the two differ in shape or are no such maps.
    pub fn choose(
        &self,
        student: &Tensor,
        teacher: &Tensor,
        rng: &mut impl Rng,
    ) -> Result<Vec<Tensor>, CornError> {
        let size = teacher.size();
        if size.len() != 5 || student.size() != size {
            return Err(CornError::Shape {
                what: "the student's probabilities",
                expected: format!("(batch, class, z, y, x) like the teacher's {size:?}"),
                got: student.size(),
            });
        }
        let _guard = tch::no_grad_guard();
        let (confidence, label) = teacher.f_max_dim(1, false)?;
        let confidence = confidence.f_reshape([-1])?;
        let label = label.f_reshape([-1])?;
        let eligible = student
            .f_argmax(1, false)?
            .f_reshape([-1])?
            .f_eq_tensor(&label)?
            .f_logical_and(&confidence.f_ge(self.threshold)?)?;
        let count = self.count.max(0);
        let surest = (count as f64 * self.surest_share.clamp(0.0, 1.0)).round() as i64;
        (0..size[1])
            .map(|class| {
                let candidates = eligible
                    .f_logical_and(&label.f_eq(class)?)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let n = candidates.size1()?;
                let chosen = if n <= count {
                    candidates
                } else {
                    let sureness = confidence.f_index_select(0, &candidates)?;
                    let (_, top) = sureness.f_topk(surest, 0, true, false)?;
                    let others = sureness
                        .f_zeros_like()?
                        .f_index_fill_(0, &top, 1.0)?
                        .f_eq(0.0)?
                        .f_nonzero()?
                        .f_view([-1])?;
                    let others = subset(&others, count - surest, rng)?;
                    candidates.f_index_select(0, &Tensor::f_cat(&[top, others], 0)?)?
                };
                let n = chosen.size1()?;
                let order = Tensor::from_slice(&draw(n, n, rng)).to_device(chosen.device());
                Ok(chosen.f_index_select(0, &order)?)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};
    use tch::{Device, Kind};

    use super::*;

    fn choose(filter: ConfidenceFilter, student: &Tensor, teacher: &Tensor) -> [Vec<i64>; 2] {
        let key = StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "filter test",
        };
        let mut rng = Seed(2).stream(key);
        let chosen = filter.choose(student, teacher, &mut rng).unwrap();
        assert_eq!(chosen.len(), 2);
        [0, 1].map(|class| Vec::try_from(&chosen[class]).unwrap())
    }

    /// Voxel v of 100 has probability v/100 of class 1; the student sees class 0 from 90 on.
    fn maps() -> (Tensor, Tensor) {
        let p = Tensor::arange(100, (Kind::Float, Device::Cpu)) / 100.0;
        let map =
            |p: &Tensor| Tensor::stack(&[-p + 1.0, p.shallow_clone()], 0).view([1, 2, 1, 10, 10]);
        let late = Tensor::arange(100, (Kind::Int64, Device::Cpu)).ge(90);
        (map(&p.masked_fill(&late, 0.0)), map(&p))
    }

    #[test]
    fn the_chosen_are_agreed_upon_and_led_by_the_surest() {
        let (student, teacher) = maps();
        for (count, surest_share, threshold, surest, range) in [
            (20, 0.5, 0.0, 80..90, 51..90),
            (20, 1.0, 0.0, 70..90, 70..90),
            (20, 0.0, 0.0, 0..0, 51..90),
            (20, 0.5, 0.7, 80..90, 70..90),
            (10, 0.5, 0.85, 85..90, 85..90),
            (400, 0.5, 0.0, 51..90, 51..90),
        ] {
            let filter = ConfidenceFilter {
                count,
                surest_share,
                threshold,
            };
            let [background, mut chosen] = choose(filter, &student, &teacher);
            assert!(background.iter().all(|v| *v <= 50), "{filter:?}");
            let drawn = chosen.clone();
            chosen.sort_unstable();
            assert!(chosen.len() < 3 || chosen != drawn, "in random order");
            chosen.dedup();
            let expected = (count as usize).min(range.clone().count());
            assert_eq!(chosen.len(), expected, "{filter:?}");
            assert!(chosen.iter().all(|v| range.contains(v)), "{chosen:?}");
            assert!(surest.clone().all(|v| chosen.contains(&v)), "{chosen:?}");
        }
    }

    #[test]
    fn indices_run_over_the_batch() {
        let (student, teacher) = maps();
        let twice = |map: &Tensor| Tensor::cat(&[map, map], 0);
        let filter = ConfidenceFilter {
            count: 1000,
            surest_share: 0.5,
            threshold: 0.0,
        };
        let [_, chosen] = choose(filter, &twice(&student), &twice(&teacher));
        assert!(chosen.contains(&89) && chosen.contains(&189) && !chosen.contains(&195));
    }

    #[test]
    fn refuses_maps_of_different_shape() {
        let (student, teacher) = maps();
        let filter = ConfidenceFilter {
            count: 1,
            surest_share: 0.5,
            threshold: 0.0,
        };
        let mut rng = Seed(2).stream(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "",
        });
        let half = student.narrow(3, 0, 5);
        assert!(filter.choose(&half, &teacher, &mut rng).is_err());
    }
}
