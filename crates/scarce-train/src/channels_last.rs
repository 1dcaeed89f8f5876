//! Channels innermost in memory, as libtorch's convolutions like it on many machines.

use tch::Tensor;

use crate::TrainError;

/// The tensor's values with axis 1 innermost in memory (`torch.channels_last`, `channels_last_3d`); its shape
/// stays. Tensors that are neither images nor volumes come back as they are.
///
/// # Errors
/// [`TrainError::Torch`] from libtorch.
pub fn channels_last(tensor: &Tensor) -> Result<Tensor, TrainError> {
    let (inward, outward): (&[i64], &[i64]) = match tensor.dim() {
        4 => (&[0, 2, 3, 1], &[0, 3, 1, 2]),
        5 => (&[0, 2, 3, 4, 1], &[0, 4, 1, 2, 3]),
        _ => return Ok(tensor.shallow_clone()),
    };
    Ok(tensor
        .f_permute(inward)?
        .f_contiguous()?
        .f_permute(outward)?)
}

/// Re-lays parameters in place; libtorch's convolutions hand the layout on from weights to activations.
pub(crate) fn lay_out_channels_last(parameters: &[(String, Tensor)]) -> Result<(), TrainError> {
    for (_, parameter) in parameters {
        let data = channels_last(&parameter.detach())?;
        parameter.shallow_clone().f_set_data(&data)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn strides_change_and_values_do_not() {
        for (shape, strides) in [
            (&[2i64, 3, 4, 5][..], &[60i64, 1, 15, 3][..]),
            (&[2, 3, 4, 5, 6], &[360, 1, 90, 18, 3]),
            (&[7, 3], &[3, 1]),
        ] {
            let tensor = Tensor::rand(shape, (Kind::Float, Device::Cpu)).set_requires_grad(true);
            let expected = tensor.detach().copy();
            let shared = vec![("w".to_owned(), tensor.shallow_clone())];
            lay_out_channels_last(&shared).unwrap();
            assert_eq!(tensor.stride(), strides);
            assert!(tensor.requires_grad() && tensor.detach().equal(&expected));
        }
    }
}
