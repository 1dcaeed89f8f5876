//! Moments of features over all processes.

use tch::{Kind, Tensor};

use super::Group;
use crate::TrainError;

/// Count, sum and sum of outer products of feature vectors, from which mean and covariance follow. They
/// add up over processes, which averages of means or covariances do not.
#[derive(Debug)]
pub struct Moments {
    /// n, a scalar in f64.
    pub count: Tensor,
    /// Σ x, `(d)`, in f64.
    pub sum: Tensor,
    /// Σ x xᵀ, `(d, d)`, in f64.
    pub sum_of_outer: Tensor,
}

impl Moments {
    /// Of the rows of `features`, `(n, d)`; gradients flow back to them.
    ///
    /// # Errors
    /// [`TrainError::Torch`] for another number of dimensions.
    pub fn of(features: &Tensor) -> Result<Self, TrainError> {
        let (count, _) = features.size2()?;
        let rows = features.f_to_kind(Kind::Double)?;
        Ok(Self {
            count: Tensor::from(count as f64).f_to_device(features.device())?,
            sum: rows.f_sum_dim_intlist([0i64].as_slice(), false, Kind::Double)?,
            sum_of_outer: rows.f_tr()?.f_matmul(&rows)?,
        })
    }

    /// Of the features of all processes, by one collective. Gradients flow back to each process's own
    /// features, from all processes' losses.
    ///
    /// # Errors
    /// [`crate::distributed::DistributedError::Lost`] naming who was lost.
    pub fn over_processes(&self, group: &Group) -> Result<Self, TrainError> {
        let d = self.sum.size1()?;
        let parts = [
            self.count.f_view([1])?,
            self.sum.shallow_clone(),
            self.sum_of_outer.f_reshape([-1])?,
        ];
        let all = group.sum(&Tensor::f_cat(&parts, 0)?)?;
        Ok(Self {
            count: all.f_select(0, 0)?,
            sum: all.f_narrow(0, 1, d)?,
            sum_of_outer: all.f_narrow(0, 1 + d, d * d)?.f_view([d, d])?,
        })
    }

    /// The mean, `(d)`, in f64; NaN where there is no feature.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub fn mean(&self) -> Result<Tensor, TrainError> {
        Ok(self.sum.f_div(&self.count)?)
    }

    /// The unbiased covariance, `(d, d)`, in f64, as `torch.cov` of the transposed features; not finite
    /// where there are fewer than two.
    ///
    /// # Errors
    /// [`TrainError::Torch`].
    pub fn covariance(&self) -> Result<Tensor, TrainError> {
        let outer_of_sum = self.sum.f_outer(&self.sum)?.f_div(&self.count)?;
        let centred = self.sum_of_outer.f_sub(&outer_of_sum)?;
        Ok(centred.f_div(&self.count.f_sub_scalar(1.0)?)?)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// The covariance of libtorch itself is the reference, with its gradient.
    #[test]
    fn mean_and_covariance_are_those_of_the_features() {
        tch::manual_seed(3);
        for (n, d) in [(2, 1), (5, 3), (40, 4)] {
            let features =
                (Tensor::randn([n, d], (Kind::Double, Device::Cpu)) + 3.0).set_requires_grad(true);
            let gradient_of = |covariance: &Tensor| {
                let loss = covariance.square().sum(Kind::Double);
                Tensor::run_backward(&[loss], &[&features], false, false).remove(0)
            };
            let moments = Moments::of(&features)
                .unwrap()
                .over_processes(&Group::alone())
                .unwrap();
            let covariance = moments.covariance().unwrap();
            let expected = features.tr().cov(1, None::<&Tensor>, None::<&Tensor>);
            assert!(covariance.allclose(&expected.view([d, d]), 1e-10, 1e-12, false));
            assert!(gradient_of(&covariance).allclose(&gradient_of(&expected), 1e-9, 1e-11, false));
            let mean = features.mean_dim([0i64].as_slice(), false, Kind::Double);
            assert!(moments.mean().unwrap().allclose(&mean, 1e-12, 1e-12, false));
        }
        Moments::of(&Tensor::zeros([3], (Kind::Float, Device::Cpu))).unwrap_err();
    }
}
