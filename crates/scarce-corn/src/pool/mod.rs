//! The dynamic feature pool: features of labelled voxels that both networks got right.

mod draw;
mod exchange;
mod fusion;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::CornError;
use crate::correlation::Anchors;
use crate::vnet::loss_kind;
pub(crate) use draw::{draw, subset};
pub use fusion::Fusion;

/// The size of a [`FeaturePool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Labelled samples, each with a slot of its own.
    pub samples: usize,
    /// Classes, each with a part of its own in every slot.
    pub classes: usize,
    /// Width d of a feature.
    pub width: i64,
    /// Rows that a slot keeps of each class.
    pub capacity: i64,
}

/// How anchors are drawn from a [`FeaturePool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnchorDraw {
    /// Rows drawn of each class (the paper's j).
    pub count: i64,
    /// Fewest rows seen of a class for which there are anchors at all; where fewer than `count` were seen, all are drawn.
    pub at_least: i64,
    /// Whether two halves are drawn each by itself, so that a row may come twice: the authors' “high” and “low confidence”,
    /// both of them plain random draws.
    pub in_halves: bool,
}

impl Default for AnchorDraw {
    fn default() -> Self {
        Self {
            count: 256,
            at_least: 256,
            in_halves: false,
        }
    }
}

/// For each labelled sample a slot, for each class in it a uniform random subset of the features
/// seen when the sample last came by, or what [`Fusion`] makes of it.
///
/// The count of rows seen stays beside the subset kept, so that [`Self::sample`] draws exactly as
/// if every row had been kept: memory is bounded, and nothing goes through the host.
#[derive(Debug)]
pub struct FeaturePool {
    slots: Vec<Vec<Option<Slot>>>,
    size: PoolSize,
    fusion: Fusion,
    device: Device,
    /// Samples and classes refreshed since the last [`Self::exchange`].
    fresh: BTreeSet<(usize, usize)>,
}

#[derive(Debug)]
struct Slot {
    /// Rows kept, or moments.
    features: Tensor,
    seen: i64,
}

impl FeaturePool {
    /// An empty pool on `device`.
    pub fn new(size: PoolSize, fusion: Fusion, device: Device) -> Self {
        let mut pool = Self {
            slots: Vec::new(),
            size,
            fusion,
            device,
            fresh: BTreeSet::new(),
        };
        pool.slots = pool.empty_slots();
        pool
    }

    /// Takes in a random subset of the rows that `candidates` `(n,)` names, of one sample and class; without candidates
    /// (for moments, with one) the slot stays as it was. `rows` gives the features `(k, d)` of k candidates chosen: only
    /// these need be computed or copied.
    ///
    /// # Errors
    /// [`CornError::Data`] for a slot that is not there, [`CornError::Shape`] for another width.
    pub fn refresh(
        &mut self,
        sample: usize,
        class: usize,
        candidates: &Tensor,
        rng: &mut impl Rng,
        rows: impl FnOnce(&Tensor) -> Result<Tensor, CornError>,
    ) -> Result<(), CornError> {
        let (capacity, width) = (self.size.capacity, self.size.width);
        let Some(slot) = self.slots.get_mut(sample).and_then(|s| s.get_mut(class)) else {
            return Err(CornError::Data {
                message: format!("the feature pool has no slot {sample}, class {class}"),
            });
        };
        let seen = candidates.size1()?;
        if seen < self.fusion.least_rows() {
            return Ok(());
        }
        let chosen = subset(candidates, capacity, rng)?;
        let rows = rows(&chosen)?.detach();
        // Under autocast they may come in half precision.
        let rows = rows.f_to_device(self.device)?.f_to_kind(loss_kind(&rows))?;
        let size = rows.size();
        if size != [chosen.size1()?, width] {
            return Err(CornError::Shape {
                what: "features for the pool",
                expected: format!("[{}, {width}]", chosen.size1()?),
                got: size,
            });
        }
        let features = self.fusion.fuse(slot.as_ref(), rows, seen)?;
        *slot = Some(Slot { features, seen });
        self.fresh.insert((sample, class));
        Ok(())
    }

    /// Anchors of a class: rows `(count, d)`, drawn without replacement as if from every row seen: the
    /// slots' shares are multivariate hypergeometric in what each saw. With [`Fusion::Moments`] their joint covariance.
    /// `None` while too few were seen.
    ///
    /// # Errors
    /// [`CornError::Setting`] when the count is beyond the capacity, for one slot may have to serve all.
    pub fn sample(
        &self,
        class: usize,
        how: &AnchorDraw,
        rng: &mut impl Rng,
    ) -> Result<Option<Anchors>, CornError> {
        if !(0..=self.size.capacity).contains(&how.count) {
            let expected = "0 to the pool's capacity";
            return Err(CornError::setting("anchors.count", expected, how.count));
        }
        let slots: Vec<&Slot> = self
            .slots
            .iter()
            .filter_map(|s| s.get(class)?.as_ref())
            .collect();
        let seen: Vec<i64> = slots.iter().map(|s| s.seen).collect();
        let total: i64 = seen.iter().sum();
        if total < how.at_least || total == 0 || how.count == 0 {
            return Ok(None);
        }
        if self.fusion.keeps_moments() {
            return Ok(fusion::joint_covariance(&slots)?.map(Anchors::Covariance));
        }
        let count = how.count.min(total);
        let parts = if how.in_halves {
            vec![count / 2, count - count / 2]
        } else {
            vec![count]
        };
        let mut rows = Vec::new();
        for count in parts {
            for (slot, share) in slots.iter().zip(draw::shares(&seen, count, rng)) {
                let kept = slot.features.size()[0];
                let chosen = Tensor::from_slice(&draw(kept, share, rng)).to_device(self.device);
                rows.push(slot.features.f_index_select(0, &chosen)?);
            }
        }
        Ok(Some(Anchors::Rows(Tensor::f_cat(&rows, 0)?)))
    }

    /// Rows held in all, those of moments among them.
    pub fn rows(&self) -> i64 {
        let slots = self.slots.iter().flatten().flatten();
        slots.map(|s| s.features.size()[0]).sum()
    }

    fn empty_slots(&self) -> Vec<Vec<Option<Slot>>> {
        let slot = || (0..self.size.classes).map(|_| None).collect();
        (0..self.size.samples).map(|_| slot()).collect()
    }
}
