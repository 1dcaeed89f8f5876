//! One pool on several processes.

use std::collections::BTreeSet;

use scarce_train::TrainError;
use scarce_train::distributed::Group;
use tch::{Kind, Tensor};

use super::{FeaturePool, Slot};

/// What a process kept of a slot since the last exchange.
#[derive(Debug, Clone, Copy)]
struct Refreshed {
    rank: usize,
    rows: i64,
    seen: i64,
}

impl FeaturePool {
    /// Hands what each process refreshed since the last exchange to all, so that their pools are equal. Where
    /// several refreshed one slot, that of the highest rank stays: its crop comes last in the batch, and on one
    /// process the last one stays. All processes must call it; it takes two collectives.
    ///
    /// # Errors
    /// [`scarce_train::distributed::DistributedError::Lost`] naming who was lost.
    pub fn exchange(&mut self, group: &Group) -> Result<(), TrainError> {
        let fresh = std::mem::take(&mut self.fresh);
        if group.world_size() == 1 {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        let refreshed = self.refreshed(group, &fresh)?;
        let rows: i64 = refreshed.iter().flatten().map(|slot| slot.rows).sum();
        if rows == 0 {
            return Ok(());
        }
        let on_device = (Kind::Float, self.device);
        let features = Tensor::f_zeros([rows, self.size.width], on_device)?;
        self.for_each(&refreshed, |slot, kept, at| {
            if kept.rank == group.rank() as usize
                && let Some(slot) = slot
            {
                features
                    .f_narrow(0, at, kept.rows)?
                    .f_copy_(&slot.features)?;
            }
            Ok(())
        })?;
        // Each row has one summand that is not zero.
        group.all_reduce_sum(&features)?;
        self.for_each(&refreshed, |slot, kept, at| {
            *slot = Some(Slot {
                features: features.f_narrow(0, at, kept.rows)?.copy(),
                seen: kept.seen,
            });
            Ok(())
        })
    }

    /// Slot by slot, sample after sample, whose refreshed rows stay; none where nobody refreshed it.
    fn refreshed(
        &self,
        group: &Group,
        fresh: &BTreeSet<(usize, usize)>,
    ) -> Result<Vec<Option<Refreshed>>, TrainError> {
        let (processes, classes) = (group.world_size() as usize, self.size.classes);
        let slots = self.size.samples * classes;
        let mut counts = vec![0i64; processes * slots * 2];
        for (sample, class) in fresh {
            if let Some(slot) = &self.slots[*sample][*class] {
                let at = 2 * (group.rank() as usize * slots + sample * classes + class);
                counts[at] = slot.features.size()[0];
                counts[at + 1] = slot.seen;
            }
        }
        let of_all = Tensor::from_slice(&counts);
        group.all_reduce_sum(&of_all)?;
        let counts = Vec::<i64>::try_from(&of_all)?;
        let kept = |slot: usize| {
            let of_rank = |rank: usize| {
                let at = 2 * (rank * slots + slot);
                Refreshed {
                    rank,
                    rows: counts[at],
                    seen: counts[at + 1],
                }
            };
            (0..processes).rev().map(of_rank).find(|kept| kept.rows > 0)
        };
        Ok((0..slots).map(kept).collect())
    }

    /// Calls `visit` with each refreshed slot, whose rows stay, and where these are in the line of all.
    fn for_each(
        &mut self,
        refreshed: &[Option<Refreshed>],
        mut visit: impl FnMut(&mut Option<Slot>, Refreshed, i64) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let mut at = 0;
        for (slot, kept) in self.slots.iter_mut().flatten().zip(refreshed) {
            if let Some(kept) = kept {
                visit(slot, *kept, at)?;
                at += kept.rows;
            }
        }
        Ok(())
    }
}
