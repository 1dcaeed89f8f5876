//! Which libtorch runs, its CUDA half, and the devices that the CUDA driver knows.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::path::{Path, PathBuf};

use super::border::{NativeError, c_string, call};

unsafe extern "C" {
    fn scarce_libtorch_file(path: *mut c_char, capacity: usize, message: *mut c_char) -> c_int;
    fn scarce_load_library(path: *const c_char, message: *mut c_char) -> c_int;
    fn scarce_driver_device_count(count: *mut c_int, message: *mut c_char) -> c_int;
    fn scarce_driver_device(
        index: c_int,
        name: *mut c_char,
        capacity: c_int,
        memory_bytes: *mut u64,
        message: *mut c_char,
    ) -> c_int;
}

/// A device as the driver tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverDevice {
    /// Such as `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// All of its memory, in bytes.
    pub memory_bytes: u64,
}

/// The file that libtorch's CPU half was loaded from.
///
/// # Errors
/// [`NativeError`] where the loader does not tell.
pub fn libtorch_file() -> Result<PathBuf, NativeError> {
    let mut path = [0u8; 4096];
    // SAFETY: the buffer outlives the call, which is told its length.
    call("tell where it lies", |message| unsafe {
        scarce_libtorch_file(path.as_mut_ptr().cast(), path.len(), message)
    })?;
    let path = CStr::from_bytes_until_nul(&path).unwrap_or_default();
    Ok(PathBuf::from(os_string(path)))
}

/// Loads a shared library for the rest of the process.
///
/// # Errors
/// [`NativeError`] with the loader's reason.
pub fn load_library(path: &Path) -> Result<(), NativeError> {
    let action = "load a library";
    let path = c_string(action, &path.to_string_lossy())?;
    // SAFETY: the string outlives the call. The library's initialisers run: it is libtorch's own.
    call(action, |message| unsafe {
        scarce_load_library(path.as_ptr(), message)
    })
}

/// The devices the CUDA driver shows to this process, whether or not libtorch can use them.
///
/// # Errors
/// [`NativeError`] where there is no driver, or it does not start.
pub fn driver_devices() -> Result<Vec<DriverDevice>, NativeError> {
    let mut count = 0;
    // SAFETY: the count outlives the call.
    call("count CUDA devices", |message| unsafe {
        scarce_driver_device_count(&raw mut count, message)
    })?;
    (0..count).map(driver_device).collect()
}

fn driver_device(index: c_int) -> Result<DriverDevice, NativeError> {
    let mut name = [0u8; 256];
    let mut memory_bytes = 0;
    // SAFETY: buffer and number outlive the call, which is told the buffer's length.
    call("ask for a CUDA device", |message| unsafe {
        scarce_driver_device(
            index,
            name.as_mut_ptr().cast(),
            name.len() as c_int,
            &raw mut memory_bytes,
            message,
        )
    })?;
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    Ok(DriverDevice {
        name: name.to_string_lossy().into_owned(),
        memory_bytes,
    })
}

fn os_string(text: &CStr) -> OsString {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        std::ffi::OsStr::from_bytes(text.to_bytes()).to_owned()
    }
    #[cfg(not(unix))]
    {
        text.to_string_lossy().into_owned().into()
    }
}
