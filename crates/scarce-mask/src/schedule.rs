//! Policies that change over a training.

use serde::{Deserialize, Serialize};

use crate::{MaskError, Policy};

/// How a schedule goes from its beginning to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// Evenly.
    #[default]
    Linear,
    /// Slowly, then fast, then slowly: (1 − cos πt) / 2.
    Cosine,
    /// All at once at the end.
    Step,
}

/// A policy that turns into another of its kind: every number goes from the one to the other between
/// two epochs, and stays before and after. `SemMAE`'s `whole` from 0 to 1, `AnatoMask`'s `share` from 0
/// to 0.5, or MWM's shares from its mildest preset to its strongest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Up to the epoch `begin`.
    pub from: Policy,
    /// From the epoch `end` on.
    pub to: Policy,
    /// The last epoch of `from`.
    #[serde(default)]
    pub begin: u64,
    /// The first epoch of `to`.
    pub end: u64,
    /// How it goes in between.
    #[serde(default)]
    pub pace: Pace,
}

impl Schedule {
    /// A policy that stays.
    pub fn constant(policy: Policy) -> Self {
        Self {
            from: policy.clone(),
            to: policy,
            begin: 0,
            end: 0,
            pace: Pace::Step,
        }
    }

    /// The policy of an epoch: of nothing else, so that a resumed run goes on as it would have.
    ///
    /// # Errors
    /// [`MaskError::Schedule`] for policies of two kinds or with other numbers of ratios; those of
    /// [`Policy::validate`].
    pub fn at(&self, epoch: u64) -> Result<Policy, MaskError> {
        self.from.validate()?;
        self.to.validate()?;
        let part = epoch.saturating_sub(self.begin) as f64
            / self.end.saturating_sub(self.begin).max(1) as f64;
        let t = match self.pace {
            _ if epoch >= self.end => 1.0,
            Pace::Linear => part,
            Pace::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * part).cos(),
            Pace::Step => 0.0,
        };
        between(&self.from, &self.to, t)
    }
}

/// Settings are convex: what lies between two policies in range is in range.
fn between(from: &Policy, to: &Policy, t: f64) -> Result<Policy, MaskError> {
    use Policy::{
        Attention, Block, Graded, Heat, LossGuided, Random, Region, RegionBudget, SemParts,
    };
    // Both ends exactly: 1 times a number and 0 times another.
    let mix = |a: &f64, b: &f64| a * (1.0 - t) + b * t;
    Ok(match (from, to) {
        (Random { ratio: a }, Random { ratio: b }) => Random { ratio: mix(a, b) },
        (
            Block {
                ratio: a,
                min_cells: n,
                max_aspect: p,
            },
            Block {
                ratio: b,
                min_cells: m,
                max_aspect: q,
            },
        ) => Block {
            ratio: mix(a, b),
            min_cells: mix(&(*n as f64), &(*m as f64)).round() as usize,
            max_aspect: mix(p, q),
        },
        (Region { high: a, low: p }, Region { high: b, low: q }) => Region {
            high: mix(a, b),
            low: mix(p, q),
        },
        (
            RegionBudget {
                ratio: a,
                contrast: p,
            },
            RegionBudget {
                ratio: b,
                contrast: q,
            },
        ) => RegionBudget {
            ratio: mix(a, b),
            contrast: mix(p, q),
        },
        (Graded { ratios: a }, Graded { ratios: b }) if a.len() == b.len() => Graded {
            ratios: a.iter().zip(b).map(|(a, b)| mix(a, b)).collect(),
        },
        (Heat { ratio: a, floor: p }, Heat { ratio: b, floor: q }) => Heat {
            ratio: mix(a, b),
            floor: mix(p, q),
        },
        (SemParts { ratio: a, whole: p }, SemParts { ratio: b, whole: q }) => SemParts {
            ratio: mix(a, b),
            whole: mix(p, q),
        },
        (LossGuided { ratio: a, share: p }, LossGuided { ratio: b, share: q }) => LossGuided {
            ratio: mix(a, b),
            share: mix(p, q),
        },
        (
            Attention {
                ratio: a,
                hide,
                show: p,
            },
            Attention {
                ratio: b,
                hide: same,
                show: q,
            },
        ) if hide == same => Attention {
            ratio: mix(a, b),
            hide: *hide,
            show: mix(p, q),
        },
        _ => {
            return Err(MaskError::Schedule {
                from: from.kind(),
                to: to.kind(),
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ranked;

    fn ends() -> Vec<[Policy; 2]> {
        let attention = |ratio, show| Policy::Attention {
            ratio,
            hide: Ranked::Highest,
            show,
        };
        vec![
            [Policy::Random { ratio: 0.1 }, Policy::Random { ratio: 0.7 }],
            [Policy::block(0.3), Policy::block(0.6)],
            [
                Policy::Region {
                    high: 0.6,
                    low: 0.2,
                },
                Policy::Region {
                    high: 0.8,
                    low: 0.4,
                },
            ],
            [
                Policy::RegionBudget {
                    ratio: 0.3,
                    contrast: 0.0,
                },
                Policy::RegionBudget {
                    ratio: 0.6,
                    contrast: 0.5,
                },
            ],
            [
                Policy::Graded {
                    ratios: vec![0.1, 0.2],
                },
                Policy::Graded {
                    ratios: vec![0.3, 0.9],
                },
            ],
            [
                Policy::Heat {
                    ratio: 0.5,
                    floor: 1.0,
                },
                Policy::Heat {
                    ratio: 0.5,
                    floor: 0.0,
                },
            ],
            [
                Policy::SemParts {
                    ratio: 0.75,
                    whole: 0.0,
                },
                Policy::SemParts {
                    ratio: 0.75,
                    whole: 1.0,
                },
            ],
            [
                Policy::LossGuided {
                    ratio: 0.6,
                    share: 0.0,
                },
                Policy::LossGuided {
                    ratio: 0.6,
                    share: 0.5,
                },
            ],
            [attention(0.3, 0.1), attention(0.5, 0.0)],
        ]
    }

    #[test]
    fn every_kind_reaches_both_ends_and_stays_in_range() {
        for [from, to] in ends() {
            for pace in [Pace::Linear, Pace::Cosine, Pace::Step] {
                let schedule = Schedule {
                    from: from.clone(),
                    to: to.clone(),
                    begin: 10,
                    end: 30,
                    pace,
                };
                for epoch in [0, 10] {
                    assert_eq!(schedule.at(epoch).unwrap(), from, "{pace:?}");
                }
                for epoch in [30, u64::MAX] {
                    assert_eq!(schedule.at(epoch).unwrap(), to, "{pace:?}");
                }
                for epoch in 11..30 {
                    let policy = schedule.at(epoch).unwrap();
                    assert_eq!(policy.validate(), Ok(()));
                    assert_eq!(policy == from, pace == Pace::Step, "{policy:?}");
                }
                let json = serde_json::to_string(&schedule).unwrap();
                assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
            }
        }
    }

    #[test]
    fn paces_differ_in_between() {
        for (pace, share) in [
            (Pace::Linear, 0.125),
            (Pace::Cosine, 0.5 * (0.5 - 0.5 * 0.5f64.sqrt())),
            (Pace::Step, 0.0),
        ] {
            let policy = |share| Policy::LossGuided { ratio: 0.6, share };
            let schedule = Schedule {
                from: policy(0.0),
                to: policy(0.5),
                begin: 0,
                end: 100,
                pace,
            };
            let Policy::LossGuided { share: got, .. } = schedule.at(25).unwrap() else {
                unreachable!("a schedule stays with its kind");
            };
            assert!((got - share).abs() < 1e-12, "{pace:?}: {got}");
        }
        let stays = Schedule::constant(Policy::Random { ratio: 0.4 });
        assert_eq!(stays.at(0), stays.at(9));
    }

    #[test]
    fn what_has_nothing_in_between_is_refused() {
        let all = ends();
        for (k, [from, _]) in all.iter().enumerate() {
            let [_, to] = &all[(k + 1) % all.len()];
            assert!(matches!(
                between(from, to, 0.5),
                Err(MaskError::Schedule { .. })
            ));
        }
        let graded = |ratios| Policy::Graded { ratios };
        assert!(between(&graded(vec![0.1]), &graded(vec![0.1, 0.2]), 0.5).is_err());
        let wrong = Schedule::constant(Policy::Random { ratio: 2.0 });
        assert!(wrong.at(0).is_err());
    }
}
