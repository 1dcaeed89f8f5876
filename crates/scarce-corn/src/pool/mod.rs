//! The dynamic feature pool: features of labelled voxels that both networks got right.

mod exchange;

use std::collections::BTreeSet;

use rand::Rng;
use rand::seq::index;
use tch::{Device, Kind, Tensor};

use crate::CornError;

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

/// For each labelled sample a slot, for each class in it a uniform random subset of the features
/// seen when the sample last came by.
///
/// Slots are replaced, not averaged: averaging embeddings that were drawn independently shrinks
/// their covariance by (1 − α)/(1 + α), and the covariance is all that CORAL looks at.
///
/// The count of rows seen stays beside the subset kept, so that [`Self::sample`] draws exactly as
/// if every row had been kept.
#[derive(Debug)]
pub struct FeaturePool {
    slots: Vec<Vec<Option<Slot>>>,
    size: PoolSize,
    device: Device,
    /// Samples and classes refreshed since the last [`Self::exchange`].
    fresh: BTreeSet<(usize, usize)>,
}

#[derive(Debug)]
struct Slot {
    features: Tensor,
    seen: i64,
}

impl FeaturePool {
    /// An empty pool on `device`.
    pub fn new(size: PoolSize, device: Device) -> Self {
        let mut pool = Self {
            slots: Vec::new(),
            size,
            device,
            fresh: BTreeSet::new(),
        };
        pool.slots = pool.empty_slots();
        pool
    }

    /// Replaces what the pool holds of one sample and class by a random subset of the rows of
    /// `features` `(rows, d)` that `candidates` `(n,)` names; without candidates the older ones stay.
    ///
    /// Only the rows kept are copied: `features` may be a transposed view.
    ///
    /// # Errors
    /// [`CornError::Data`] for a slot that is not there, [`CornError::Shape`] for another width.
    pub fn refresh(
        &mut self,
        sample: usize,
        class: usize,
        features: &Tensor,
        candidates: &Tensor,
        rng: &mut impl Rng,
    ) -> Result<(), CornError> {
        let size = features.size();
        if size.len() != 2 || size[1] != self.size.width {
            return Err(CornError::Shape {
                what: "features for the pool",
                expected: format!("(rows, {})", self.size.width),
                got: size,
            });
        }
        let capacity = self.size.capacity;
        let Some(slot) = self.slots.get_mut(sample).and_then(|s| s.get_mut(class)) else {
            return Err(CornError::Data {
                message: format!("the feature pool has no slot {sample}, class {class}"),
            });
        };
        let seen = candidates.size1()?;
        if seen > 0 {
            let chosen = subset(candidates, capacity, rng)?;
            let features = features
                .detach()
                .f_index_select(0, &chosen)?
                .f_to_device(self.device)?;
            *slot = Some(Slot { features, seen });
            self.fresh.insert((sample, class));
        }
        Ok(())
    }

    /// `count` rows of a class `(count, d)`, drawn without replacement as if from every row seen: the
    /// slots' shares are multivariate hypergeometric in what each saw. `None` while fewer were seen.
    ///
    /// # Errors
    /// [`CornError::Setting`] when `count` is beyond the capacity, for one slot may have to serve all.
    pub fn sample(
        &self,
        class: usize,
        count: i64,
        rng: &mut impl Rng,
    ) -> Result<Option<Tensor>, CornError> {
        if !(0..=self.size.capacity).contains(&count) {
            let expected = "0 to the pool's capacity";
            return Err(CornError::setting("anchors", expected, count));
        }
        let slots: Vec<&Slot> = self
            .slots
            .iter()
            .filter_map(|s| s.get(class)?.as_ref())
            .collect();
        let seen: i64 = slots.iter().map(|s| s.seen).sum();
        if seen < count || count == 0 {
            return Ok(None);
        }
        // Where each slot's rows end in the line of all rows seen.
        let ends: Vec<i64> = slots
            .iter()
            .scan(0, |end, slot| {
                *end += slot.seen;
                Some(*end)
            })
            .collect();
        let mut shares = vec![0; slots.len()];
        for row in draw(seen, count, rng) {
            shares[ends.partition_point(|end| *end <= row)] += 1;
        }
        let mut parts = Vec::new();
        for (slot, share) in slots.iter().zip(shares) {
            let kept = slot.features.size()[0];
            let rows = Tensor::from_slice(&draw(kept, share, rng)).to_device(self.device);
            parts.push(slot.features.f_index_select(0, &rows)?);
        }
        Ok(Some(Tensor::f_cat(&parts, 0)?))
    }

    /// Rows held in all.
    pub fn rows(&self) -> i64 {
        let slots = self.slots.iter().flatten().flatten();
        slots.map(|s| s.features.size()[0]).sum()
    }

    /// The pool as named tensors, for a checkpoint: `pool.<sample>.<class>.{features,seen}`.
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

    /// Takes back what [`Self::state`] gave, in place of whatever the pool holds.
    ///
    /// # Errors
    /// [`CornError::Data`] for a name or tensor that no pool of this size gives; the pool is then as
    /// it was.
    pub fn restore(&mut self, tensors: &[(String, Tensor)]) -> Result<(), CornError> {
        let mut slots = self.empty_slots();
        for (name, tensor) in tensors {
            let refuse = |why: &str| {
                Err(CornError::Data {
                    message: format!("saved pool: {name}: {why}"),
                })
            };
            let parts: Vec<&str> = name.split('.').collect();
            let (sample, class) = match parts[..] {
                ["pool", sample, class, "features"] => (sample, class),
                ["pool", _, _, "seen"] => continue,
                _ => return refuse("no part of a pool"),
            };
            let place = sample.parse::<usize>().ok().zip(class.parse().ok());
            let place = place.and_then(|(s, c): (usize, usize)| slots.get_mut(s)?.get_mut(c));
            let Some(place) = place else {
                return refuse("expected a sample and class of the pool");
            };
            let (size, width) = (tensor.size(), self.size.width);
            let rows_fit = size.len() == 2 && (1..=self.size.capacity).contains(&size[0]);
            if !rows_fit || size[1] != width || tensor.kind() != Kind::Float {
                return refuse(&format!(
                    "expected float rows of width {width}, got {size:?}"
                ));
            }
            let seen_name = format!("pool.{sample}.{class}.seen");
            let seen = tensors.iter().find(|(n, _)| *n == seen_name);
            let seen = match seen {
                Some((_, seen)) if seen.numel() == 1 => seen.f_view([1])?.f_int64_value(&[0])?,
                _ => return refuse("its count of rows seen is not there"),
            };
            if seen < size[0] {
                return refuse("fewer rows seen than kept");
            }
            let features = tensor.f_to_device(self.device)?;
            *place = Some(Slot { features, seen });
        }
        self.slots = slots;
        self.fresh.clear();
        Ok(())
    }

    fn empty_slots(&self) -> Vec<Vec<Option<Slot>>> {
        let slot = || (0..self.size.classes).map(|_| None).collect();
        (0..self.size.samples).map(|_| slot()).collect()
    }
}

/// At most `count` of `candidates` `(n,)`, uniformly without replacement, in random order unless all
/// of them are taken.
pub(crate) fn subset(
    candidates: &Tensor,
    count: i64,
    rng: &mut impl Rng,
) -> Result<Tensor, CornError> {
    let n = candidates.size1()?;
    if n <= count {
        return Ok(candidates.shallow_clone());
    }
    let chosen = Tensor::from_slice(&draw(n, count, rng)).to_device(candidates.device());
    Ok(candidates.f_index_select(0, &chosen)?)
}

/// `count` different numbers below `n`, in random order; `count` is at most `n`.
pub(crate) fn draw(n: i64, count: i64, rng: &mut impl Rng) -> Vec<i64> {
    let (n, count) = (n.max(0) as usize, count.max(0) as usize);
    let chosen = index::sample(rng, n, count.min(n));
    chosen.into_iter().map(|row| row as i64).collect()
}

#[cfg(test)]
mod tests {
    use scarce_train::image::{Seed, StreamKey};

    use super::*;

    fn rng(epoch: u64) -> impl Rng {
        let key = StreamKey {
            epoch,
            sample_id: "",
            purpose: "pool test",
        };
        Seed(1).stream(key)
    }

    fn pool(samples: usize, classes: usize, capacity: i64) -> FeaturePool {
        let size = PoolSize {
            samples,
            classes,
            width: 2,
            capacity,
        };
        FeaturePool::new(size, Device::Cpu)
    }

    fn fill(pool: &mut FeaturePool, sample: usize, class: usize, rows: i64, value: f64) {
        let features = Tensor::full([rows, 2], value, (Kind::Float, Device::Cpu));
        let all = Tensor::arange(rows, (Kind::Int64, Device::Cpu));
        pool.refresh(sample, class, &features, &all, &mut rng(0))
            .unwrap();
    }

    #[test]
    fn keeps_a_bounded_subset_and_replaces_it() {
        let mut pool = pool(2, 2, 10);
        fill(&mut pool, 0, 1, 1000, 1.0);
        assert_eq!(pool.rows(), 10);
        assert!(pool.sample(0, 1, &mut rng(1)).unwrap().is_none());
        fill(&mut pool, 0, 1, 0, 9.0);
        assert_eq!(pool.rows(), 10);
        fill(&mut pool, 0, 1, 4, 2.0);
        assert!(pool.sample(1, 5, &mut rng(1)).unwrap().is_none());
        let rows = pool.sample(1, 4, &mut rng(1)).unwrap().unwrap();
        assert_eq!(rows.size(), [4, 2]);
        assert_eq!(rows.min().double_value(&[]), 2.0);
    }

    #[test]
    fn only_candidates_come_in_and_none_twice() {
        let mut pool = pool(1, 1, 6);
        // Row r of a transposed view holds (r, r + 100).
        let features = Tensor::arange(200, (Kind::Float, Device::Cpu))
            .view([2, 100])
            .tr();
        let candidates = Tensor::arange_start(50, 60, (Kind::Int64, Device::Cpu));
        pool.refresh(0, 0, &features, &candidates, &mut rng(0))
            .unwrap();
        let rows = pool.sample(0, 6, &mut rng(1)).unwrap().unwrap();
        let mut first = Vec::<f64>::try_from(rows.select(1, 0)).unwrap();
        let second = Vec::<f64>::try_from(rows.select(1, 1)).unwrap();
        assert!(first.iter().zip(&second).all(|(a, b)| a + 100.0 == *b));
        first.sort_by(f64::total_cmp);
        first.dedup();
        assert!(first.len() == 6 && first.iter().all(|r| (50.0..60.0).contains(r)));
    }

    #[test]
    fn draws_are_functions_of_their_stream() {
        let mut pool = pool(1, 1, 50);
        let features = Tensor::arange(400, (Kind::Float, Device::Cpu)).view([200, 2]);
        let all = Tensor::arange(200, (Kind::Int64, Device::Cpu));
        pool.refresh(0, 0, &features, &all, &mut rng(0)).unwrap();
        let sample = |epoch| pool.sample(0, 20, &mut rng(epoch)).unwrap().unwrap();
        assert!(sample(1).equal(&sample(1)));
        assert!(!sample(1).equal(&sample(2)));
    }

    /// Shares of a hypergeometric draw: mean 90 of 100, standard deviation 3 (2.85 by the finite
    /// population); a mean over 50 draws lies within 4 · 3/√50.
    #[test]
    fn slots_weigh_by_what_they_saw_not_by_what_they_kept() {
        let mut pool = pool(2, 1, 500);
        fill(&mut pool, 0, 0, 900, 1.0);
        fill(&mut pool, 1, 0, 100, 0.0);
        let mean: f64 = (0..50)
            .map(|epoch| {
                let rows = pool.sample(0, 100, &mut rng(epoch)).unwrap().unwrap();
                rows.select(1, 0).sum(Kind::Float).double_value(&[]) / 50.0
            })
            .sum();
        assert!((mean - 90.0).abs() < 1.7, "{mean}");
    }

    #[test]
    fn comes_back_from_a_checkpoint() {
        let mut saved = pool(2, 2, 10);
        fill(&mut saved, 1, 0, 70, 3.0);
        let mut other = pool(2, 2, 10);
        fill(&mut other, 0, 1, 5, 8.0);
        other.restore(&saved.state()).unwrap();
        assert_eq!(other.rows(), 10);
        let sample = |pool: &FeaturePool| pool.sample(0, 7, &mut rng(4)).unwrap().unwrap();
        assert!(sample(&other).equal(&sample(&saved)));
        assert!(other.sample(1, 1, &mut rng(4)).unwrap().is_none());
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let mut pool = pool(1, 1, 10);
        fill(&mut pool, 0, 0, 5, 1.0);
        let one = Tensor::from_slice(&[0i64]);
        let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
        for (sample, features) in [(1, zeros(&[1, 2])), (0, zeros(&[1, 3])), (0, zeros(&[2]))] {
            let refreshed = pool.refresh(sample, 0, &features, &one, &mut rng(0));
            assert!(refreshed.is_err());
        }
        assert!(pool.sample(0, 11, &mut rng(0)).is_err());
        let seen = |n: i64| ("pool.0.0.seen".to_owned(), Tensor::from_slice(&[n]));
        let features = |size: &[i64]| ("pool.0.0.features".to_owned(), zeros(size));
        for (tensors, part) in [
            (vec![features(&[3, 4]), seen(3)], "width 2"),
            (vec![features(&[11, 2]), seen(20)], "width 2"),
            (vec![features(&[3, 2])], "is not there"),
            (vec![features(&[3, 2]), seen(1)], "fewer rows"),
            (
                vec![("pool.1.0.features".to_owned(), zeros(&[1, 2]))],
                "sample and class",
            ),
            (vec![("momentum".to_owned(), zeros(&[1]))], "no part"),
        ] {
            let error = pool.restore(&tensors).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
            assert_eq!(pool.rows(), 5, "a refused pool changes nothing");
        }
    }
}
