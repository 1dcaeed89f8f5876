//! Which patches of a view are hidden, and what that is compared with.

use ndarray::{ArrayViewD, Dimension as _, IxDyn};
use rand::Rng as _;
use scarce_mask::{
    Guard, MaskConfig, MaskError, PatchMask, Policy, RegionGrid, Rounding, Schedule,
};
use scarce_train::image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

/// What a training is compared with, everything else being equal. Whether the region helps can't be told from a
/// training that hides less or more (MWM compares 40 % with 70 %).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// No control: the region is hidden as the policy says.
    #[default]
    None,
    /// Of every view as many patches as the policy would hide, but anywhere.
    EqualCount,
    /// Every image has another's region.
    ShuffledRegion,
}

/// How a view's mask is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hiding {
    pub mask: MaskConfig,
    /// In place of the mask's policy.
    pub schedule: Option<Schedule>,
    pub control: Control,
    /// Pixels a side of a patch.
    pub patch: usize,
}

/// A view's mask, and the cells that are the region's.
pub(super) struct Hidden {
    pub mask: PatchMask<IxDyn>,
    pub cells: RegionGrid<IxDyn>,
}

impl Hiding {
    /// The mask of an image's view in an epoch.
    pub(super) fn of(
        &self,
        region: ArrayViewD<'_, bool>,
        id: &str,
        epoch: u64,
        seed: Seed,
    ) -> Result<Hidden, MaskError> {
        let mut config = self.mask.clone();
        if let Some(schedule) = &self.schedule {
            config.policy = schedule.at(epoch)?;
        }
        let mut grid = IxDyn::zeros(region.ndim());
        for (cells, side) in grid.slice_mut().iter_mut().zip(region.shape()) {
            *cells = side / self.patch;
        }
        let key = |purpose| StreamKey {
            epoch,
            sample_id: id,
            purpose,
        };
        let cells = config.region_grid(region, grid)?;
        let mut mask = config.sample(&cells, seed, key("mask"))?;
        if self.control == Control::EqualCount {
            let ratio = mask.audit.hidden as f64 / mask.audit.cells.max(1) as f64;
            let anywhere = MaskConfig {
                policy: Policy::Random { ratio },
                rounding: Rounding::Nearest,
                guard: Guard::Allow,
                ..config
            };
            mask = anywhere.sample(&cells, seed, key("control"))?;
        }
        Ok(Hidden { mask, cells })
    }
}

/// Whose region each of `images` has in [`Control::ShuffledRegion`]: never its own, where there are two.
pub(super) fn shuffled(images: usize, seed: Seed) -> Vec<usize> {
    let mut rng = seed.stream(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "shuffled-region",
    });
    let mut order: Vec<usize> = (0..images).collect();
    for last in (1..images).rev() {
        order.swap(last, rng.random_range(0..=last as u64) as usize);
    }
    // Each takes the next one's in a round: a permutation without a fixed point.
    let mut whose = vec![0; images];
    for (k, image) in order.iter().enumerate() {
        whose[*image] = order[(k + 1) % images];
    }
    whose
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    fn hiding(control: Control) -> Hiding {
        Hiding {
            mask: MaskConfig::default(),
            schedule: None,
            control,
            patch: 4,
        }
    }

    #[test]
    fn a_control_hides_as_many_but_elsewhere() {
        let region = ArrayD::from_shape_fn(vec![32, 32], |at| at[0] < 16 && at[1] < 16);
        let (mut in_region, mut anywhere) = (0, 0);
        for epoch in 0..50 {
            let draw = |control| {
                let drawn = hiding(control).of(region.view(), "a", epoch, Seed(3));
                drawn.unwrap().mask.audit
            };
            let (guided, control) = (draw(Control::None), draw(Control::EqualCount));
            assert_eq!(guided.hidden, control.hidden);
            in_region += guided.hidden_region;
            anywhere += control.hidden_region;
        }
        // 16 of 64 cells are the region's: 13 of them are hidden, and 19 of the others; of 32 anywhere 8 are.
        assert_eq!(in_region, 50 * 13);
        assert!((350..450).contains(&anywhere), "{anywhere}");
    }

    #[test]
    fn nobody_keeps_his_region() {
        for images in [2, 3, 17] {
            let whose = shuffled(images, Seed(1));
            let mut sorted = whose.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..images).collect::<Vec<_>>());
            assert!(whose.iter().enumerate().all(|(k, other)| k != *other));
        }
        assert_ne!(shuffled(17, Seed(1)), shuffled(17, Seed(2)));
        assert_eq!(shuffled(1, Seed(1)), [0]);
    }

    #[test]
    fn volumes_are_masked_alike() {
        let region = ArrayD::from_elem(vec![8, 16, 16], true);
        let drawn = hiding(Control::None)
            .of(region.view(), "a", 0, Seed(3))
            .unwrap();
        assert_eq!(drawn.mask.hidden.shape(), [2, 4, 4]);
        assert_eq!(drawn.mask.audit.hidden, 26);
    }
}
