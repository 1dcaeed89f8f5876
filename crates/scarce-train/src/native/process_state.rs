//! State that libtorch keeps for the whole process: random generators, determinism, threads.
//!
//! None of it belongs to a run: whoever sets it sets it for all code in the process.

use std::ffi::{c_char, c_int};
use std::ptr;

use tch::{Device, Tensor};
use torch_sys::C_tensor;

use super::border::{NativeError, call};

unsafe extern "C" {
    fn scarce_generator_state(
        cuda_index: c_int,
        state: *mut *mut C_tensor,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_set_generator_state(
        cuda_index: c_int,
        state: *const C_tensor,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_set_deterministic(on: bool, message: *mut c_char) -> c_int;
    fn scarce_is_deterministic() -> bool;
    fn scarce_thread_counts(
        intra_op: *mut c_int,
        inter_op: *mut c_int,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_set_intra_op_threads(count: c_int, message: *mut c_char) -> c_int;
    fn scarce_set_inter_op_threads(count: c_int, message: *mut c_char) -> c_int;
    fn scarce_keep_freed_memory();
}

/// The state of libtorch's default generator on `device`: one dimension of bytes (5056 on a CPU, 16 on
/// a CUDA device), as `torch.get_rng_state` gives.
///
/// # Errors
/// [`NativeError`] for a device that is not there.
pub fn generator_state(device: Device) -> Result<Tensor, NativeError> {
    let action = "read the generator's state";
    let index = generator_index(device, action)?;
    let mut state = ptr::null_mut();
    // SAFETY: on success `state` is a new tensor that we own.
    call(action, |message| unsafe {
        scarce_generator_state(index, &raw mut state, message)
    })?;
    // SAFETY: as above.
    Ok(unsafe { Tensor::from_ptr(state) })
}

/// Puts libtorch's default generator on `device` back into a state that [`generator_state`] gave.
///
/// # Errors
/// [`NativeError`] for a device that is not there, or a tensor that is no such state.
pub fn set_generator_state(device: Device, state: &Tensor) -> Result<(), NativeError> {
    let action = "set the generator's state";
    let index = generator_index(device, action)?;
    // SAFETY: the tensor outlives the call.
    call(action, |message| unsafe {
        scarce_set_generator_state(index, state.as_ptr(), message)
    })
}

/// Makes libtorch choose deterministic kernels, or refuse where an operator has none
/// (`torch.use_deterministic_algorithms`), and keeps cuDNN from choosing by a race. On CUDA devices,
/// `CUBLAS_WORKSPACE_CONFIG=:4096:8` must be in the environment as well.
///
/// # Errors
/// [`NativeError`].
pub fn set_deterministic(on: bool) -> Result<(), NativeError> {
    // SAFETY: no pointer but the message's crosses.
    call("choose deterministic algorithms", |message| unsafe {
        scarce_set_deterministic(on, message)
    })
}

/// Whether [`set_deterministic`] is on.
pub fn is_deterministic() -> bool {
    // SAFETY: reads one flag.
    unsafe { scarce_is_deterministic() }
}

/// How many threads libtorch uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCounts {
    /// Inside one operator.
    pub intra_op: i32,
    /// For operators that run beside one another.
    pub inter_op: i32,
}

/// The numbers of threads in use.
///
/// # Errors
/// [`NativeError`].
pub fn thread_counts() -> Result<ThreadCounts, NativeError> {
    let mut counts = ThreadCounts {
        intra_op: 0,
        inter_op: 0,
    };
    // SAFETY: both counts outlive the call.
    call("count threads", |message| unsafe {
        scarce_thread_counts(&raw mut counts.intra_op, &raw mut counts.inter_op, message)
    })?;
    Ok(counts)
}

/// Sets the threads inside one operator. Results repeat only on an equal count.
///
/// # Errors
/// [`NativeError`] for a count below 1.
pub fn set_intra_op_threads(count: i32) -> Result<(), NativeError> {
    // SAFETY: no pointer but the message's crosses.
    call("set the threads of an operator", |message| unsafe {
        scarce_set_intra_op_threads(count, message)
    })
}

/// Sets the threads for operators beside one another. To be called once, before they are first used.
///
/// # Errors
/// [`NativeError`] for a count below 1, or too late.
pub fn set_inter_op_threads(count: i32) -> Result<(), NativeError> {
    // SAFETY: no pointer but the message's crosses.
    call("set the threads between operators", |message| unsafe {
        scarce_set_inter_op_threads(count, message)
    })
}

/// Makes the C library keep pieces of up to 32 MiB that are freed, for the next step, instead of giving them back to
/// the system: asked for again, each of their pages would be zeroed anew. The process then stays as large as its
/// largest step. Where the environment tunes glibc's `malloc`, or the C library is another, nothing is changed.
pub fn keep_freed_memory() {
    // SAFETY: no pointer crosses; `mallopt` takes the allocator's lock.
    unsafe { scarce_keep_freed_memory() }
}

fn generator_index(device: Device, action: &'static str) -> Result<c_int, NativeError> {
    match device {
        Device::Cpu => Ok(-1),
        Device::Cuda(index) => c_int::try_from(index)
            .map_err(|_| NativeError::refused(action, format!("no device has index {index}"))),
        other => Err(NativeError::refused(
            action,
            format!("expected a CPU or CUDA device, got {other:?}"),
        )),
    }
}
