//! Voxels as a file stores them, on their way to becoming a volume.

mod blocks;
mod element;
mod layout;
mod non_finite;

pub(crate) use blocks::read_up_to;
pub(crate) use element::StoredType;
pub(crate) use layout::{Layout, ROUNDED};
pub(crate) use non_finite::NonFinite;
