//! The confidence filter: which unlabelled voxels are worth comparing.
//!
//! Its parts are usable alone: [`agreement`], [`above_threshold`] and [`below_entropy`] say where, [`Selection`] which.

mod agreement;
mod entropy;
mod selection;
mod threshold;

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::CornError;
pub use agreement::agreement;
pub use entropy::{EntropyThreshold, below_entropy};
pub use selection::Selection;
pub use threshold::above_threshold;

/// Chooses voxels of each class on which two branches agree.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfidenceFilter {
    /// Which are chosen of those that may be.
    pub voxels: Selection,
    /// The probability that a voxel needs to be chosen at all.
    pub threshold: f64,
    /// The entropy below which it has to lie; left out, any will do.
    pub entropy: Option<EntropyThreshold>,
}

impl Default for ConfidenceFilter {
    fn default() -> Self {
        Self {
            voxels: Selection::TopAndRandom {
                count: 4096,
                surest_share: 0.5,
            },
            threshold: 0.0,
            entropy: None,
        }
    }
}

impl ConfidenceFilter {
    /// Refuses settings out of range; see [`Selection::check`].
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self, groups: i64) -> Result<(), CornError> {
        if !(0.0..=1.0).contains(&self.threshold) {
            let got = self.threshold;
            return Err(CornError::setting("filter.threshold", "0 to 1", got));
        }
        if let Some(entropy) = &self.entropy {
            entropy.check()?;
        }
        self.voxels.check(groups)
    }

    /// For each class the flat indices over `(batch, z, y, x)` of the voxels chosen at a step, in random order; both are
    /// probabilities `(batch, class, z, y, x)`. Class and confidence are those of `judge`: CORN's main branch, or a teacher.
    ///
    /// # Errors
    /// [`CornError::Shape`] when the two differ in shape or are no such maps.
    pub fn choose(
        &self,
        judge: &Tensor,
        other: &Tensor,
        step: u64,
        rng: &mut impl Rng,
    ) -> Result<Vec<Tensor>, CornError> {
        let _guard = tch::no_grad_guard();
        let mut eligible = agreement(judge, other)?;
        if self.threshold > 0.0 {
            eligible = eligible.f_logical_and(&above_threshold(judge, self.threshold)?)?;
        }
        let classes = judge.size()[1];
        if let Some(entropy) = &self.entropy {
            let threshold = entropy.at(step, classes);
            eligible = eligible.f_logical_and(&below_entropy(judge, threshold)?)?;
        }
        let (confidence, label) = judge.f_max_dim(1, false)?;
        let [eligible, confidence, label] =
            [eligible, confidence, label].map(|t| t.f_reshape([-1]));
        let (eligible, confidence, label) = (eligible?, confidence?, label?);
        (0..classes)
            .map(|class| {
                let candidates = eligible
                    .f_logical_and(&label.f_eq(class)?)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let sureness = confidence.f_index_select(0, &candidates)?;
                self.voxels.choose(&candidates, &sureness, rng)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};
    use tch::{Device, Kind};

    use super::*;
    use crate::ramp::Ramp;

    fn choose(filter: &ConfidenceFilter, student: &Tensor, teacher: &Tensor) -> [Vec<i64>; 2] {
        let key = StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "filter test",
        };
        let mut rng = Seed(2).stream(key);
        let chosen = filter.choose(teacher, student, 0, &mut rng).unwrap();
        assert_eq!(chosen.len(), 2);
        [0, 1].map(|class| Vec::try_from(&chosen[class]).unwrap())
    }

    fn filter(voxels: Selection, threshold: f64) -> ConfidenceFilter {
        ConfidenceFilter {
            voxels,
            threshold,
            entropy: None,
        }
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
            let voxels = Selection::TopAndRandom {
                count,
                surest_share,
            };
            let filter = filter(voxels, threshold);
            let [background, mut chosen] = choose(&filter, &student, &teacher);
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
    fn each_selection_is_what_it_says() {
        let (student, teacher) = maps();
        let both = |a: std::ops::Range<i64>, b: std::ops::Range<i64>| a.chain(b).collect();
        for (voxels, expected) in [
            (Selection::All, both(51..90, 0..0)),
            (Selection::Top { count: 5 }, both(85..90, 0..0)),
            (
                Selection::TopAndBottom { top: 5, bottom: 3 },
                both(51..54, 85..90),
            ),
            // Of 39 voxels 32 come twice.
            (
                Selection::TopAndBottom {
                    top: 36,
                    bottom: 35,
                },
                {
                    let mut all: Vec<i64> = both(54..90, 51..86);
                    all.sort_unstable();
                    all
                },
            ),
        ] {
            let [_, mut chosen] = choose(&filter(voxels, 0.0), &student, &teacher);
            chosen.sort_unstable();
            assert_eq!(chosen, expected, "{voxels:?}");
        }
    }

    /// Entropies of p and 1 − p below 0.75 ln 2 are those of p above 0.787.
    #[test]
    fn uncertain_voxels_come_later() {
        let (student, teacher) = maps();
        let mut filter = filter(Selection::All, 0.0);
        for (ramp, first) in [(Ramp::Continuous { steps: 1e9 }, 79), (Ramp::None, 51)] {
            filter.entropy = Some(EntropyThreshold { start: 0.75, ramp });
            let [_, chosen] = choose(&filter, &student, &teacher);
            assert_eq!(chosen, (first..90).collect::<Vec<_>>(), "{ramp:?}");
        }
    }

    #[test]
    fn indices_run_over_the_batch() {
        let (student, teacher) = maps();
        let twice = |map: &Tensor| Tensor::cat(&[map, map], 0);
        let filter = filter(Selection::Top { count: 1000 }, 0.0);
        let [_, chosen] = choose(&filter, &twice(&student), &twice(&teacher));
        assert!(chosen.contains(&89) && chosen.contains(&189) && !chosen.contains(&195));
    }

    #[test]
    fn nothing_chosen_is_no_fault() {
        let (student, teacher) = maps();
        for voxels in [
            Selection::All,
            Selection::Top { count: 4 },
            Selection::TopAndBottom { top: 2, bottom: 2 },
        ] {
            let [background, chosen] = choose(&filter(voxels, 1.0), &student, &teacher);
            assert!(background.len() <= 2 && chosen.is_empty(), "{voxels:?}");
        }
    }

    #[test]
    fn refuses_maps_of_different_shape_and_settings_out_of_range() {
        let (student, teacher) = maps();
        let mut rng = Seed(2).stream(StreamKey {
            epoch: 0,
            sample_id: "",
            purpose: "",
        });
        let half = student.narrow(3, 0, 5);
        let filter = ConfidenceFilter::default();
        assert!(filter.choose(&teacher, &half, 0, &mut rng).is_err());
        for (voxels, groups) in [
            (Selection::Top { count: 3 }, 2),
            (Selection::Top { count: 3 }, i64::MAX),
            (Selection::TopAndBottom { top: -1, bottom: 9 }, 1),
            (
                Selection::TopAndRandom {
                    count: 9,
                    surest_share: f64::NAN,
                },
                1,
            ),
        ] {
            assert!(voxels.check(groups).is_err(), "{voxels:?}");
        }
    }
}
