//! The dynamic feature pool: features of labelled voxels that both networks got right.

use tch::{Kind, Tensor};

use crate::CornError;

/// For each labelled sample a slot, for each class in it a uniform random subset of the features
/// `(rows, d)` seen when the sample last came by.
///
/// Slots are replaced, not averaged: averaging embeddings that were drawn independently shrinks
/// their covariance by (1 − α)/(1 + α), and the covariance is all that CORAL looks at.
#[derive(Debug)]
pub struct FeaturePool {
    slots: Vec<Vec<Option<Slot>>>,
    capacity: i64,
}

#[derive(Debug)]
struct Slot {
    features: Tensor,
    /// Rows the subset was drawn from: slots weigh by this, not by how many rows were kept.
    seen: i64,
}

impl FeaturePool {
    /// An empty pool for `samples` labelled samples and `classes` classes, at most `capacity` rows
    /// a slot and class.
    pub fn new(samples: usize, classes: usize, capacity: i64) -> Self {
        let slot = || (0..classes).map(|_| None).collect();
        Self {
            slots: (0..samples).map(|_| slot()).collect(),
            capacity,
        }
    }

    /// Replaces what the pool holds of one sample and class by a random subset of `features`
    /// `(rows, d)`; without rows the older ones stay.
    ///
    /// # Errors
    /// [`CornError::Torch`] from libtorch.
    pub fn refresh(
        &mut self,
        sample: usize,
        class: usize,
        features: &Tensor,
    ) -> Result<(), CornError> {
        let (seen, _) = features.size2()?;
        let Some(slot) = self.slots.get_mut(sample).and_then(|s| s.get_mut(class)) else {
            return Err(CornError::Data {
                message: format!("the feature pool has no slot {sample}, class {class}"),
            });
        };
        if seen > 0 {
            *slot = Some(Slot {
                features: subset(&features.detach(), self.capacity)?,
                seen,
            });
        }
        Ok(())
    }

    /// `count` rows of a class, drawn over all slots in proportion to the rows each was drawn from;
    /// `None` while the pool holds fewer.
    ///
    /// # Errors
    /// [`CornError::Torch`] from libtorch.
    pub fn sample(&self, class: usize, count: i64) -> Result<Option<Tensor>, CornError> {
        let slots: Vec<&Slot> = self
            .slots
            .iter()
            .filter_map(|s| s.get(class)?.as_ref())
            .collect();
        let held: i64 = slots.iter().map(|s| s.features.size()[0]).sum();
        if held < count || count == 0 {
            return Ok(None);
        }
        let rows: Vec<&Tensor> = slots.iter().map(|s| &s.features).collect();
        let weights: Vec<Tensor> = slots
            .iter()
            .map(|s| {
                let kept = s.features.size()[0];
                let weight = s.seen as f64 / kept as f64;
                Tensor::full([kept], weight, (Kind::Float, s.features.device()))
            })
            .collect();
        let rows = Tensor::f_cat(&rows, 0)?;
        let drawn = Tensor::f_cat(&weights, 0)?.f_multinomial(count, false)?;
        Ok(Some(rows.f_index_select(0, &drawn)?))
    }

    /// Rows held in all.
    pub fn rows(&self) -> i64 {
        self.slots
            .iter()
            .flatten()
            .flatten()
            .map(|s| s.features.size()[0])
            .sum()
    }

    /// The pool as named tensors, for a checkpoint.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut tensors = Vec::new();
        for (sample, classes) in self.slots.iter().enumerate() {
            for (class, slot) in classes.iter().enumerate() {
                if let Some(slot) = slot {
                    let name = |part: &str| format!("pool.{sample}.{class}.{part}");
                    tensors.push((name("features"), slot.features.shallow_clone()));
                    tensors.push((name("seen"), Tensor::from_slice(&[slot.seen])));
                }
            }
        }
        tensors
    }

    /// Takes back what [`Self::state`] gave.
    ///
    /// # Errors
    /// [`CornError::Data`] for a name that is no slot of this pool.
    pub fn restore(&mut self, tensors: &[(String, Tensor)]) -> Result<(), CornError> {
        for (name, tensor) in tensors {
            let parts: Vec<&str> = name.split('.').collect();
            let place = match parts[..] {
                ["pool", sample, class, "features"] => sample.parse().ok().zip(class.parse().ok()),
                ["pool", _, _, "seen"] => continue,
                _ => None,
            };
            let seen_name = name.replace(".features", ".seen");
            let seen = tensors.iter().find(|(n, _)| *n == seen_name);
            let slot = place.and_then(|(sample, class): (usize, usize)| {
                self.slots.get_mut(sample)?.get_mut(class)
            });
            let (Some(slot), Some((_, seen))) = (slot, seen) else {
                return Err(CornError::Data {
                    message: format!("{name} is no slot of the pool"),
                });
            };
            *slot = Some(Slot {
                features: tensor.shallow_clone(),
                seen: seen.f_int64_value(&[0])?,
            });
        }
        Ok(())
    }
}

/// At most `count` rows, uniformly without replacement, by libtorch's generator.
pub(crate) fn subset(rows: &Tensor, count: i64) -> Result<Tensor, CornError> {
    let (n, _) = rows.size2()?;
    if n <= count {
        return Ok(rows.shallow_clone());
    }
    let order = Tensor::f_randperm(n, (Kind::Int64, rows.device()))?;
    Ok(rows.f_index_select(0, &order.f_narrow(0, 0, count)?)?)
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    fn constant(rows: i64, value: f64) -> Tensor {
        Tensor::full([rows, 2], value, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn keeps_a_bounded_subset_and_replaces_it() {
        let mut pool = FeaturePool::new(2, 2, 10);
        pool.refresh(0, 1, &constant(1000, 1.0)).unwrap();
        assert_eq!(pool.rows(), 10);
        assert!(pool.sample(1, 11).unwrap().is_none());
        assert!(pool.sample(0, 1).unwrap().is_none());
        pool.refresh(0, 1, &constant(0, 9.0)).unwrap();
        assert_eq!(pool.rows(), 10);
        pool.refresh(0, 1, &constant(4, 2.0)).unwrap();
        let rows = pool.sample(1, 4).unwrap().unwrap();
        assert_eq!(rows.min().double_value(&[]), 2.0);
        assert!(pool.refresh(2, 0, &constant(1, 0.0)).is_err());
    }

    #[test]
    fn slots_weigh_by_what_they_saw() {
        let mut pool = FeaturePool::new(2, 1, 500);
        pool.refresh(0, 0, &constant(9000, 1.0)).unwrap();
        pool.refresh(1, 0, &constant(1000, 0.0)).unwrap();
        let share = pool
            .sample(0, 100)
            .unwrap()
            .unwrap()
            .mean(Kind::Float)
            .double_value(&[]);
        assert!((0.75..1.0).contains(&share), "{share}, expected about 0.9");
    }

    #[test]
    fn comes_back_from_a_checkpoint() {
        let mut pool = FeaturePool::new(2, 2, 10);
        pool.refresh(1, 0, &constant(7, 3.0)).unwrap();
        let mut other = FeaturePool::new(2, 2, 10);
        other.restore(&pool.state()).unwrap();
        assert_eq!(other.rows(), 7);
        assert!(FeaturePool::new(1, 1, 10).restore(&pool.state()).is_err());
    }
}
