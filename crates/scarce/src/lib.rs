//! A facade over the scarce crates.
//!
//! The package has two programs. `scarce` reads, measures and draws, and starts at once, since it does not link
//! libtorch. For what trains or runs a network it becomes `scarce-torch`, which lies beside it.

pub use scarce_corn as corn;
pub use scarce_detect as detect;
pub use scarce_image as image;
pub use scarce_io as io;
pub use scarce_mask as mask;
pub use scarce_metrics as metrics;
pub use scarce_mim as mim;
pub use scarce_report as report;
pub use scarce_train as train;
pub use scarce_vlm as vlm;
