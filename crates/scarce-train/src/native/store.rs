//! c10d's store over TCP: where processes find one another and leave word.

use std::ffi::{c_char, c_int};
use std::ptr::{self, NonNull};
use std::time::Duration;

use super::border::{NativeError, c_string, call};

/// What is behind a store's pointer is known to C++ only.
#[repr(C)]
pub(super) struct StoreHandle {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn scarce_tcp_store(
        host: *const c_char,
        port: *mut u16,
        is_server: bool,
        timeout_ms: u64,
        store: *mut *mut StoreHandle,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_prefixed(
        store: *const StoreHandle,
        prefix: *const c_char,
        prefixed: *mut *mut StoreHandle,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_clone(
        store: *const StoreHandle,
        clone: *mut *mut StoreHandle,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_free(store: *mut StoreHandle);
    fn scarce_store_set(
        store: *mut StoreHandle,
        key: *const c_char,
        value: *const u8,
        length: usize,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_has(
        store: *mut StoreHandle,
        key: *const c_char,
        there: *mut bool,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_get(
        store: *mut StoreHandle,
        key: *const c_char,
        value: *mut u8,
        capacity: usize,
        length: *mut usize,
        message: *mut c_char,
    ) -> c_int;
    fn scarce_store_add(
        store: *mut StoreHandle,
        key: *const c_char,
        amount: i64,
        sum: *mut i64,
        message: *mut c_char,
    ) -> c_int;
}

/// Values of a store are cut to this length.
const VALUE_BYTES: usize = 4096;

/// A connection to a store. Keys and values are text.
#[derive(Debug)]
pub struct Store {
    handle: NonNull<StoreHandle>,
}

// SAFETY: c10d's stores guard their connection with a mutex; nothing in them is tied to a thread.
unsafe impl Send for Store {}

impl Store {
    /// Starts a store on `port` (0: any that is free) and connects to it. Returns the port.
    ///
    /// # Errors
    /// [`NativeError`] where the port is taken.
    pub fn serve(host: &str, port: u16, timeout: Duration) -> Result<(Self, u16), NativeError> {
        Self::open("start a store", host, port, true, timeout)
    }

    /// Connects to the store at `host:port`, trying for `timeout`.
    ///
    /// # Errors
    /// [`NativeError`] where none answers.
    pub fn connect(host: &str, port: u16, timeout: Duration) -> Result<Self, NativeError> {
        Self::open("connect to the store", host, port, false, timeout).map(|(store, _)| store)
    }

    fn open(
        action: &'static str,
        host: &str,
        mut port: u16,
        is_server: bool,
        timeout: Duration,
    ) -> Result<(Self, u16), NativeError> {
        let host = c_string(action, host)?;
        let store = Self::made(action, |store, message| {
            // SAFETY: string, port and result outlive the call.
            unsafe {
                scarce_tcp_store(
                    host.as_ptr(),
                    &raw mut port,
                    is_server,
                    milliseconds(timeout),
                    store,
                    message,
                )
            }
        })?;
        Ok((store, port))
    }

    /// The same store, each key with `prefix/` in front.
    ///
    /// # Errors
    /// [`NativeError`].
    pub fn prefixed(&self, prefix: &str) -> Result<Self, NativeError> {
        let action = "prefix a store";
        let prefix = c_string(action, prefix)?;
        Self::made(action, |store, message| {
            // SAFETY: handle, string and result outlive the call.
            unsafe { scarce_store_prefixed(self.pointer(), prefix.as_ptr(), store, message) }
        })
    }

    /// A second connection, for another thread.
    ///
    /// # Errors
    /// [`NativeError`] where the store does not answer any more.
    pub fn second_connection(&self) -> Result<Self, NativeError> {
        Self::made("connect to the store again", |store, message| {
            // SAFETY: handle and result outlive the call.
            unsafe { scarce_store_clone(self.pointer(), store, message) }
        })
    }

    /// Sets a value.
    ///
    /// # Errors
    /// [`NativeError`] where the store is gone.
    pub fn set(&self, key: &str, value: &str) -> Result<(), NativeError> {
        let action = "write to the store";
        let key = c_string(action, key)?;
        // SAFETY: handle, key and value outlive the call, which is told the value's length.
        call(action, |message| unsafe {
            scarce_store_set(
                self.pointer(),
                key.as_ptr(),
                value.as_ptr(),
                value.len(),
                message,
            )
        })
    }

    /// A value, or none where the key is not there.
    ///
    /// # Errors
    /// [`NativeError`] where the store is gone.
    pub fn get(&self, key: &str) -> Result<Option<String>, NativeError> {
        let action = "read from the store";
        let key = c_string(action, key)?;
        let mut there = false;
        // SAFETY: handle, key and result outlive the call.
        call(action, |message| unsafe {
            scarce_store_has(self.pointer(), key.as_ptr(), &raw mut there, message)
        })?;
        if !there {
            return Ok(None);
        }
        let mut value = vec![0u8; VALUE_BYTES];
        let mut length = 0;
        // SAFETY: handle, key, buffer and length outlive the call, which is told the buffer's length.
        call(action, |message| unsafe {
            scarce_store_get(
                self.pointer(),
                key.as_ptr(),
                value.as_mut_ptr(),
                value.len(),
                &raw mut length,
                message,
            )
        })?;
        value.truncate(length);
        Ok(Some(String::from_utf8_lossy(&value).into_owned()))
    }

    /// Adds to a counter and gives its new value; counters begin at 0.
    ///
    /// # Errors
    /// [`NativeError`] where the store is gone.
    pub fn add(&self, key: &str, amount: i64) -> Result<i64, NativeError> {
        let action = "count in the store";
        let key = c_string(action, key)?;
        let mut sum = 0;
        // SAFETY: handle, key and result outlive the call.
        call(action, |message| unsafe {
            scarce_store_add(self.pointer(), key.as_ptr(), amount, &raw mut sum, message)
        })?;
        Ok(sum)
    }

    pub(super) fn pointer(&self) -> *mut StoreHandle {
        self.handle.as_ptr()
    }

    fn made(
        action: &'static str,
        make: impl FnOnce(*mut *mut StoreHandle, *mut c_char) -> c_int,
    ) -> Result<Self, NativeError> {
        let mut store = ptr::null_mut();
        call(action, |message| make(&raw mut store, message))?;
        NonNull::new(store)
            .map(|handle| Self { handle })
            .ok_or_else(|| NativeError::refused(action, "got none"))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: we own the handle and this is its last use.
        unsafe { scarce_store_free(self.handle.as_ptr()) }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
