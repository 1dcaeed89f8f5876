//! How learning rates and loss weights move over a run.

use serde::{Deserialize, Serialize};

/// The learning rate's course, as a factor of its peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The peak throughout.
    Constant,
    /// Linear from `start` × peak over `warmup_steps`, then half a cosine down to `end` × peak at
    /// the last step (SparK's `lr_control`, with start 0.005 and end 0.001).
    Cosine {
        /// Steps of the linear rise.
        warmup_steps: u64,
        /// Factor at the first step.
        start: f64,
        /// Factor at the last step.
        end: f64,
    },
    /// (1 − step/total)^`power`.
    Poly {
        /// The exponent, 0.9 in most segmentation work.
        power: f64,
    },
    /// × `factor` every so many steps (UA-MT: 0.1 every 2500).
    Step {
        /// Steps between falls.
        every: u64,
        /// What each fall multiplies by.
        factor: f64,
    },
}

impl Schedule {
    /// Whether a run of another length would have other rates at the same steps.
    pub(crate) fn depends_on_total(&self) -> bool {
        matches!(self, Self::Cosine { .. } | Self::Poly { .. })
    }

    /// The factor at `step` (from 0) of `total` steps.
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        let step = step as f64;
        let last = total.saturating_sub(1) as f64;
        match *self {
            Self::Constant => 1.0,
            Self::Poly { power } => (1.0 - step / (total.max(1) as f64)).max(0.0).powf(power),
            Self::Step { every, factor } => factor.powf((step / every.max(1) as f64).floor()),
            Self::Cosine {
                warmup_steps,
                start,
                end,
            } => {
                let warmup = warmup_steps as f64;
                if step < warmup {
                    start + (1.0 - start) * step / warmup
                } else {
                    let progress = ((step - warmup) / (last - warmup).max(1.0)).min(1.0);
                    let cosine = 0.5 + 0.5 * (std::f64::consts::PI * progress).cos();
                    end + (1.0 - end) * cosine
                }
            }
        }
    }
}

/// From `start` at the first of `total` steps to `end` at the last, along half a cosine: SparK's weight
/// decay, 0.04 to 0.2.
pub fn cosine_between(start: f64, end: f64, step: u64, total: u64) -> f64 {
    let last = total.saturating_sub(1).max(1) as f64;
    let progress = (step as f64 / last).min(1.0);
    end + (start - end) * (0.5 + 0.5 * (std::f64::consts::PI * progress).cos())
}

/// The consistency weight's ramp exp(−5(1 − min(t, T)/T)²), 1 where `length` is 0 (Laine & Aila;
/// CORN's λ(t), whose t is the count of 150 iterations begun and T is 40: see [`stepped_ramp_up`]).
pub fn ramp_up(t: f64, length: f64) -> f64 {
    if length <= 0.0 {
        return 1.0;
    }
    let left = 1.0 - t.clamp(0.0, length) / length;
    (-5.0 * left * left).exp()
}

/// [`ramp_up`] as CORN and its parents count: t = ⌊(step + 1)/`every`⌋, their first iteration being 1.
pub fn stepped_ramp_up(step: u64, every: u64, length: f64) -> f64 {
    ramp_up(((step + 1) / every.max(1)) as f64, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import math
    /// wp, total = 40, 1600
    /// def lr(i):
    ///     if i < wp: return .005 + .995 * i / wp
    ///     return .001 + .999 * (.5 + .5 * math.cos(math.pi * (i - wp) / (total - 1 - wp)))
    /// [lr(i) for i in (0, 20, 40, 800, 1599)]
    /// [math.exp(-5 * (1 - min(e, 40) / 40) ** 2) for e in (0, 10, 40, 99)]
    /// ```
    #[test]
    fn follows_the_published_curves() {
        let cosine = Schedule::Cosine {
            warmup_steps: 40,
            start: 0.005,
            end: 0.001,
        };
        for (step, expected) in [
            (0, 0.005),
            (20, 0.5025),
            (40, 1.0),
            (800, 0.520_122_850_253_072),
            (1599, 0.001),
        ] {
            let got = cosine.factor(step, 1600);
            assert!((got - expected).abs() < 1e-12, "step {step}: {got}");
        }
        for (t, expected) in [
            (0.0, 0.006_737_946_999),
            (10.0, 0.060_054_667_895),
            (40.0, 1.0),
            (99.0, 1.0),
        ] {
            assert!((ramp_up(t, 40.0) - expected).abs() < 1e-11, "t {t}");
        }
        // CORN's log: full from iteration 6000 on, counted from 1.
        for (step, expected) in [
            (0, 0.006_737_946_999),
            (1499, 0.060_054_667_895),
            (5999, 1.0),
        ] {
            let got = stepped_ramp_up(step, 150, 40.0);
            assert!((got - expected).abs() < 1e-11, "step {step}: {got}");
        }
        // .2 + (.04 - .2) * (.5 + .5 * math.cos(math.pi * it / 1599))
        for (step, expected) in [(0, 0.04), (400, 0.063_459_249_712), (1599, 0.2)] {
            let got = cosine_between(0.04, 0.2, step, 1600);
            assert!((got - expected).abs() < 1e-11, "step {step}: {got}");
        }
        let step = Schedule::Step {
            every: 2500,
            factor: 0.1,
        };
        for (at, expected) in [(0, 1.0), (2499, 1.0), (2500, 0.1), (7500, 0.001)] {
            assert!(
                (step.factor(at, 9000) - expected).abs() < 1e-15,
                "step {at}"
            );
        }
        assert!((Schedule::Poly { power: 0.9 }.factor(50, 100) - 0.5f64.powf(0.9)).abs() < 1e-15);
    }
}
