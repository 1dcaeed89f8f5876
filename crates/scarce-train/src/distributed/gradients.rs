//! Gradients averaged over all processes while the backward pass still runs.

use tch::Tensor;

use super::{DistributedError, Group};
use crate::TrainError;
use crate::native::collectives::Reducer;

/// Averages gradients over the processes of a group, as `DistributedDataParallel` does: by buckets,
/// each sent as soon as its gradients are there.
///
/// The buckets follow the order in which the parameters are given, which should be that of the forward
/// pass, and stay as they are: a resumed run adds up in the same order as one that never stopped. A
/// parameter that no process's loss depends on keeps the gradient it had.
#[derive(Debug)]
pub struct GradientAverager<'g> {
    group: &'g Group,
    reducer: Option<Reducer>,
}

impl<'g> GradientAverager<'g> {
    /// PyTorch's size of a bucket.
    pub const DEFAULT_BUCKET_BYTES: u64 = 25 << 20;

    /// For `parameters`, which must be the same in number, shape and order on all processes.
    ///
    /// # Errors
    /// [`DistributedError`] where they are not, or a process is lost.
    pub fn new(
        group: &'g Group,
        parameters: &[Tensor],
        bucket_bytes: u64,
    ) -> Result<Self, DistributedError> {
        let reducer = group.reducer(parameters, bucket_bytes)?;
        Ok(Self { group, reducer })
    }

    /// Before a backward pass from `loss` that is run elsewhere: what it leaves in the gradients will be
    /// their averages. If that pass fails, [`Group::lost`] tells why.
    ///
    /// # Errors
    /// [`DistributedError::Lost`] naming who was lost.
    pub fn prepare(&mut self, loss: &Tensor) -> Result<(), DistributedError> {
        if let Some(reducer) = &mut self.reducer {
            self.group.collective(|_| reducer.prepare(loss))?;
        }
        Ok(())
    }

    /// The backward pass from `loss`, a scalar: adds to the gradients and leaves their averages over the
    /// processes. For micro-batches, call `loss.f_backward()` for all but the last: what they added on
    /// each process is averaged with it.
    ///
    /// # Errors
    /// [`TrainError::Torch`] for one process on its own; [`DistributedError::Lost`] naming who was lost.
    pub fn backward(&mut self, loss: &Tensor) -> Result<(), TrainError> {
        if self.reducer.is_none() {
            return Ok(loss.f_backward()?);
        }
        self.prepare(loss)?;
        Ok(loss.f_backward().map_err(|error| self.group.lost(error))?)
    }
}
