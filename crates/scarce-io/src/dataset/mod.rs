//! Data sets: who is on the images, who may be trained on, and whether that was kept apart.

mod cases;
mod content_split;
mod few_labels;
mod leakage;
mod manifest;
mod split;
mod via;

pub use cases::{CasesFrom, ids_in};
pub use content_split::{SplitImage, content_hash, split_by_content};
pub use few_labels::{FewLabels, Pick};
pub use leakage::{Leak, leaks};
pub use manifest::{Manifest, ManifestCase, ManifestLabel, PinnedFile, read_manifest};
pub use split::{Part, Shares, Split, split_by_patient};
pub use via::{Outline, OutlinedFile, read_via};
