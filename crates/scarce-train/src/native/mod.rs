//! What libtorch offers and tch does not: a small C++ library (`native/*.cpp`) behind safe functions.
//!
//! This is the one place of the workspace with `unsafe` code. Exceptions are caught on the C++ side
//! of the border and come here as [`NativeError`]. Tensors cross as pointers to `at::Tensor`, which
//! is what tch's tensors hold.
#![expect(unsafe_code, reason = "the border to C++")]

pub mod autocast;
mod border;
pub mod collectives;
pub mod cuda_library;
pub mod optimizers;
pub mod owned_tensor;
pub mod process_state;
pub mod store;

pub use border::{NativeError, NativeFault};
