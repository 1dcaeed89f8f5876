//! From samples to batches: what is read next, by whom, and in which order it arrives.
//!
//! A [`Source`] reads, crops and augments one sample into [`ndarray`] arrays; a [`Sampler`] says which
//! samples make the batch of a step; a [`Loader`] has worker threads do the reading some batches ahead
//! and hands the batches over in order. No tensor exists on a worker: [`Batch::tensor`] makes them, on
//! the thread that trains.
//!
//! Which samples a batch holds is a function of (seed, step), what is done to a sample one of (seed,
//! epoch, sample): the number of workers, the depth of the queue and the step a run resumes from change
//! no byte. To resume, ask for the batch of the step that comes next.

mod array;
mod batch;
mod config;
mod error;
mod prefetch;
mod sampler;
mod source;
mod stats;

pub use array::SampleArray;
pub use batch::{Batch, DrawnSample};
pub use config::LoaderConfig;
pub use error::LoaderError;
pub use prefetch::{Batches, Loader};
pub use sampler::{Cursor, Draw, Remainder, Sampler, Shard};
pub use source::{Sample, SampleContext, Source, SourceError, from_fn};
pub use stats::{DataWait, LoaderStats};
