//! NRRD: a text header, then raw or gzipped voxels, in the same file or beside it. Segmentations of
//! 3-D Slicer (`.seg.nrrd`) carry their labels' names.

mod header;
mod read;
mod write;

pub(crate) use read::open;
pub(crate) use write::write;
