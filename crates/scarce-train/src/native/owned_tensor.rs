//! Tensors over memory that Rust allocated, so that a batch made on a worker is not copied once more.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use tch::kind::Element;
use tch::{Kind, Tensor};
use torch_sys::C_tensor;

use super::border::{NativeError, call};

unsafe extern "C" {
    fn scarce_tensor_over(
        data: *mut c_void,
        sizes: *const i64,
        dimensions: usize,
        kind: c_int,
        owner: *mut c_void,
        release: unsafe extern "C" fn(*mut c_void),
        tensor: *mut *mut C_tensor,
        message: *mut c_char,
    ) -> c_int;
}

/// A CPU tensor `shape`, in C order, that takes over the memory of `values` and frees it when its last user goes.
///
/// # Errors
/// [`NativeError`] where `shape` holds another number of values.
pub fn tensor_from_vec<T: Element>(values: Vec<T>, shape: &[i64]) -> Result<Tensor, NativeError> {
    let action = "make a tensor of an array";
    let expected = shape.iter().try_fold(1i64, |n, size| n.checked_mul(*size));
    if shape.iter().any(|size| *size < 0) || expected != i64::try_from(values.len()).ok() {
        let message = format!("{} values for a shape of {shape:?}", values.len());
        return Err(NativeError::refused(action, message));
    }
    let Some(kind) = scalar_type(T::KIND) else {
        let message = format!("values of kind {:?}", T::KIND);
        return Err(NativeError::refused(action, message));
    };
    let owner = Box::into_raw(Box::new(values));
    let mut tensor = ptr::null_mut();
    // SAFETY: `owner` is a live vector; from here on it belongs to C++, which calls `release` with it once, also
    // where it fails. Its values don't move while it lives.
    call(action, |message| unsafe {
        scarce_tensor_over(
            (*owner).as_mut_ptr().cast(),
            shape.as_ptr(),
            shape.len(),
            kind,
            owner.cast(),
            release::<T>,
            &raw mut tensor,
            message,
        )
    })?;
    // SAFETY: on success `tensor` is a new tensor that we own.
    Ok(unsafe { Tensor::from_ptr(tensor) })
}

/// A kind's number in `c10/core/ScalarType.h`.
fn scalar_type(kind: Kind) -> Option<c_int> {
    match kind {
        Kind::Uint8 => Some(0),
        Kind::Int16 => Some(2),
        Kind::Int => Some(3),
        Kind::Int64 => Some(4),
        Kind::Float => Some(6),
        Kind::Double => Some(7),
        Kind::Bool => Some(11),
        _ => None,
    }
}

/// Frees a vector that [`tensor_from_vec`] gave away.
unsafe extern "C" fn release<T>(owner: *mut c_void) {
    // SAFETY: the pointer is that of `Box::into_raw`, and comes back once.
    drop(unsafe { Box::from_raw(owner.cast::<Vec<T>>()) });
}
