//! Which patches to hide: exact, seeded and audited mask policies.
//!
//! A [`RegionGrid`] says which cells of the patch grid belong to the region that matters; [`sample`]
//! draws a [`PatchMask`] over it by a [`Policy`]. Counts are exact: of n cells at ratio r,
//! round(r·n) are hidden. Every mask carries its [`Audit`].

mod policy;
mod region_grid;
mod sample;

pub use policy::{Policy, Rounding};
pub use region_grid::{PatchRule, RegionGrid};
pub use sample::{Audit, MaskError, PatchMask, sample};
