//! Prepared volumes on disk, found by what they were made of.
//!
//! An entry's name is the hash of the source file's bytes and of a description of what was done to
//! them: neither a replaced source nor a changed preparation can give an old volume. Entries appear
//! whole or not at all, so that two processes may fill one folder; each slice carries its own
//! checksum, and an entry that is cut or changed is made anew.
//!
//! Slices are read one by one from the file: training on slices needs the memory of slices. They are
//! read by position rather than through a memory mapping: a mapped file that another process cuts
//! short ends the reader by a signal, where a read returns an error that can be mended, and mapping is
//! `unsafe` for that reason. What a mapping would save is one copy of each slice, less than its
//! checksum costs; the pages come from the system's cache either way.

mod entry;
mod store;

pub use entry::CachedVolume;
pub use store::VolumeCache;
