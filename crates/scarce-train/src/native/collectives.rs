//! c10d's process group and the reducer behind `DistributedDataParallel`.

use std::ffi::{c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use tch::Tensor;
use torch_sys::C_tensor;

use super::border::{NativeError, c_string, call, pointers};
use super::store::{Store, StoreHandle, milliseconds};

#[repr(C)]
struct GroupHandle {
    _private: [u8; 0],
}

#[repr(C)]
struct ReducerHandle {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn scarce_group_gloo(
        store: *const StoreHandle,
        rank: c_int,
        size: c_int,
        timeout_ms: u64,
        host: *const c_char,
        group: *mut *mut GroupHandle,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_group_add_nccl(
        group: *mut GroupHandle,
        store: *const StoreHandle,
        rank: c_int,
        size: c_int,
        timeout_ms: u64,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_group_free(group: *mut GroupHandle);
    fn scarce_group_broadcast(
        group: *const GroupHandle,
        tensors: *const *const C_tensor,
        count: usize,
        root: c_int,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_group_all_reduce(
        group: *const GroupHandle,
        tensor: *const C_tensor,
        mean: bool,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_group_sum(
        group: *const GroupHandle,
        tensor: *const C_tensor,
        sum: *mut *mut C_tensor,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_group_barrier(group: *const GroupHandle, message: *mut c_char) -> c_int;
    fn scarce_reducer_new(
        group: *const GroupHandle,
        parameters: *const *const C_tensor,
        count: usize,
        bucket_bytes: u64,
        reducer: *mut *mut ReducerHandle,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_reducer_prepare(
        reducer: *mut ReducerHandle,
        loss: *const C_tensor,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_reducer_free(reducer: *mut ReducerHandle);
}

/// Where this process stands among all.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its number, from 0.
    pub rank: u32,
    /// How many there are.
    pub world_size: u32,
    /// The address others reach this process at; empty for what the machine's own name leads to.
    pub host: &'a str,
    /// How long a collective may wait for another process.
    pub timeout: Duration,
}

/// Connections to all other processes. All must call the same collectives in the same order.
#[derive(Debug)]
pub struct ProcessGroup {
    handle: NonNull<GroupHandle>,
}

impl ProcessGroup {
    /// Connects all processes that share `store`, by Gloo.
    ///
    /// # Errors
    /// [`NativeError`] where one does not come within the time-out.
    pub fn gloo(store: &Store, place: Place<'_>) -> Result<Self, NativeError> {
        let action = "connect the processes";
        let host = c_string(action, place.host)?;
        let mut group = ptr::null_mut();
        // SAFETY: store, string and result outlive the call.
        call(action, |message| unsafe {
            scarce_group_gloo(
                store.pointer(),
                place.rank as c_int,
                place.world_size as c_int,
                milliseconds(place.timeout),
                host.as_ptr(),
                &raw mut group,
                message,
            )
        })?;
        NonNull::new(group)
            .map(|handle| Self { handle })
            .ok_or_else(|| NativeError::refused(action, "got none"))
    }

    /// Adds NCCL for tensors on CUDA devices.
    ///
    /// # Errors
    /// [`NativeError`] where the crate was built without the feature `nccl`.
    pub fn add_nccl(&mut self, store: &Store, place: Place<'_>) -> Result<(), NativeError> {
        // SAFETY: group and store outlive the call.
        call("connect the CUDA devices", |message| unsafe {
            scarce_group_add_nccl(
                self.handle.as_ptr(),
                store.pointer(),
                place.rank as c_int,
                place.world_size as c_int,
                milliseconds(place.timeout),
                message,
            )
        })
    }

    /// Overwrites `tensors` with those of process `root`. Shapes and types must be equal on all.
    ///
    /// # Errors
    /// [`NativeError`] where a process is gone or late.
    pub fn broadcast(&self, tensors: &[Tensor], root: u32) -> Result<(), NativeError> {
        let pointers = pointers(tensors);
        // SAFETY: tensors and the list of them outlive the call, which is told their number.
        call("broadcast", |message| unsafe {
            scarce_group_broadcast(
                self.handle.as_ptr(),
                pointers.as_ptr(),
                pointers.len(),
                root as c_int,
                message,
            )
        })
    }

    /// Overwrites `tensor` with its sum over all processes.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn all_reduce_sum(&self, tensor: &Tensor) -> Result<(), NativeError> {
        self.all_reduce(tensor, false)
    }

    /// Overwrites `tensor` with its mean over all processes.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn all_reduce_mean(&self, tensor: &Tensor) -> Result<(), NativeError> {
        self.all_reduce(tensor, true)
    }

    fn all_reduce(&self, tensor: &Tensor, mean: bool) -> Result<(), NativeError> {
        // SAFETY: group and tensor outlive the call.
        call("reduce over all processes", |message| unsafe {
            scarce_group_all_reduce(self.handle.as_ptr(), tensor.as_ptr(), mean, message)
        })
    }

    /// The sum of `tensor` over all processes, with a graph: its gradient is summed over all
    /// processes too, in the backward pass, which all must run.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn sum(&self, tensor: &Tensor) -> Result<Tensor, NativeError> {
        let mut sum = ptr::null_mut();
        // SAFETY: group and tensor outlive the call; on success `sum` is a new tensor that we own.
        call("sum over all processes", |message| unsafe {
            scarce_group_sum(self.handle.as_ptr(), tensor.as_ptr(), &raw mut sum, message)
        })?;
        // SAFETY: as above.
        Ok(unsafe { Tensor::from_ptr(sum) })
    }

    /// Waits until all processes are here.
    ///
    /// # Errors
    /// As [`Self::broadcast`].
    pub fn barrier(&self) -> Result<(), NativeError> {
        // SAFETY: the group outlives the call.
        call("wait for all processes", |message| unsafe {
            scarce_group_barrier(self.handle.as_ptr(), message)
        })
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // SAFETY: we own the handle and this is its last use.
        unsafe { scarce_group_free(self.handle.as_ptr()) }
    }
}

/// Averages gradients over all processes, bucket by bucket, while the backward pass goes on.
#[derive(Debug)]
pub struct Reducer {
    handle: NonNull<ReducerHandle>,
}

impl Reducer {
    /// For `parameters`, in the order of the forward pass, in buckets of about `bucket_bytes`.
    ///
    /// # Errors
    /// [`NativeError`] where they differ between processes, or one needs no gradient.
    pub fn new(
        group: &ProcessGroup,
        parameters: &[Tensor],
        bucket_bytes: u64,
    ) -> Result<Self, NativeError> {
        let action = "prepare the averaging of gradients";
        let pointers = pointers(parameters);
        let mut reducer = ptr::null_mut();
        // SAFETY: group, tensors and the list of them outlive the call; the reducer keeps its own
        // references to what it needs of them.
        call(action, |message| unsafe {
            scarce_reducer_new(
                group.handle.as_ptr(),
                pointers.as_ptr(),
                pointers.len(),
                bucket_bytes,
                &raw mut reducer,
                message,
            )
        })?;
        NonNull::new(reducer)
            .map(|handle| Self { handle })
            .ok_or_else(|| NativeError::refused(action, "got none"))
    }

    /// Makes the next backward pass from `loss` average what it leaves in the gradients. Without this
    /// call a backward pass adds to them on this process alone.
    ///
    /// # Errors
    /// [`NativeError`] where the backward pass before is not done.
    pub fn prepare(&mut self, loss: &Tensor) -> Result<(), NativeError> {
        // SAFETY: reducer and tensor outlive the call.
        call("prepare the backward pass", |message| unsafe {
            scarce_reducer_prepare(self.handle.as_ptr(), loss.as_ptr(), message)
        })
    }
}

impl Drop for Reducer {
    fn drop(&mut self) {
        // SAFETY: we own the handle and this is its last use.
        unsafe { scarce_reducer_free(self.handle.as_ptr()) }
    }
}
