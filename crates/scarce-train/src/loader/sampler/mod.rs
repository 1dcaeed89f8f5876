//! Which samples make the batch of a step: permutations of one stream or of two side by side.

mod stream;
#[cfg(test)]
mod tests;

use std::ops::Range;

use scarce_image::Seed;
use serde::{Deserialize, Serialize};

use super::LoaderError;
use stream::Stream;

/// What becomes of the samples at an epoch's end that do not fill a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remainder {
    /// They are left out of this epoch: every batch is full. The order differs from epoch to epoch, so
    /// no sample is left out for good.
    Drop,
    /// They make a smaller batch.
    Keep,
    /// They open the next epoch's first batch: every batch is full and every sample comes equally often,
    /// also where a batch is larger than the data set.
    CarryOver,
}

/// One sample of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Its index in the source.
    pub index: usize,
    /// How often its stream has been gone through before.
    pub epoch: u64,
    /// Its stream: 0, or 1 for the unlabelled of two.
    pub stream: usize,
    /// Its place in the stream's part of the whole batch, from 0; the same on every rank.
    pub place: usize,
}

/// Where in the data a step begins, by the stream that counts epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// Epochs begun before.
    pub epoch: u64,
    /// Samples of the epoch's order that earlier steps took.
    pub position: usize,
}

/// The part of every batch that one of several processes trains on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// This process, from 0.
    pub rank: usize,
    /// How many there are.
    pub world: usize,
}

/// Names the samples of any step's batch.
///
/// Each stream goes through its samples in an order drawn anew for each epoch, by Fisher and Yates from
/// the random stream keyed by (seed, epoch, the stream's name). The first stream that has samples counts
/// the epochs and obeys the [`Remainder`]; one beside it goes on and on, carrying over.
#[derive(Debug, Clone)]
pub struct Sampler {
    streams: Vec<Stream>,
    remainder: Remainder,
    shard: Shard,
}

impl Sampler {
    /// All of `samples`, shuffled, in batches of `batch`.
    ///
    /// # Errors
    /// [`LoaderError::Setting`] without samples, for a batch of 0, and where dropping the remainder would
    /// leave no batch.
    pub fn shuffled(
        samples: usize,
        batch: usize,
        remainder: Remainder,
    ) -> Result<Self, LoaderError> {
        let stream = Stream::new("order", (0..samples).collect(), batch, true);
        Self::new(vec![stream], remainder)
    }

    /// All of `samples` as they are listed, the last batch smaller where they don't come out even: a
    /// validation's order.
    ///
    /// # Errors
    /// As [`Self::shuffled`].
    pub fn listed(samples: usize, batch: usize) -> Result<Self, LoaderError> {
        let stream = Stream::new("order", (0..samples).collect(), batch, false);
        Self::new(vec![stream], Remainder::Keep)
    }

    /// Batches of `batch[0]` labelled and `batch[1]` unlabelled samples, given by their indices in the
    /// source; where one kind has no sample, of the other alone.
    ///
    /// An epoch is a pass over the labelled samples while the unlabelled go round at their own pace, as in
    /// UA-MT's `TwoStreamBatchSampler`; that one drops the labelled remainder ([`Remainder::Drop`]), begins
    /// a fresh permutation of the unlabelled in each epoch, and cannot do with one kind alone.
    ///
    /// # Errors
    /// As [`Self::shuffled`], for both kinds together.
    pub fn two_streams(
        labelled: Vec<usize>,
        unlabelled: Vec<usize>,
        batch: [usize; 2],
        remainder: Remainder,
    ) -> Result<Self, LoaderError> {
        let streams = vec![
            Stream::new("labelled", labelled, batch[0], true),
            Stream::new("unlabelled", unlabelled, batch[1], true),
        ];
        Self::new(streams, remainder)
    }

    fn new(streams: Vec<Stream>, remainder: Remainder) -> Result<Self, LoaderError> {
        let sampler = Self {
            streams,
            remainder,
            shard: Shard { rank: 0, world: 1 },
        };
        let lead = sampler.lead().ok_or_else(|| LoaderError::Setting {
            name: "batch",
            expected: "at least one sample, and batches of at least 1".to_owned(),
            got: sampler.describe(),
        })?;
        if remainder == Remainder::Drop && lead.batch > lead.indices.len() {
            return Err(LoaderError::Setting {
                name: "batch",
                expected:
                    "no more than there are samples, or a remainder that is kept or carried over"
                        .to_owned(),
                got: sampler.describe(),
            });
        }
        Ok(sampler)
    }

    /// Leaves this process its part of every batch: the ranks' parts follow each other, stream by stream,
    /// and make up the same batch as without ranks. Parts differ by one sample where `world` does not
    /// divide them.
    ///
    /// # Errors
    /// [`LoaderError::Setting`] for a rank beyond the last.
    pub fn sharded(mut self, shard: Shard) -> Result<Self, LoaderError> {
        if shard.rank >= shard.world {
            return Err(LoaderError::Setting {
                name: "rank",
                expected: format!("below the world's size, {}", shard.world),
                got: shard.rank.to_string(),
            });
        }
        self.shard = shard;
        Ok(self)
    }

    /// The part of every batch that it names.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// The batch of `step`, stream after stream.
    pub fn batch(&mut self, step: u64, seed: Seed) -> Vec<Draw> {
        let cursor = self.cursor(step);
        let lead = self.streams.iter().position(Stream::draws);
        let (Shard { rank, world }, remainder) = (self.shard, self.remainder);
        let mut draws = Vec::new();
        for (number, stream) in self.streams.iter_mut().enumerate() {
            if !stream.draws() {
                continue;
            }
            let samples = stream.indices.len() as u64;
            let (first, count) = if Some(number) == lead {
                let first = cursor.epoch * samples + cursor.position as u64;
                let left = stream.indices.len() - cursor.position;
                let short = remainder == Remainder::Keep && left < stream.batch;
                (first, if short { left } else { stream.batch })
            } else {
                (step * stream.batch as u64, stream.batch)
            };
            for place in count * rank / world..count * (rank + 1) / world {
                let at = first + place as u64;
                let (epoch, position) = (at / samples, (at % samples) as usize);
                draws.push(Draw {
                    index: stream.order(epoch, seed)[position],
                    epoch,
                    stream: number,
                    place,
                });
            }
        }
        draws
    }

    /// Where `step` begins.
    pub fn cursor(&self, step: u64) -> Cursor {
        let Some(lead) = self.lead() else {
            // Ruled out by `new`.
            return Cursor {
                epoch: 0,
                position: 0,
            };
        };
        let batch = lead.batch as u64;
        match self.steps_per_epoch() {
            Some(steps) => Cursor {
                epoch: step / steps,
                position: (step % steps * batch) as usize,
            },
            None => Cursor {
                epoch: step * batch / lead.indices.len() as u64,
                position: (step * batch % lead.indices.len() as u64) as usize,
            },
        }
    }

    /// The step that begins at `cursor`.
    ///
    /// # Errors
    /// [`LoaderError::Setting`] where none does: the cursor is of other batches or another data set.
    pub fn step_at(&self, cursor: Cursor) -> Result<u64, LoaderError> {
        let (batch, samples) = self.lead().map_or((1, 1), |lead| {
            (lead.batch as u64, lead.indices.len() as u64)
        });
        let position = cursor.position as u64;
        let step = match self.steps_per_epoch() {
            Some(steps) => cursor.epoch * steps + position / batch,
            None => (cursor.epoch * samples + position) / batch,
        };
        if self.cursor(step) == cursor {
            return Ok(step);
        }
        Err(LoaderError::Setting {
            name: "cursor",
            expected: format!("the beginning of a batch of {}", self.describe()),
            got: format!("epoch {}, position {}", cursor.epoch, cursor.position),
        })
    }

    /// Steps of one epoch; none where batches reach across epochs.
    pub fn steps_per_epoch(&self) -> Option<u64> {
        let lead = self.lead()?;
        let (samples, batch) = (lead.indices.len() as u64, lead.batch as u64);
        match self.remainder {
            Remainder::Drop => Some(samples / batch),
            Remainder::Keep => Some(samples.div_ceil(batch)),
            Remainder::CarryOver => None,
        }
    }

    /// The steps of an epoch: those that begin in it.
    pub fn steps_of_epoch(&self, epoch: u64) -> Range<u64> {
        let first = |epoch: u64| match (self.steps_per_epoch(), self.lead()) {
            (Some(steps), _) => epoch * steps,
            (None, Some(lead)) => (epoch * lead.indices.len() as u64).div_ceil(lead.batch as u64),
            (None, None) => 0,
        };
        first(epoch)..first(epoch + 1)
    }

    /// One more than the largest index it names.
    pub(super) fn needs_samples(&self) -> usize {
        let all = self.streams.iter().flat_map(|s| s.indices.iter());
        all.max().map_or(0, |index| index + 1)
    }

    fn lead(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.draws())
    }

    fn describe(&self) -> String {
        let of = |s: &Stream| format!("{} of {} samples ({})", s.batch, s.indices.len(), s.name);
        self.streams
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .join(" and ")
    }
}
