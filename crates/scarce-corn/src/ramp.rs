//! How the weights of the consistency terms rise.

use scarce_train::{ramp_up, stepped_ramp_up};
use serde::{Deserialize, Serialize};

use crate::CornError;

/// How the weights of the consistency terms rise to their largest, along exp(−5(1 − t/T)²).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ramp {
    /// They are at their largest from the first step.
    None,
    /// With every step.
    Continuous {
        /// Steps T of the rise; 0 for none.
        steps: f64,
    },
    /// With every so many steps, as CORN's code and its parents': t = ⌊(step + 1)/every⌋.
    Stepped {
        /// Steps that share a weight, 150 there.
        every: u64,
        /// How many times it rises, 40 there.
        length: f64,
    },
}

impl Ramp {
    /// The factor at a step, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        match *self {
            Self::None => 1.0,
            Self::Continuous { steps } => ramp_up(step as f64, steps),
            Self::Stepped { every, length } => stepped_ramp_up(step, every, length),
        }
    }

    /// Refuses lengths that are none.
    ///
    /// # Errors
    /// [`CornError::Setting`] for a length that is not finite or below 0, and steps of none.
    pub fn check(&self) -> Result<(), CornError> {
        let (name, length) = match *self {
            Self::None => return Ok(()),
            Self::Continuous { steps } => ("ramp.steps", steps),
            Self::Stepped { every: 0, .. } => {
                return Err(CornError::setting("ramp.every", "at least 1", 0));
            }
            Self::Stepped { length, .. } => ("ramp.length", length),
        };
        if length.is_finite() && length >= 0.0 {
            return Ok(());
        }
        let expected = "a finite number, at least 0";
        Err(CornError::setting(name, expected, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The medians that CORN's authors logged of their own run (`L, L_s, l_c, L_d`), each about an iteration: from its terms,
    /// `0.5 L_s + r l_c + 0.05 r L_d` has to give L. Medians of a sum are not the sums of medians, hence the width.
    #[test]
    fn the_logged_terms_come_to_the_logged_total() {
        let ramp = Ramp::Stepped {
            every: 150,
            length: 40.0,
        };
        for (iteration, [total, supervised, consistency, coral]) in [
            (75, [0.546, 1.089, 0.216, 0.0057]),
            (1000, [0.060, 0.117, 0.0445, 0.0058]),
            (5000, [0.043, 0.054, 0.017, 0.0026]),
            (15000, [0.0224, 0.0288, 0.0080, 0.0014]),
        ] {
            // Iterations there count from 1.
            let r = ramp.at(iteration - 1);
            let got = 0.5 * supervised + r * consistency + 0.05 * r * coral;
            assert!(
                (got / total - 1.0).abs() < 0.04,
                "{iteration}: {got} {total}"
            );
        }
    }

    /// `[math.exp(-5 * (1 - min(i // 150, 40) / 40) ** 2) for i in (1, 150, 1500, 3000, 5999, 6000, 15000)]`, which is what
    /// that log shows to 6 digits.
    #[test]
    fn the_steps_are_those_of_the_log() {
        let ramp = Ramp::Stepped {
            every: 150,
            length: 40.0,
        };
        for (iteration, expected) in [
            (1, 0.006737946999),
            (150, 0.008624700856),
            (1500, 0.060054667895),
            (3000, 0.286504796860),
            (5999, 0.9968798777302081),
            (6000, 1.0),
            (15000, 1.0),
        ] {
            let got = ramp.at(iteration - 1);
            assert!((got - expected).abs() < 1e-11, "{iteration}: {got}");
        }
        assert_eq!(Ramp::None.at(0), 1.0);
        assert_eq!(Ramp::Continuous { steps: 10.0 }.at(10), 1.0);
        assert_eq!(Ramp::Continuous { steps: 10.0 }.at(0), (-5f64).exp());
    }
}
