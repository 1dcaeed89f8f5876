//! The processes of one training, connected.

use std::time::Duration;

use tch::{Device, Tensor};

use super::rendezvous::meet;
use super::vital_signs::{VitalSigns, Watch};
use super::{DistributedError, Placement, Share};
use crate::TrainError;
use crate::native::NativeError;
use crate::native::collectives::{Place, ProcessGroup, Reducer};
use crate::native::store::Store;

/// The processes of one training. All must call the same functions in the same order; every one of
/// them fails within the time-out where another process does not come.
///
/// A process on its own has a group too, in which every function returns at once.
#[derive(Debug)]
pub struct Group {
    link: Option<Link>,
}

/// Declared in the order in which the parts must go.
#[derive(Debug)]
struct Link {
    processes: ProcessGroup,
    signs: VitalSigns,
    store: Store,
    placement: Placement,
    timeout: Duration,
}

impl Group {
    /// Long enough for a rank that writes a checkpoint while the others wait.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(5);

    /// One process on its own.
    pub fn alone() -> Self {
        Self { link: None }
    }

    /// The group that the environment's variables tell of, or one process on its own.
    ///
    /// # Errors
    /// As [`Placement::from_env`] and [`Self::join`].
    pub fn from_env(timeout: Duration) -> Result<Self, DistributedError> {
        match Placement::from_env()? {
            Some(placement) => Self::join(placement, timeout),
            None => Ok(Self::alone()),
        }
    }

    /// Meets the other processes and connects to them by Gloo. `timeout` bounds the meeting and every
    /// collective after it.
    ///
    /// # Errors
    /// [`DistributedError`] saying which processes did not come, or why they cannot meet.
    pub fn join(placement: Placement, timeout: Duration) -> Result<Self, DistributedError> {
        let store = meet(&placement, timeout)?;
        let watch = Watch {
            rank: placement.rank,
            world_size: placement.world_size,
            rank_0_runs_store: !placement.store_is_running,
            pace: (timeout / 20).clamp(Duration::from_millis(50), Duration::from_secs(1)),
        };
        let signs = VitalSigns::start(store.second_connection()?, watch).map_err(|error| {
            NativeError::refused("watch the other processes", error.to_string())
        })?;
        let connected = ProcessGroup::gloo(&store, place(&placement, timeout));
        let processes = connected.map_err(|source| lost(&signs, source))?;
        let group = Self {
            link: Some(Link {
                processes,
                signs,
                store,
                placement,
                timeout,
            }),
        };
        group.barrier()?;
        Ok(group)
    }

    /// This process's number, from 0.
    pub fn rank(&self) -> u32 {
        self.link.as_ref().map_or(0, |link| link.placement.rank)
    }

    /// How many processes there are.
    pub fn world_size(&self) -> u32 {
        self.link
            .as_ref()
            .map_or(1, |link| link.placement.world_size)
    }

    /// Whether this process writes the run's files and logs.
    pub fn is_main(&self) -> bool {
        self.rank() == 0
    }

    /// This process's number on its machine; none where the launcher does not tell, or for one process
    /// on its own.
    pub fn local_rank(&self) -> Option<u32> {
        self.link.as_ref()?.placement.local_rank
    }

    /// Makes collectives on `device` possible: nothing to do for a CPU, NCCL for a CUDA device.
    ///
    /// # Errors
    /// [`DistributedError::Native`] where the crate was built without the feature `nccl`.
    pub fn use_device(&mut self, device: Device) -> Result<(), DistributedError> {
        match &mut self.link {
            Some(link) if device != Device::Cpu => {
                let place = place(&link.placement, link.timeout);
                Ok(link.processes.add_nccl(&link.store, place)?)
            }
            _ => Ok(()),
        }
    }

    /// Tells the others, should they have to ask, which step this process is at.
    pub fn at_step(&self, step: u64) {
        if let Some(link) = &self.link {
            link.signs.at_step(step);
        }
    }

    /// Overwrites `tensors` with those of rank 0: parameters and buffers before the first step.
    ///
    /// # Errors
    /// [`DistributedError::Lost`] naming who did not come.
    pub fn broadcast(&self, tensors: &[Tensor]) -> Result<(), DistributedError> {
        self.collective(|processes| processes.broadcast(tensors, 0))
            .map(|_| ())
    }

    /// Overwrites `tensor` with its sum over all processes.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn all_reduce_sum(&self, tensor: &Tensor) -> Result<(), DistributedError> {
        self.collective(|processes| processes.all_reduce_sum(tensor))
            .map(|_| ())
    }

    /// Overwrites `tensor` with its mean over all processes.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn all_reduce_mean(&self, tensor: &Tensor) -> Result<(), DistributedError> {
        self.collective(|processes| processes.all_reduce_mean(tensor))
            .map(|_| ())
    }

    /// The sum of `tensor` over all processes, through which gradients flow: each process's loss may
    /// depend on it, and the gradient that comes back is summed over all losses. Together with
    /// gradients averaged over processes, the parameters get the gradient of the mean of all losses.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn sum(&self, tensor: &Tensor) -> Result<Tensor, DistributedError> {
        let sum = self.collective(|processes| processes.sum(tensor))?;
        Ok(sum.unwrap_or_else(|| tensor.shallow_clone()))
    }

    /// Whether any process says yes; all get the same answer. For decisions that all must share, such
    /// as to stop after this step since a signal came to one of them.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn any(&self, yes: bool) -> Result<bool, DistributedError> {
        self.any_of([yes]).map(|[any]| any)
    }

    /// As [`Self::any`] for several questions at once.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn any_of<const N: usize>(&self, yes: [bool; N]) -> Result<[bool; N], DistributedError> {
        if self.link.is_none() {
            return Ok(yes);
        }
        let votes = Tensor::from_slice(&yes.map(i64::from));
        self.all_reduce_sum(&votes)?;
        let mut any = yes;
        for (k, any) in any.iter_mut().enumerate() {
            *any = votes.int64_value(&[k as i64]) > 0;
        }
        Ok(any)
    }

    /// Waits until all processes are here.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn barrier(&self) -> Result<(), DistributedError> {
        self.collective(ProcessGroup::barrier).map(|_| ())
    }

    /// This process's share of a batch of `samples`.
    ///
    /// # Errors
    /// [`DistributedError::BatchTooSmall`] where a process would get none.
    pub fn share(&self, samples: usize) -> Result<Share, DistributedError> {
        Share::of_rank(samples, self.rank(), self.world_size())
    }

    /// Ends a training that all processes finished. Without it, a rank 0 that is done first would take
    /// the store away from the others.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn finish(self) -> Result<(), DistributedError> {
        self.barrier()?;
        if let Some(link) = &self.link {
            link.signs.depart(Duration::from_secs(5));
        }
        Ok(())
    }

    /// Ends a training that failed here: `reason` becomes the error that the others report, instead of
    /// the silence of this process.
    pub fn abandon(self, reason: &str) {
        if let Some(link) = &self.link {
            let rank = link.placement.rank;
            link.signs.tell(&format!("rank {rank} gave up: {reason}"));
        }
    }

    /// Ends a training as its result says: a run that was interrupted was so on all processes, another
    /// error is this process's own and becomes what the others report.
    ///
    /// # Errors
    /// That of `result`, or as [`Self::finish`].
    pub fn conclude<T>(self, result: Result<T, TrainError>) -> Result<T, TrainError> {
        match result {
            Ok(_) | Err(TrainError::Interrupted { .. }) => self.finish()?,
            Err(ref error) => self.abandon(&error.to_string()),
        }
        result
    }

    /// What stands behind the failure of a backward pass in which gradients were averaged: looks for the
    /// process that was lost.
    pub fn lost(&self, error: tch::TchError) -> DistributedError {
        let source = NativeError::refused("run the backward pass", error.to_string());
        match &self.link {
            Some(link) => lost(&link.signs, source),
            None => source.into(),
        }
    }

    /// The reducer for `parameters`; none for one process on its own.
    pub(super) fn reducer(
        &self,
        parameters: &[Tensor],
        bucket_bytes: u64,
    ) -> Result<Option<Reducer>, DistributedError> {
        self.collective(|processes| Reducer::new(processes, parameters, bucket_bytes))
    }

    /// Runs `body`, in which this process meets the others, if there are any.
    pub(super) fn collective<T>(
        &self,
        body: impl FnOnce(&ProcessGroup) -> Result<T, NativeError>,
    ) -> Result<Option<T>, DistributedError> {
        let Some(link) = &self.link else {
            return Ok(None);
        };
        link.signs.enter();
        match body(&link.processes) {
            Ok(result) => Ok(Some(result)),
            Err(source) => Err(lost(&link.signs, source)),
        }
    }
}

fn lost(signs: &VitalSigns, source: NativeError) -> DistributedError {
    DistributedError::Lost {
        report: signs.blame(),
        source,
    }
}

fn place(placement: &Placement, timeout: Duration) -> Place<'_> {
    Place {
        rank: placement.rank,
        world_size: placement.world_size,
        host: if placement.is_loopback() {
            "127.0.0.1"
        } else {
            ""
        },
        timeout,
    }
}
