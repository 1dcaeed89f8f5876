//! One stream of samples: its order in each epoch.

use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};

#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) name: &'static str,
    pub(super) indices: Vec<usize>,
    pub(super) batch: usize,
    shuffles: bool,
    order: Option<(Seed, u64, Vec<usize>)>,
}

impl Stream {
    pub(super) fn new(
        name: &'static str,
        indices: Vec<usize>,
        batch: usize,
        shuffles: bool,
    ) -> Self {
        Self {
            name,
            indices,
            batch,
            shuffles,
            order: None,
        }
    }

    pub(super) fn draws(&self) -> bool {
        self.batch > 0 && !self.indices.is_empty()
    }

    /// The epoch's order; the last one asked for is kept.
    pub(super) fn order(&mut self, epoch: u64, seed: Seed) -> &[usize] {
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
