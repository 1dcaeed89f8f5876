//! A facade over the scarce crates.
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
