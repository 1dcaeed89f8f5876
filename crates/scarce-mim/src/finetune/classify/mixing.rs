//! Mixing the images of a batch: mixup (Zhang et al. 2018) and `CutMix` (Yun et al. 2019), as timm does it batch by batch.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::MimError;

/// How images of a batch are mixed, each with its counterpart from the batch's other end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mixing {
    /// Shares of mixup are drawn from Beta(a, a); 0 for no mixup.
    pub mixup_alpha: f64,
    /// Shares of `CutMix` are; 0 for no `CutMix`.
    pub cutmix_alpha: f64,
    /// Chance that a batch is mixed at all.
    pub chance: f64,
    /// Chance of `CutMix` where there are both.
    pub cutmix_chance: f64,
}

impl Default for Mixing {
    fn default() -> Self {
        Self {
            mixup_alpha: 0.1,
            cutmix_alpha: 1.0,
            chance: 1.0,
            cutmix_chance: 0.5,
        }
    }
}

/// What was drawn for a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mix {
    /// Share that stays.
    Mixup(f64),
    /// The window that comes from the counterpart: its first and last-plus-one pixel along y and x.
    CutMix([[i64; 2]; 2]),
}

impl Mixing {
    pub(super) fn check(&self) -> Result<(), MimError> {
        for (name, value, most) in [
            ("mixing.mixup_alpha", self.mixup_alpha, 16.0),
            ("mixing.cutmix_alpha", self.cutmix_alpha, 16.0),
            ("mixing.chance", self.chance, 1.0),
            ("mixing.cutmix_chance", self.cutmix_chance, 1.0),
        ] {
            if !(0.0..=most).contains(&value) {
                return Err(MimError::Setting {
                    name,
                    expected: format!("0 to {most}"),
                    got: value.to_string(),
                });
            }
        }
        Ok(())
    }

    pub(super) fn draw(&self, input_yx: [i64; 2], rng: &mut impl Rng) -> Option<Mix> {
        let [mixed, which] = [0, 1].map(|_| rng.random::<f64>());
        if mixed >= self.chance {
            return None;
        }
        let cuts = match (self.mixup_alpha > 0.0, self.cutmix_alpha > 0.0) {
            (true, true) => which < self.cutmix_chance,
            (false, false) => return None,
            (_, cutmix) => cutmix,
        };
        if !cuts {
            return Some(Mix::Mixup(beta(self.mixup_alpha, rng)));
        }
        let side = (1.0 - beta(self.cutmix_alpha, rng)).sqrt();
        Some(Mix::CutMix(input_yx.map(|n| {
            let half = (n as f64 * side) as i64 / 2;
            let middle = (rng.random::<f64>() * n as f64) as i64;
            [(middle - half).clamp(0, n), (middle + half).clamp(0, n)]
        })))
    }
}

impl Mix {
    /// Mixes pixels `(image, channel, y, x)` and targets `(image, class)`, both of the whole batch.
    pub(super) fn apply(
        self,
        pixels: &Tensor,
        targets: &Tensor,
    ) -> Result<(Tensor, Tensor), MimError> {
        let (other, other_targets) = (pixels.f_flip([0i64])?, targets.f_flip([0i64])?);
        let (pixels, stays) = match self {
            Self::Mixup(stays) => (pixels * stays + other * (1.0 - stays), stays),
            Self::CutMix([[top, bottom], [left, right]]) => {
                let window = |t: &Tensor| -> Result<Tensor, MimError> {
                    let rows = t.f_narrow(2, top, bottom - top)?;
                    Ok(rows.f_narrow(3, left, right - left)?)
                };
                let mixed = pixels.copy();
                window(&mixed)?.f_copy_(&window(&other)?)?;
                let (_, _, height, width) = pixels.size4()?;
                let cut = (bottom - top) * (right - left);
                (mixed, 1.0 - cut as f64 / (height * width) as f64)
            }
        };
        Ok((pixels, targets * stays + other_targets * (1.0 - stays)))
    }
}

/// From Beta(a, a), by Jöhnk's way, which is quick for an a of about 1 and below.
fn beta(alpha: f64, rng: &mut impl Rng) -> f64 {
    loop {
        let [x, y] = [0, 1].map(|_| rng.random::<f64>().powf(1.0 / alpha));
        let sum = x + y;
        if sum <= 1.0 && sum > 0.0 {
            return x / sum;
        }
        if sum == 0.0 {
            // Both too small for a float: as good as one of them alone.
            return f64::from(u8::from(rng.random::<bool>()));
        }
    }
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};
    use tch::{Device, Kind};

    use super::*;

    fn stream(epoch: u64) -> impl Rng + use<> {
        Seed(9).stream(StreamKey {
            epoch,
            sample_id: "",
            purpose: "mixing",
        })
    }

    /// Variance of Beta(a, a): 1 / (4 (2a + 1)).
    #[test]
    fn shares_have_the_moments_of_a_beta_law() {
        for alpha in [0.1, 0.8, 1.0, 3.0] {
            let mut rng = stream(0);
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut rng)).collect();
            let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
            let var = drawn.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.02, "{alpha}: {mean}");
            assert!(
                (var / expected - 1.0).abs() < 0.05,
                "{alpha}: {var} {expected}"
            );
        }
    }

    #[test]
    fn pixels_and_targets_are_mixed_alike() {
        let options = (Kind::Float, Device::Cpu);
        // Image k is k throughout, and of class k: what an image's mean is, its targets' mean must be.
        let values = Tensor::arange(4, options);
        let pixels = values
            .view([4, 1, 1, 1])
            .expand([4, 1, 10, 12], false)
            .copy();
        let targets = Tensor::eye(4, options);
        let mut kinds = [0, 0, 0];
        for epoch in 0..40 {
            let mixing = Mixing {
                mixup_alpha: 0.8,
                chance: 0.8,
                ..Mixing::default()
            };
            let Some(mix) = mixing.draw([10, 12], &mut stream(epoch)) else {
                kinds[2] += 1;
                continue;
            };
            kinds[usize::from(matches!(mix, Mix::CutMix(_)))] += 1;
            let (pixels, targets) = mix.apply(&pixels, &targets).unwrap();
            let shown = pixels.mean_dim([1i64, 2, 3].as_slice(), false, Kind::Float);
            let told = targets.matmul(&values.unsqueeze(1)).squeeze_dim(1);
            let off = (shown - told).abs().max().double_value(&[]);
            assert!(off < 1e-5, "{mix:?}: {off}");
        }
        assert!(kinds.iter().all(|n| *n > 3), "{kinds:?}");
        let none = Mixing {
            mixup_alpha: 0.0,
            cutmix_alpha: 0.0,
            ..Mixing::default()
        };
        assert_eq!(none.draw([8, 8], &mut stream(0)), None);
    }
}
