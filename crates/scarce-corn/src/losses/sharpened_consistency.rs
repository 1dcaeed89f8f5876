//! Consistency with another branch's sharpened probabilities.

use tch::Tensor;

use super::check_alike;
use crate::CornError;
use crate::vnet::loss_kind;

/// Below this temperature probabilities are kept off 0 and 1, whose powers would leave no gradient at all.
const CLAMPED_BELOW: f64 = 0.1;
const CLAMP: f64 = 1e-7;

/// p^(1/T) / (p^(1/T) + (1 − p)^(1/T)) of each class by itself (MC-Net): of more than two, they need not sum to 1.
///
/// # Errors
/// [`CornError::Setting`] for a temperature that is not above 0.
pub fn sharpen(probabilities: &Tensor, temperature: f64) -> Result<Tensor, CornError> {
    if !(temperature.is_finite() && temperature > 0.0) {
        let expected = "a finite number above 0";
        return Err(CornError::setting("temperature", expected, temperature));
    }
    let p = if temperature < CLAMPED_BELOW {
        probabilities.f_clamp(CLAMP, 1.0 - CLAMP)?
    } else {
        probabilities.shallow_clone()
    };
    let power = 1.0 / temperature;
    let high = p.f_pow_tensor_scalar(power)?;
    let low = (p.f_neg()? + 1.0).f_pow_tensor_scalar(power)?;
    Ok(high.f_div(&(&high + low))?)
}

/// Σ over ordered pairs of branches of the mean squared difference between one's probabilities and the other's [`sharpen`]ed
/// ones (CORN's code, CAML, MC-Net). There the sharpened ones have a gradient, too; `detach` takes it from them.
///
/// # Errors
/// [`CornError::Shape`] for maps of different shape; [`CornError::Setting`] for fewer than two branches, and as [`sharpen`].
pub fn sharpened_consistency(
    probabilities: &[&Tensor],
    temperature: f64,
    detach: bool,
) -> Result<Tensor, CornError> {
    let sharp = probabilities
        .iter()
        .map(|p| {
            sharpen(
                &if detach {
                    p.detach()
                } else {
                    p.shallow_clone()
                },
                temperature,
            )
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut sum: Option<Tensor> = None;
    for (i, p) in probabilities.iter().enumerate() {
        check_alike("a branch's probabilities", probabilities[0], p)?;
        for (j, sharp) in sharp.iter().enumerate() {
            if i != j {
                let loss = p.f_sub(sharp)?.f_square()?.f_mean(loss_kind(p))?;
                sum = Some(sum.map_or_else(|| loss.shallow_clone(), |sum| sum + &loss));
            }
        }
    }
    sum.ok_or_else(|| CornError::setting("branches", "at least two", probabilities.len()))
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::super::tests::{check, logits, others};
    use super::*;

    fn p(logits: &Tensor) -> Tensor {
        logits.softmax(1, Kind::Double)
    }

    /// With p as for the cross entropy, r of the other branch, and o of z reversed:
    ///
    /// ```python
    /// def sharp(p, T): return p ** (1 / T) / (p ** (1 / T) + (1 - p) ** (1 / T))
    /// def mse(*ps, T): return sum(((p - sharp(q, T)) ** 2).mean() for p in ps for q in ps if p is not q)
    /// print(mse(p, r, T=.4), mse(p, r, T=.1), mse(p, r, o, T=.1))
    /// ```
    #[test]
    fn equals_numpy() {
        let (first, second) = (p(&logits()), p(&others()));
        let third = p(&logits().flip([0, 1, 2, 3, 4]));
        for (branches, temperature, expected) in [
            (&[&first, &second][..], 0.4, 0.30460081700170694),
            (&[&first, &second], 0.1, 0.46439145378673174),
            (&[&first, &second, &third], 0.1, 1.2842192066498868),
        ] {
            for detach in [false, true] {
                let got = sharpened_consistency(branches, temperature, detach).unwrap();
                check("sharpened", &got, expected);
            }
        }
    }

    /// With the gradient through the sharpened side, either branch moves for both; without it, for its own difference alone.
    #[test]
    fn detaching_leaves_half_the_gradient() {
        let gradient = |detach| {
            let leaf = p(&logits()).detach().set_requires_grad(true);
            let other = p(&others());
            let loss = sharpened_consistency(&[&leaf, &other], 0.4, detach).unwrap();
            loss.backward();
            leaf.grad()
        };
        let leaf = p(&logits());
        let own = (&leaf - sharpen(&p(&others()), 0.4).unwrap()) * (2.0 / 36.0);
        assert!(gradient(true).allclose(&own, 1e-9, 1e-12, false));
        assert!(!gradient(false).allclose(&own, 1e-2, 1e-4, false));
    }

    #[test]
    fn certain_voxels_leave_finite_gradients() {
        let sure = Tensor::from_slice(&[0.0, 1.0, 0.5]).view([1, 1, 1, 1, 3]);
        for temperature in [0.01, 0.1, 0.4, 1.0] {
            let leaf = sure.copy().set_requires_grad(true);
            let loss = sharpened_consistency(&[&leaf, &sure.flip([4])], temperature, false);
            loss.unwrap().backward();
            assert_eq!(
                leaf.grad().isfinite().all().int64_value(&[]),
                1,
                "{temperature}"
            );
        }
        for temperature in [0.0, -1.0, f64::NAN] {
            assert!(sharpen(&sure, temperature).is_err());
        }
    }
}
