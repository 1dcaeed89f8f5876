//! The pool as named tensors.

use tch::Tensor;

use super::{FeaturePool, Slot};
use crate::CornError;

impl FeaturePool {
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
        let width = self.size.width;
        let most = if self.fusion.keeps_moments() {
            1 + width..=1 + width
        } else {
            1..=self.size.capacity
        };
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
            let size = tensor.size();
            let rows_fit = size.len() == 2 && most.contains(&size[0]);
            if !rows_fit || size[1] != width || !tensor.is_floating_point() {
                return refuse(&format!(
                    "expected {most:?} float rows of width {width}, got {size:?}"
                ));
            }
            let seen_name = format!("pool.{sample}.{class}.seen");
            let seen = tensors.iter().find(|(n, _)| *n == seen_name);
            let seen = match seen {
                Some((_, seen)) if seen.numel() == 1 => seen.f_view([1])?.f_int64_value(&[0])?,
                _ => return refuse("its count of rows seen is not there"),
            };
            if !self.fusion.keeps_moments() && seen < size[0] {
                return refuse("fewer rows seen than kept");
            }
            let features = tensor.f_to_device(self.device)?;
            *place = Some(Slot { features, seen });
        }
        self.slots = slots;
        self.fresh.clear();
        Ok(())
    }
}
