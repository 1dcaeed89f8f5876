//! Which patches to hide: exact, seeded and audited mask policies for masked image modelling.
//!
//! A [`RegionGrid`] says which cells of the patch grid belong to the region that matters, a [`Policy`]
//! how much of what is hidden; [`MaskConfig::sample`] draws a [`PatchMask`], which carries its
//! [`Audit`]. All is generic over the axes: flat images `(y, x)` and volumes `(z, y, x)` alike.
//!
//! ```
//! use ndarray::Array2;
//! use scarce_mask::{MaskConfig, Policy, Seed, StreamKey};
//!
//! let lesion = Array2::from_shape_fn((224, 224), |(y, x)| y.abs_diff(90) < 9 && x.abs_diff(70) < 20);
//! let config = MaskConfig::new(Policy::Region { high: 0.8, low: 0.4 });
//! let cells = config.region_grid(lesion.view(), [14, 14])?;
//! let key = StreamKey { epoch: 3, sample_id: "patient-7", purpose: "mask" };
//! let mask = config.sample(&cells, Seed(1), key)?;
//! // 2 rows of 3 cells: round(0.8 · 6) and round(0.4 · 190) are hidden.
//! assert_eq!((mask.audit.hidden_region, mask.audit.hidden_background), (5, 76));
//! # Ok::<(), scarce_mask::MaskError>(())
//! ```
//!
//! # Policies
//!
//! With n cells in all, R of the region, B of the rest; `c(n, r)` is the count of a share, below.
//!
//! | policy | hidden | looks at | after | 2-D | 3-D |
//! | --- | --- | --- | --- | --- | --- |
//! | `random` | c(n, ratio), uniformly | the grid | MAE, 2111.06377 | yes | yes |
//! | `block` | c(n, ratio), in rectangles or cuboids | the grid | `BEiT`, 2106.08254, algorithm 1 | yes | yes |
//! | `region` | c(R, high) and c(B, low), uniformly in each | region | MWM, 2509.23054 | yes | yes |
//! | `region-budget` | c(n, ratio); high·R + low·B = ratio·n and high − low = contrast, solved for each image | region | MWM at a fixed ratio | yes | yes |
//! | `graded` | c(nₖ, ratioₖ) of each part k | parts | MWM for several regions | yes | yes |
//! | `heat` | c(n, ratio), without replacement, P ∝ floor + (1 − floor)·h / max h | map ≥ 0 | Efraimidis and Spirakis 2006 | yes | yes |
//! | `sem-parts` | c(n, ratio); of part k (1 − whole)·ratio·nₖ + whole·gₖ, g whole parts in random order | parts | `SemMAE`, 2206.10207 | yes | yes |
//! | `loss-guided` | c(n, ratio); of them `share` with the highest loss, the others uniformly | map | `AnatoMask`, 2407.06468; HPM, 2304.05919 | yes | yes |
//! | `attention` | c(n, ratio), the highest or the lowest, `show` of all revealed among them | map | `AttMask`, 2203.12719 | yes | yes |
//!
//! Numbers are arXiv's. A [`Schedule`] leads from one policy to another over epochs, as `SemMAE` and
//! `AnatoMask` do with `whole` and `share`. A mask may be finer than a network's last feature map:
//! [`hidden_at_stride`] brings it to every level.
//!
//! # What is exact
//!
//! - **Counts.** c(n, r) is the nearest count to r·n, of two equally near the larger, with r as it is
//!   written in decimals ([`Rounding::Nearest`]). [`Rounding::TruncateKept`] is the released codes'
//!   `n - int(n * (1 - r))` in f64.
//! - **Ties.** Cells of equal loss, attention or heat are taken in random order, from the mask's own
//!   stream. Parts with equal remainders are taken in the random order of the parts.
//! - **Regions.** A region of one pixel marks a cell ([`PatchRule::AnyOverlap`]); where another rule
//!   leaves it none, audit and [`Quantisation`] tell.
//! - **Limits.** At least one cell is hidden and one visible, or there is an error or a warning that
//!   says why not ([`Guard`]).
//! - **Chance.** A mask is a function of seed, epoch, sample and purpose: the same on any number of
//!   threads, in any batch, on any rank.
//!
//! [`MaskConfig::paper`] is the released MWM code's rule instead, to the last patch. [`AuditSummary`]
//! accounts for a data set, and [`contact_sheet`] shows masks as pixels. Nothing here reads or writes
//! a file.

mod audit;
mod batch;
mod config;
mod draw;
mod error;
mod grid;
mod policy;
mod rounding;
mod schedule;
mod sheet;
mod strides;

pub use audit::{Audit, AuditSummary, PartAudit, PatchMask, Quantisation, Spread};
pub use config::{Guard, MaskConfig, PAPER_RATIOS, sample};
pub use error::MaskError;
pub use grid::{CellMap, Guide, PartGrid, PartRule, PatchRule, Pooling, RegionGrid};
pub use policy::{Policy, Ranked};
pub use rounding::Rounding;
pub use scarce_image::{Seed, StreamKey};
pub use schedule::{Pace, Schedule};
pub use sheet::{Tile, contact_sheet};
pub use strides::hidden_at_stride;
