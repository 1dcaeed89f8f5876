//! NRRD with its data attached, raw or gzipped; 3D Slicer's `.seg.nrrd` with its segments' names.

mod header;

pub(crate) use header::read_header;
