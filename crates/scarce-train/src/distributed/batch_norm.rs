//! Batch normalisation on several processes.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::Group;
use crate::TrainError;

/// What batch normalisation does on several processes. It is the one layer whose output for a sample
/// depends on the other samples of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchNormPolicy {
    /// Each process normalises by the statistics of its own share, as `DistributedDataParallel` does by
    /// default: no traffic in the forward pass, but not what one process with the whole batch computes.
    /// The running statistics of the processes drift apart, and are averaged where they are saved or
    /// used.
    #[default]
    Local,
    /// As `Local`, but the running statistics that count are those of rank 0, as in PyTorch's
    /// checkpoints.
    LocalOfRank0,
    /// All normalise by the statistics of the whole batch ([`batch_norm_over_processes`]), and their
    /// running statistics are equal: the result is that of one process, for the price of two collectives
    /// a layer forwards and two backwards.
    Synchronised,
}

/// Makes the buffers (running statistics) equal on all processes, before they are saved or used in
/// evaluation. Buffers that count are left to rank 0.
///
/// # Errors
/// [`crate::distributed::DistributedError::Lost`] naming who was lost.
pub fn settle_buffers(
    group: &Group,
    policy: BatchNormPolicy,
    buffers: &[Tensor],
) -> Result<(), TrainError> {
    match policy {
        BatchNormPolicy::Synchronised => {}
        BatchNormPolicy::LocalOfRank0 => group.broadcast(buffers)?,
        BatchNormPolicy::Local => {
            let (averaged, counted): (Vec<Tensor>, Vec<Tensor>) = buffers
                .iter()
                .map(Tensor::shallow_clone)
                .partition(|buffer| buffer.kind() == Kind::Float || buffer.kind() == Kind::Double);
            for kind in [Kind::Float, Kind::Double] {
                average_together(
                    group,
                    averaged.iter().filter(|b| b.kind() == kind).collect(),
                )?;
            }
            group.broadcast(&counted)?;
        }
    }
    Ok(())
}

/// One collective for all: a network has many small buffers.
fn average_together(group: &Group, buffers: Vec<&Tensor>) -> Result<(), TrainError> {
    if buffers.is_empty() || group.world_size() == 1 {
        return Ok(());
    }
    let _guard = tch::no_grad_guard();
    let flat: Vec<Tensor> = buffers
        .iter()
        .map(|buffer| buffer.f_reshape([-1]))
        .collect::<Result<_, _>>()?;
    let flat = Tensor::f_cat(&flat, 0)?;
    group.all_reduce_mean(&flat)?;
    let mut start = 0;
    for buffer in buffers {
        let length = buffer.numel() as i64;
        let mean = flat.f_narrow(0, start, length)?.f_view_as(buffer)?;
        buffer.shallow_clone().f_copy_(&mean)?;
        start += length;
    }
    Ok(())
}

/// Batch normalisation in training mode by the statistics over all processes (`SyncBatchNorm`).
///
/// `input` is `(n, c, …)`; `weight` and `bias` are `(c)`. `running` holds mean and unbiased variance,
/// `(c)` each, which move by `momentum` towards those of the batch. Variances are computed about the
/// common mean, not as a difference of squares. Computed in the input's precision.
///
/// # Errors
/// [`crate::distributed::DistributedError::Lost`] naming who was lost; [`TrainError::Torch`] where
/// shapes do not fit.
pub fn batch_norm_over_processes(
    group: &Group,
    input: &Tensor,
    (weight, bias): (&Tensor, &Tensor),
    (running_mean, running_variance): (&Tensor, &Tensor),
    momentum: f64,
    epsilon: f64,
) -> Result<Tensor, TrainError> {
    let mut shape = vec![1; input.dim()];
    let (Some(of_channels), Some(&channels)) = (shape.get_mut(1), input.size().get(1)) else {
        let message = format!("expected (n, c, …), got {:?}", input.size());
        return Err(TrainError::Torch(tch::TchError::Shape(message)));
    };
    *of_channels = channels;
    let over: Vec<i64> = (0..input.dim() as i64).filter(|axis| *axis != 1).collect();
    let kind = input.kind();
    let values = Tensor::from((input.numel() as f64) / (channels as f64));
    let count = group
        .sum(&values.f_to_device(input.device())?)?
        .f_to_kind(kind)?;

    let total = group.sum(&input.f_sum_dim_intlist(over.as_slice(), false, kind)?)?;
    let mean = total.f_div(&count)?;
    let centred = input.f_sub(&mean.f_view(shape.as_slice())?)?;
    let squares = centred
        .f_square()?
        .f_sum_dim_intlist(over.as_slice(), false, kind)?;
    let squares = group.sum(&squares)?;
    let variance = squares.f_div(&count)?;
    let scale = variance.f_add_scalar(epsilon)?.f_rsqrt()?.f_mul(weight)?;
    let output = centred
        .f_mul(&scale.f_view(shape.as_slice())?)?
        .f_add(&bias.f_view(shape.as_slice())?)?;

    let _guard = tch::no_grad_guard();
    let unbiased = squares.f_div(&count.f_sub_scalar(1.0)?)?;
    for (running, batch) in [(running_mean, &mean), (running_variance, &unbiased)] {
        let _ = running.shallow_clone().f_lerp_(batch, momentum)?;
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// libtorch's own layer is the reference for one process.
    #[test]
    fn one_process_normalises_as_libtorch_does() {
        tch::manual_seed(5);
        let options = (Kind::Double, Device::Cpu);
        for shape in [vec![4, 3], vec![2, 3, 5], vec![2, 3, 4, 2, 3]] {
            let input =
                (Tensor::randn(shape.as_slice(), options) * 2.0 + 1.0).set_requires_grad(true);
            let (weight, bias) = (Tensor::rand([3], options), Tensor::rand([3], options));
            let running = || (Tensor::zeros([3], options), Tensor::ones([3], options));
            let ((mean, variance), (expected_mean, expected_variance)) = (running(), running());
            let output = batch_norm_over_processes(
                &Group::alone(),
                &input,
                (&weight, &bias),
                (&mean, &variance),
                0.1,
                1e-5,
            )
            .unwrap();
            let expected = input.batch_norm(
                Some(&weight),
                Some(&bias),
                Some(&expected_mean),
                Some(&expected_variance),
                true,
                0.1,
                1e-5,
                false,
            );
            let gradient_of = |output: &Tensor| {
                let loss = (output * output.sin()).sum(Kind::Double);
                Tensor::run_backward(&[loss], &[&input], false, false).remove(0)
            };
            for (got, expected) in [
                (&output, &expected),
                (&gradient_of(&output), &gradient_of(&expected)),
                (&mean, &expected_mean),
                (&variance, &expected_variance),
            ] {
                assert!(got.allclose(expected, 1e-9, 1e-11, false), "{shape:?}");
            }
        }
    }
}
