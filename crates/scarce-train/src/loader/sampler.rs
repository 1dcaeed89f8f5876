//! Which samples make the batch of a step: permutations of one stream or of two side by side.

use std::ops::Range;

use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

use super::LoaderError;

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

#[derive(Debug, Clone)]
struct Stream {
    name: &'static str,
    indices: Vec<usize>,
    batch: usize,
    shuffles: bool,
    order: Option<(Seed, u64, Vec<usize>)>,
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

impl Stream {
    fn new(name: &'static str, indices: Vec<usize>, batch: usize, shuffles: bool) -> Self {
        Self {
            name,
            indices,
            batch,
            shuffles,
            order: None,
        }
    }

    fn draws(&self) -> bool {
        self.batch > 0 && !self.indices.is_empty()
    }

    /// The epoch's order; the last one asked for is kept.
    fn order(&mut self, epoch: u64, seed: Seed) -> &[usize] {
        let kept = self
            .order
            .take()
            .filter(|(s, e, _)| (*s, *e) == (seed, epoch));
        let fresh = || {
            let mut order = self.indices.clone();
            if self.shuffles {
                order.shuffle(&mut seed.stream(StreamKey {
                    epoch,
                    sample_id: "",
                    purpose: self.name,
                }));
            }
            (seed, epoch, order)
        };
        &self.order.insert(kept.unwrap_or_else(fresh)).2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Seed = Seed(3);

    fn indices(sampler: &mut Sampler, steps: Range<u64>) -> Vec<Vec<usize>> {
        steps
            .map(|step| sampler.batch(step, SEED).iter().map(|d| d.index).collect())
            .collect()
    }

    fn assert_permutation(drawn: &[usize], samples: usize) {
        let mut drawn = drawn.to_vec();
        drawn.sort_unstable();
        assert_eq!(drawn, (0..samples).collect::<Vec<_>>());
    }

    #[test]
    fn an_epoch_names_each_sample_once() {
        use Remainder::{CarryOver, Drop, Keep};
        for (samples, batch, remainder, steps, sizes) in [
            (6, 2, Drop, Some(3), vec![2, 2, 2, 2]),
            (5, 2, Drop, Some(2), vec![2, 2, 2, 2]),
            (5, 2, Keep, Some(3), vec![2, 2, 1, 2, 2, 1]),
            (3, 4, Keep, Some(1), vec![3, 3]),
            (5, 2, CarryOver, None, vec![2, 2, 2, 2, 2]),
            (3, 4, CarryOver, None, vec![4, 4, 4]),
            (1, 2, CarryOver, None, vec![2, 2]),
        ] {
            let mut sampler = Sampler::shuffled(samples, batch, remainder).unwrap();
            assert_eq!(sampler.steps_per_epoch(), steps);
            let batches = indices(&mut sampler, 0..sizes.len() as u64);
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
            if remainder == Drop {
                for epoch in batches.chunks_exact(steps.unwrap() as usize) {
                    let mut seen = epoch.concat();
                    seen.sort_unstable();
                    seen.dedup();
                    assert_eq!(seen.len(), samples / batch * batch);
                }
            } else {
                for epoch in batches.concat().chunks_exact(samples) {
                    assert_permutation(epoch, samples);
                }
            }
        }
    }

    #[test]
    fn orders_depend_on_seed_epoch_and_stream_alone() {
        let mut sampler = Sampler::shuffled(20, 20, Remainder::Drop).unwrap();
        let (first, second) = (sampler.batch(0, SEED), sampler.batch(1, SEED));
        let of = |draws: &[Draw]| draws.iter().map(|d| d.index).collect::<Vec<_>>();
        assert_ne!(of(&first), of(&second));
        assert_ne!(of(&first), of(&sampler.batch(0, Seed(4))));
        assert_eq!(first, sampler.batch(0, SEED));
        let both = (0..20).collect::<Vec<_>>();
        let mut streams =
            Sampler::two_streams(both.clone(), both, [20, 20], Remainder::Drop).unwrap();
        let draws = of(&streams.batch(0, SEED));
        assert_ne!(draws[..20], draws[20..]);
        let listed = Sampler::listed(5, 2).unwrap();
        assert_eq!(
            indices(&mut listed.clone(), 0..4),
            [vec![0, 1], vec![2, 3], vec![4], vec![0, 1]]
        );
        assert_eq!(listed.steps_of_epoch(1), 3..6);
    }

    #[test]
    fn the_order_is_the_shuffle_that_is_documented() {
        let (labelled, unlabelled) = ((0..5).collect(), (5..12).collect());
        let mut sampler =
            Sampler::two_streams(labelled, unlabelled, [2, 3], Remainder::CarryOver).unwrap();
        for step in 0..9u64 {
            let mut expected = Vec::new();
            for (name, from, samples, batch) in [("labelled", 0, 5, 2), ("unlabelled", 5, 7, 3)] {
                for at in step * batch..(step + 1) * batch {
                    let mut order: Vec<usize> = (from..from + samples).collect();
                    order.shuffle(&mut SEED.stream(StreamKey {
                        epoch: at / samples as u64,
                        sample_id: "",
                        purpose: name,
                    }));
                    expected.push(order[(at % samples as u64) as usize]);
                }
            }
            assert_eq!(indices(&mut sampler, step..step + 1), [expected]);
        }
    }

    /// Labelled samples come first and are 0 to 2; 3 to 9 carry no label.
    #[test]
    fn two_streams_keep_their_shares() {
        for (labelled, unlabelled, batch, expected) in [
            (3, 7, [2, 2], [2, 2]),
            (3, 7, [4, 3], [4, 3]),
            (3, 1, [2, 4], [2, 4]),
            (3, 0, [2, 2], [2, 0]),
            (0, 7, [2, 2], [0, 2]),
            (3, 7, [2, 0], [2, 0]),
        ] {
            let mut sampler = Sampler::two_streams(
                (0..labelled).collect(),
                (labelled..labelled + unlabelled).collect(),
                batch,
                Remainder::CarryOver,
            )
            .unwrap();
            let mut drawn = [Vec::new(), Vec::new()];
            for step in 0..21 {
                let draws = sampler.batch(step, SEED);
                let of = |s: usize| draws.iter().filter(move |d| d.stream == s);
                assert_eq!([of(0).count(), of(1).count()], expected);
                for stream in [0, 1] {
                    assert!(of(stream).enumerate().all(|(k, d)| d.place == k));
                    drawn[stream].extend(of(stream).map(|d| d.index));
                }
            }
            for epoch in drawn[0].chunks_exact(labelled.max(1)) {
                assert_permutation(epoch, labelled);
            }
            for epoch in drawn[1].chunks_exact(unlabelled.max(1)) {
                let epoch: Vec<usize> = epoch.iter().map(|i| i - labelled).collect();
                assert_permutation(&epoch, unlabelled);
            }
        }
    }

    #[test]
    fn cursors_lead_back_to_their_steps() {
        for remainder in [Remainder::Drop, Remainder::Keep, Remainder::CarryOver] {
            let sampler = Sampler::shuffled(7, 3, remainder).unwrap();
            for step in 0..12 {
                assert_eq!(sampler.step_at(sampler.cursor(step)).unwrap(), step);
            }
            let between = Cursor {
                epoch: 0,
                position: 2,
            };
            let message = sampler.step_at(between).unwrap_err().to_string();
            assert!(message.contains("position 2"), "{message}");
        }
        let carrying = Sampler::shuffled(7, 3, Remainder::CarryOver).unwrap();
        assert_eq!(
            carrying.cursor(5),
            Cursor {
                epoch: 2,
                position: 1
            }
        );
        let epochs: Vec<_> = (0..3).map(|e| carrying.steps_of_epoch(e)).collect();
        assert_eq!(epochs, [0..3, 3..5, 5..7]);
    }

    #[test]
    fn shards_make_up_the_whole_batch() {
        let sampler = || {
            let (labelled, unlabelled) = ((0..5).collect(), (5..16).collect());
            Sampler::two_streams(labelled, unlabelled, [3, 4], Remainder::CarryOver).unwrap()
        };
        for world in [1, 2, 3, 9] {
            for step in 0..4 {
                let whole = sampler().batch(step, SEED);
                let mut parts: Vec<Draw> = (0..world)
                    .flat_map(|rank| {
                        let shard = Shard { rank, world };
                        sampler().sharded(shard).unwrap().batch(step, SEED)
                    })
                    .collect();
                parts.sort_by_key(|d| (d.stream, d.place));
                assert_eq!(parts, whole, "world {world}");
            }
        }
        assert!(sampler().sharded(Shard { rank: 2, world: 2 }).is_err());
    }

    #[test]
    fn what_makes_no_batch_is_refused() {
        for (samples, batch, remainder) in [
            (0, 2, Remainder::CarryOver),
            (3, 0, Remainder::Keep),
            (3, 4, Remainder::Drop),
        ] {
            let message = Sampler::shuffled(samples, batch, remainder)
                .unwrap_err()
                .to_string();
            assert!(
                message.contains(&format!("{batch} of {samples} samples")),
                "{message}"
            );
        }
        assert!(Sampler::two_streams(vec![], vec![], [1, 1], Remainder::Keep).is_err());
    }
}
