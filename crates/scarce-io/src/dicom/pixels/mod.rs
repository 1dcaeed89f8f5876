//! Stored pixels as numbers.

mod compressed;
mod decode;
mod jpeg_ls;
mod native;
mod rle;
mod samples;
mod stored_bits;
mod streams;

pub(super) use decode::decode;
