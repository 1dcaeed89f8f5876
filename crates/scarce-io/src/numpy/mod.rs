//! Arrays of `NumPy`: `.npy`, and `.npz` archives of them. They carry no geometry.

mod header;
mod mask;
mod read;
mod write;

pub use mask::{read_npy_bool3, write_npy_bool};
pub(crate) use read::{open_npy, open_npz};
pub(crate) use write::write;
