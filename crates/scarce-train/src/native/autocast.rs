//! Mixed precision: operators that gain from bfloat16 take it, the others keep float32.

use std::ffi::{c_char, c_int};
use std::marker::PhantomData;

use tch::Device;

use super::border::{NativeError, call};

unsafe extern "C" {
    fn scarce_enter_autocast(
        cuda: bool,
        was_enabled: *mut bool,
        was_type: *mut c_int,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_leave_autocast(
        cuda: bool,
        was_enabled: bool,
        was_type: c_int,
        message: *mut c_char,
    ) -> c_int;
}

/// Autocast to bfloat16 on this thread while it lives, as `torch.autocast(device, torch.bfloat16)`.
/// Forward pass and loss belong inside, the backward pass outside. tch's own `autocast` works on CUDA
/// devices only, and with float16.
#[derive(Debug)]
pub struct Autocast {
    cuda: bool,
    was_enabled: bool,
    was_type: c_int,
    /// The state belongs to the thread.
    _not_send: PhantomData<*const ()>,
}

impl Autocast {
    /// Switches it on for operators on `device`.
    ///
    /// # Errors
    /// [`NativeError`] for a device that is neither a CPU nor a CUDA device.
    pub fn bfloat16(device: Device) -> Result<Self, NativeError> {
        let action = "switch autocast on";
        let cuda = match device {
            Device::Cpu => false,
            Device::Cuda(_) => true,
            other => {
                let message = format!("expected a CPU or CUDA device, got {other:?}");
                return Err(NativeError::refused(action, message));
            }
        };
        let mut guard = Self {
            cuda,
            was_enabled: false,
            was_type: 0,
            _not_send: PhantomData,
        };
        // SAFETY: both values outlive the call.
        let entered = call(action, |message| unsafe {
            scarce_enter_autocast(
                cuda,
                &raw mut guard.was_enabled,
                &raw mut guard.was_type,
                message,
            )
        });
        match entered {
            Ok(()) => Ok(guard),
            Err(error) => {
                // What was not entered must not be left.
                std::mem::forget(guard);
                Err(error)
            }
        }
    }
}

impl Drop for Autocast {
    fn drop(&mut self) {
        // SAFETY: no pointer but the message's crosses.
        let left = call("switch autocast off", |message| unsafe {
            scarce_leave_autocast(self.cuda, self.was_enabled, self.was_type, message)
        });
        if let Err(error) = left {
            tracing::error!("{error}");
        }
    }
}

/// Calls a forward pass once, with operators on `device` in bfloat16. Where that can't be switched on, it is
/// not called.
///
/// On processors with AVX-512, libtorch 2.11 reads memory that was never written in the weight gradient of a 3 × 3 × 3
/// convolution whose input is exactly 2 deep: NaN now and then. PyTorch does the same:
///
/// ```python
/// conv, x = torch.nn.Conv3d(16, 16, 3, padding=1), torch.randn(2, 16, 2, 4, 4)
/// with torch.autocast("cpu", torch.bfloat16):
///     y = conv(x)
/// for k in (10, 12, 14, 16, 18):
///     torch.full([1 << k], torch.nan)  # memory given back, and taken again below
/// y.float().square().sum().backward()
/// print(conv.weight.grad.isnan().any())  # True; False for a depth of 1, 3 or 4
/// ```
pub fn in_bfloat16(device: Device) -> fn(&mut dyn FnMut()) {
    fn within(device: Device, forward: &mut dyn FnMut()) {
        match Autocast::bfloat16(device) {
            Ok(_guard) => forward(),
            Err(error) => tracing::error!("{error}"),
        }
    }
    if device.is_cuda() {
        |forward| within(Device::Cuda(0), forward)
    } else {
        |forward| within(Device::Cpu, forward)
    }
}
