//! Where samples come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use scarce_image::{Seed, StreamKey};

use super::SampleArray;

/// An error of a [`Source`].
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Samples by index. Workers call it from several threads at once.
pub trait Source: Send + Sync {
    /// How many samples there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the sample at `index`, which must be below [`Self::len`]; no two samples share one.
    /// It is asked for on the training thread, so it should cost nothing.
    fn id(&self, index: usize) -> String;

    /// Reads, crops and augments the sample at `index`. Random choices draw from
    /// [`SampleContext::stream`].
    ///
    /// # Errors
    /// Whatever keeps it from the sample; the trainer is told with the sample's name.
    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError>;
}

/// A source of `samples` samples, named `name-0` and so on, that a function reads.
pub fn from_fn<F>(name: &str, samples: usize, read: F) -> impl Source + use<F>
where
    F: Fn(usize, &SampleContext<'_>) -> Result<Sample, SourceError> + Send + Sync,
{
    FromFn {
        name: name.to_owned(),
        samples,
        read,
    }
}

struct FromFn<F> {
    name: String,
    samples: usize,
    read: F,
}

impl<F> Source for FromFn<F>
where
    F: Fn(usize, &SampleContext<'_>) -> Result<Sample, SourceError> + Send + Sync,
{
    fn len(&self) -> usize {
        self.samples
    }

    fn id(&self, index: usize) -> String {
        format!("{}-{index}", self.name)
    }

    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        (self.read)(index, context)
    }
}

impl<S: Source + ?Sized> Source for Arc<S> {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn id(&self, index: usize) -> String {
        (**self).id(index)
    }

    fn sample(&self, index: usize, context: &SampleContext<'_>) -> Result<Sample, SourceError> {
        (**self).sample(index, context)
    }
}

/// What a sample is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleContext<'a> {
    /// The run's seed.
    pub seed: Seed,
    /// The sample's name.
    pub id: &'a str,
    /// How often the sample's stream has been gone through before.
    pub epoch: u64,
    /// The step whose batch this is for.
    pub step: u64,
    /// The place in the stream's part of the batch, from 0.
    pub place: usize,
}

impl SampleContext<'_> {
    /// The random stream for a choice about this sample in this epoch, such as `"crop"`.
    pub fn stream(&self, purpose: &str) -> impl rand::Rng + use<> {
        self.seed.stream(StreamKey {
            epoch: self.epoch,
            sample_id: self.id,
            purpose,
        })
    }
}

/// Named arrays. Samples of one batch may have different names, as labelled and unlabelled ones do; an
/// array's shape must be the same in all samples of a batch that have it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    pub(super) arrays: BTreeMap<String, SampleArray>,
}

impl Sample {
    /// A sample without arrays.
    pub fn new() -> Self {
        Self::default()
    }

    /// The sample with one array more; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, array: impl Into<SampleArray>) -> Self {
        self.arrays.insert(name.to_owned(), array.into());
        self
    }
}
