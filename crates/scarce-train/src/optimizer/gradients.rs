//! Gradients as the fused kernels want them.

use std::collections::BTreeSet;

use tch::Tensor;

use super::slot::Slot;
use crate::TrainError;
use crate::native::optimizers;

/// The slots' gradients, each laid out in memory as its parameter, times `factor`.
pub(super) fn scaled(slots: &[Slot], factor: f64) -> Result<Vec<Option<Tensor>>, TrainError> {
    let laid_out = |slot: &Slot| {
        let gradient = slot.gradient();
        gradient
            .map(|gradient| laid_out_as(&slot.parameter, gradient))
            .transpose()
    };
    let mut gradients: Vec<Option<Tensor>> =
        slots.iter().map(laid_out).collect::<Result<_, _>>()?;
    if factor != 1.0 {
        // In place: autograd may have given one tensor to two parameters.
        let mut seen = BTreeSet::new();
        for gradient in gradients.iter_mut().flatten() {
            if !seen.insert(gradient.data_ptr() as usize) {
                let mut copy = gradient.f_empty_like()?;
                copy.f_copy_(gradient)?;
                *gradient = copy;
            }
        }
        let all: Vec<Tensor> = gradients
            .iter()
            .flatten()
            .map(Tensor::shallow_clone)
            .collect();
        optimizers::scale(&all, factor)?;
    }
    Ok(gradients)
}

/// The gradient, copied where its strides are not the parameter's: fused kernels walk over memory.
fn laid_out_as(parameter: &Tensor, gradient: Tensor) -> Result<Tensor, TrainError> {
    let (size, theirs, own) = (parameter.size(), gradient.stride(), parameter.stride());
    let mut axes = size.iter().zip(own.iter().zip(&theirs));
    let fits = gradient.size() == size && axes.all(|(n, (a, b))| *n == 1 || a == b);
    if fits {
        return Ok(gradient);
    }
    let mut copy = parameter.detach().f_empty_like()?;
    copy.f_copy_(&gradient)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use crate::{Optimizer, OptimizerConfig};

    const PLAIN: OptimizerConfig = OptimizerConfig::Sgd {
        momentum: 0.0,
        weight_decay: 0.0,
        nesterov: false,
    };

    fn leaf(size: &[i64]) -> Tensor {
        Tensor::zeros(size, (Kind::Float, Device::Cpu)).set_requires_grad(true)
    }

    /// p ← p − lr · scale · g, whatever memory autograd left the gradient in.
    #[test]
    fn gradients_of_any_layout_are_scaled_once() {
        tch::manual_seed(5);
        let slope = Tensor::randn([4, 6], (Kind::Float, Device::Cpu));
        let (a, b, turned, spread) = (leaf(&[4, 6]), leaf(&[4, 6]), leaf(&[6, 4]), leaf(&[3, 2]));
        let named = [&a, &b, &turned, &spread].map(Tensor::shallow_clone);
        let named = named.into_iter().zip(["a", "b", "turned", "spread"]);
        let named = named.map(|(p, name)| (name.to_owned(), p)).collect();
        let mut optimizer = Optimizer::new(PLAIN, named);
        // One gradient for a and b, a transposed one, and one number for all of `spread`.
        let loss = ((&a + &b + turned.tr()) * &slope).sum(Kind::Float) + spread.sum(Kind::Float);
        optimizer.backward(&loss).unwrap();
        optimizer.step(0.5, 0.25).unwrap();
        let expected = &slope * -0.125;
        for (name, got, expected) in [
            ("a", &a, &expected),
            ("b", &b, &expected),
            ("turned", &turned, &expected.tr()),
            ("spread", &spread, &spread.full_like(-0.125)),
        ] {
            assert!(got.allclose(expected, 1e-6, 1e-7, false), "{name}: {got}");
        }
    }
}
