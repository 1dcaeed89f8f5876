//! The optimizers' updates by libtorch's fused kernels, which tch does not expose.
//!
//! All tensors of a call are of one type and device, and lie in memory as their parameter does, without gaps.

use std::ffi::{c_char, c_int};
use std::ptr;

use tch::Tensor;
use torch_sys::C_tensor;

use super::border::{NativeError, call, pointers};

type Pointers = *const *const C_tensor;

unsafe extern "C" {
    fn scarce_global_norm(
        tensors: Pointers,
        count: usize,
        norm: *mut f64,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_scale(tensors: Pointers, count: usize, factor: f64, message: *mut c_char) -> c_int;
    fn scarce_adamw(
        parameters: Pointers,
        gradients: Pointers,
        first_moments: Pointers,
        second_moments: Pointers,
        count: usize,
        step: f64,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        eps: f64,
        weight_decay: f64,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_sgd(
        parameters: Pointers,
        gradients: Pointers,
        momenta: Pointers,
        count: usize,
        learning_rate: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_lamb(
        parameter: *const C_tensor,
        gradient: *const C_tensor,
        first_moment: *const C_tensor,
        second_moment: *const C_tensor,
        room1: *const C_tensor,
        room2: *const C_tensor,
        learning_rate: f64,
        beta1: f64,
        beta2: f64,
        eps: f64,
        weight_decay: f64,
        correction1: f64,
        correction2: f64,
        adapts: bool,
        trust_clip: bool,
        message: *mut c_char,
    ) -> c_int;
}

/// The Euclidean norm of all tensors as one vector, in f64; the device is waited for once. 0 for none.
///
/// # Errors
/// [`NativeError`].
pub fn global_norm(tensors: &[Tensor]) -> Result<f64, NativeError> {
    let mut norm = 0.0;
    if tensors.is_empty() {
        return Ok(norm);
    }
    let all = pointers(tensors);
    // SAFETY: pointers and result outlive the call.
    call("take a norm", |message| unsafe {
        scarce_global_norm(all.as_ptr(), all.len(), &raw mut norm, message)
    })?;
    Ok(norm)
}

/// Multiplies all tensors in place.
///
/// # Errors
/// [`NativeError`] for a tensor whose elements share memory.
pub fn scale(tensors: &[Tensor], factor: f64) -> Result<(), NativeError> {
    if tensors.is_empty() {
        return Ok(());
    }
    let all = pointers(tensors);
    // SAFETY: the pointers outlive the call.
    call("scale gradients", |message| unsafe {
        scarce_scale(all.as_ptr(), all.len(), factor, message)
    })
}

/// Parameters that are updated alike, with their gradients and moments, in one order.
#[derive(Debug, Default)]
pub struct Updated {
    /// The parameters.
    pub parameters: Vec<Tensor>,
    /// Their gradients.
    pub gradients: Vec<Tensor>,
    /// SGD: the momentum buffers, none without momentum. AdamW: the first moments.
    pub first_moments: Vec<Tensor>,
    /// AdamW: the second moments.
    pub second_moments: Vec<Tensor>,
}

impl Updated {
    /// C++ walks over all lists by the length of the first.
    fn check(&self, action: &'static str, moments: [usize; 2]) -> Result<usize, NativeError> {
        let count = self.parameters.len();
        let others = [
            self.gradients.len(),
            self.first_moments.len(),
            self.second_moments.len(),
        ];
        if others == [count, moments[0], moments[1]] {
            return Ok(count);
        }
        let message = format!("lists of different lengths: {count} parameters, {others:?}");
        Err(NativeError::refused(action, message))
    }
}

/// The settings of one update by [`adamw`].
#[derive(Debug, Clone, Copy)]
pub struct AdamW {
    /// Which update it is, from 1.
    pub step: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Decays of the first and of the second moment.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled decay.
    pub weight_decay: f64,
}

/// `torch.optim.AdamW`'s update, as with `fused=True`.
///
/// # Errors
/// [`NativeError`] for tensors of different type, shape or layout.
pub fn adamw(updated: &Updated, settings: AdamW) -> Result<(), NativeError> {
    let action = "update by AdamW";
    let count = updated.parameters.len();
    let count = updated.check(action, [count, count])?;
    if count == 0 {
        return Ok(());
    }
    let [parameters, gradients] = [&updated.parameters, &updated.gradients].map(|l| pointers(l));
    let [first, second] = [&updated.first_moments, &updated.second_moments].map(|l| pointers(l));
    // SAFETY: all lists have `count` pointers, which outlive the call.
    call(action, |message| unsafe {
        scarce_adamw(
            parameters.as_ptr(),
            gradients.as_ptr(),
            first.as_ptr(),
            second.as_ptr(),
            count,
            settings.step,
            settings.learning_rate,
            settings.betas.0,
            settings.betas.1,
            settings.eps,
            settings.weight_decay,
            message,
        )
    })
}

/// The settings of one update by [`sgd`].
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    /// The learning rate.
    pub learning_rate: f64,
    /// Momentum, 0 for none.
    pub momentum: f64,
    /// Decay added to the gradient.
    pub weight_decay: f64,
    /// Whether the step looks ahead along the momentum.
    pub nesterov: bool,
}

/// `torch.optim.SGD`'s update without dampening, as with `fused=True`. Momentum buffers begin at zero.
///
/// # Errors
/// [`NativeError`] for tensors of different type, shape or layout.
pub fn sgd(updated: &Updated, settings: Sgd) -> Result<(), NativeError> {
    let action = "update by SGD";
    let buffers = if settings.momentum == 0.0 {
        0
    } else {
        updated.parameters.len()
    };
    let count = updated.check(action, [buffers, 0])?;
    if count == 0 {
        return Ok(());
    }
    let [parameters, gradients] = [&updated.parameters, &updated.gradients].map(|l| pointers(l));
    let momenta = pointers(&updated.first_moments);
    let momenta = if momenta.is_empty() {
        ptr::null()
    } else {
        momenta.as_ptr()
    };
    // SAFETY: the lists have `count` pointers, or are null where they may be; all outlive the call.
    call(action, |message| unsafe {
        scarce_sgd(
            parameters.as_ptr(),
            gradients.as_ptr(),
            momenta,
            count,
            settings.learning_rate,
            settings.momentum,
            settings.weight_decay,
            settings.nesterov,
            message,
        )
    })
}

/// The settings of one update by [`lamb`].
#[derive(Debug, Clone, Copy)]
pub struct Lamb {
    /// The learning rate.
    pub learning_rate: f64,
    /// Decays of the first and of the second moment.
    pub betas: (f64, f64),
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decay added to the update before its norm is taken.
    pub weight_decay: f64,
    /// What the moments are divided by for having begun at zero; 1 for no correction.
    pub corrections: (f64, f64),
    /// Whether the update has a trust ratio.
    pub adapts: bool,
    /// Whether that is at most 1.
    pub trust_clip: bool,
}

/// timm's `Lamb`'s update of one parameter, in its order of operations. `rooms` are of the parameter's shape and
/// layout, their values are overwritten.
///
/// # Errors
/// [`NativeError`] for tensors of different type or shape.
pub fn lamb(
    parameter: &Tensor,
    gradient: &Tensor,
    moments: [&Tensor; 2],
    rooms: [&Tensor; 2],
    settings: Lamb,
) -> Result<(), NativeError> {
    // SAFETY: all tensors outlive the call.
    call("update by LAMB", |message| unsafe {
        scarce_lamb(
            parameter.as_ptr(),
            gradient.as_ptr(),
            moments[0].as_ptr(),
            moments[1].as_ptr(),
            rooms[0].as_ptr(),
            rooms[1].as_ptr(),
            settings.learning_rate,
            settings.betas.0,
            settings.betas.1,
            settings.eps,
            settings.weight_decay,
            settings.corrections.0,
            settings.corrections.1,
            settings.adapts,
            settings.trust_clip,
            message,
        )
    })
}
