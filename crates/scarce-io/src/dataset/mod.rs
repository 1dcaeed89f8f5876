//! Data sets: who is on the images, who may be trained on, and whether that was kept apart.

mod cases;
mod leakage;
mod manifest;
mod split;

pub use cases::CasesFrom;
pub use leakage::{Leak, leaks};
pub use manifest::{Manifest, ManifestCase, ManifestLabel, PinnedFile, read_manifest};
pub use split::{Part, Shares, Split, split_by_patient};
