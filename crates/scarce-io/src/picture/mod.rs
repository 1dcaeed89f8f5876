//! 2-D pictures: PNG, JPEG, TIFF, and single DICOM images.

mod completeness;
mod jpeg;
mod read;
mod write;

pub(crate) use read::open_as_volume;
pub use read::{read_image, read_image_with};
pub use write::{write_png_grey, write_png_grey16, write_png_rgb};
