//! Calling C++: fault codes and messages become errors, strings and tensors become pointers.

use std::ffi::{CStr, CString, c_char, c_int};

use tch::Tensor;
use thiserror::Error;
use torch_sys::C_tensor;

/// As long as `kMessageBytes` in `native/border.h`.
const MESSAGE_BYTES: usize = 2048;

/// What kind of trouble libtorch reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeFault {
    /// The call was refused, or failed in any way not told apart below.
    Refused,
    /// A connection could not be made, or broke.
    Network,
    /// The store did not answer in time, or has no such key.
    Store,
}

/// libtorch refused a call.
#[derive(Debug, Clone, Error)]
#[error("libtorch cannot {action}: {message}")]
pub struct NativeError {
    /// The kind of trouble.
    pub fault: NativeFault,
    /// What was attempted.
    pub action: &'static str,
    /// What libtorch said.
    pub message: String,
}

impl NativeError {
    pub(crate) fn refused(action: &'static str, message: impl Into<String>) -> Self {
        Self {
            fault: NativeFault::Refused,
            action,
            message: message.into(),
        }
    }
}

/// Runs one call of C++, which gets a buffer for its message and returns a fault code.
pub(super) fn call(
    action: &'static str,
    body: impl FnOnce(*mut c_char) -> c_int,
) -> Result<(), NativeError> {
    let mut message = [0u8; MESSAGE_BYTES];
    let fault = match body(message.as_mut_ptr().cast()) {
        0 => return Ok(()),
        2 => NativeFault::Network,
        3 => NativeFault::Store,
        _ => NativeFault::Refused,
    };
    let text = CStr::from_bytes_until_nul(&message).unwrap_or_default();
    Err(NativeError {
        fault,
        action,
        message: text.to_string_lossy().trim().replace('\n', " "),
    })
}

/// As a C string.
pub(super) fn c_string(action: &'static str, text: &str) -> Result<CString, NativeError> {
    CString::new(text)
        .map_err(|_| NativeError::refused(action, format!("a zero byte is in {text:?}")))
}

/// The tensors' pointers; they are good as long as the tensors are.
pub(super) fn pointers(tensors: &[Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(Tensor::as_ptr).collect()
}
