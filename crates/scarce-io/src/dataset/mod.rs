//! Data sets: who is on the images, who may be trained on, and whether that was kept apart.

mod leakage;
mod manifest;
mod split;

pub use leakage::{Leak, leaks};
pub use manifest::{Manifest, ManifestCase, ManifestLabel, read_manifest};
pub use split::{Part, Shares, Split, split_by_patient};
