//! The settings of a training: its networks, its crops, and the terms of its loss.

mod branches;
mod terms;

use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use crate::CornError;
use crate::augment::AugmentConfig;
use crate::perturbation::{NoiseConfig, Noisy};
use crate::ramp::Ramp;
use crate::vnet::{VNet, VNetConfig};
pub use branches::Branches;
pub use terms::{
    ConsistencyConfig, ConsistencyForm, CorrelationConfig, CropsOf, PoolConfig, SupervisedConfig,
};

/// The settings of a training. Recipes are presets of them; the defaults are those of `corn-ema`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemiConfig {
    /// What all networks share.
    pub network: VNetConfig,
    /// How many there are, and what they are to one another.
    pub branches: Branches,
    /// Voxels of a training crop along z, y and x; multiples of 16. For a 2-D network z is 1.
    pub patch_zyx: [usize; 3],
    /// Labelled crops a step.
    pub labelled_batch: usize,
    /// Unlabelled crops a step; 0 trains on the labelled alone.
    pub unlabelled_batch: usize,
    /// Chance that a labelled crop is taken about a foreground voxel.
    pub foreground_chance: f64,
    /// How crops vary.
    pub augment: AugmentConfig,
    /// Noise on unlabelled crops.
    pub noise: NoiseConfig,
    /// The supervised term.
    pub supervised: SupervisedConfig,
    /// The consistency of probabilities.
    pub consistency: ConsistencyConfig,
    /// The consistency of correlations.
    pub correlation: CorrelationConfig,
    /// How the weights of the two consistencies rise.
    pub ramp: Ramp,
    /// How crops are read ahead; it changes none of them.
    pub loader: LoaderConfig,
}

impl Default for SemiConfig {
    fn default() -> Self {
        Self {
            network: VNetConfig::default(),
            branches: Branches::default(),
            patch_zyx: [80, 112, 112],
            labelled_batch: 2,
            unlabelled_batch: 2,
            foreground_chance: 0.5,
            augment: AugmentConfig::default(),
            noise: NoiseConfig {
                deviation: 0.05,
                on: Noisy::Student,
            },
            supervised: SupervisedConfig::default(),
            consistency: ConsistencyConfig::default(),
            correlation: CorrelationConfig::default(),
            ramp: Ramp::Continuous { steps: 6000.0 },
            loader: LoaderConfig::default(),
        }
    }
}

impl SemiConfig {
    /// Refuses settings out of range; `unlabelled` tells whether there are unlabelled volumes.
    ///
    /// # Errors
    /// [`CornError::Setting`] naming the setting, its range and what was given.
    pub fn check(&self, unlabelled: bool) -> Result<(), CornError> {
        self.network.check()?;
        self.branches.check()?;
        self.augment.check()?;
        self.check_batch(unlabelled)?;
        if !(0.0..=1.0).contains(&self.foreground_chance) {
            let got = self.foreground_chance;
            return Err(CornError::setting("foreground_chance", "0 to 1", got));
        }
        self.supervised.check()?;
        self.consistency.check()?;
        self.correlation.check()?;
        self.ramp.check()?;
        check_weight("noise.deviation", self.noise.deviation)?;
        self.check_terms()
    }

    /// Terms need the branches they compare.
    fn check_terms(&self) -> Result<(), CornError> {
        let has_teacher = self.branches.teacher().is_some();
        if self.noise.deviation > 0.0 && self.noise.on == Noisy::Teacher && !has_teacher {
            let expected = "`branches` of kind mean-teacher";
            return Err(CornError::setting("noise.on", expected, "teacher"));
        }
        if self.consistency.weight > 0.0 {
            let (name, got) = ("consistency.form", format!("{:?}", self.consistency.form));
            if self.consistency.needs_teacher() && !has_teacher {
                let expected = "one between branches, or `branches` of kind mean-teacher";
                return Err(CornError::setting(name, expected, got));
            }
            if !self.consistency.needs_teacher() && self.branches.trained() < 2 {
                let expected = "one with a teacher, or `branches` of which two are trained";
                return Err(CornError::setting(name, expected, got));
            }
        }
        if self.correlation.is_on() && self.branches.names().len() < 2 {
            let expected = "0 for a network alone, which has none to agree with";
            let got = self.correlation.weight;
            return Err(CornError::setting("correlation.weight", expected, got));
        }
        Ok(())
    }

    /// Refuses batches that `processes` cannot share equally: each takes as many labelled and as many unlabelled
    /// crops as the others. `unlabelled` tells whether there are unlabelled volumes.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_processes(&self, unlabelled: bool, processes: u32) -> Result<(), CornError> {
        let count = processes.max(1) as usize;
        for (name, crops, matters) in [
            ("labelled_batch", self.labelled_batch, true),
            ("unlabelled_batch", self.unlabelled_batch, unlabelled),
        ] {
            if matters && !crops.is_multiple_of(count) {
                let expected = "a multiple of the number of processes, which share it equally";
                let got = format!("{crops} for {processes} processes");
                return Err(CornError::setting(name, expected, got));
            }
        }
        let share = Self {
            labelled_batch: self.labelled_batch / count,
            unlabelled_batch: self.unlabelled_batch / count,
            ..self.clone()
        };
        share.check_batch(unlabelled)
    }

    fn check_batch(&self, unlabelled: bool) -> Result<(), CornError> {
        let flat = self.network.dimensions == 2;
        let (thickness, sides) = self.patch_zyx.split_at(usize::from(flat));
        let fits = sides.iter().all(|n| *n > 0 && n % VNet::DIVISOR == 0);
        if !fits || thickness.iter().any(|n| *n != 1) {
            let expected = if flat {
                "1 along z and positive multiples of 16"
            } else {
                "positive multiples of 16"
            };
            let got = format!("{:?}", self.patch_zyx);
            return Err(CornError::setting("patch_zyx", expected, got));
        }
        if self.labelled_batch == 0 {
            return Err(CornError::setting("labelled_batch", "at least 1", 0));
        }
        let crops = self.labelled_batch + if unlabelled { self.unlabelled_batch } else { 0 };
        let bottom: usize = sides.iter().map(|n| n / VNet::DIVISOR).product();
        if crops * bottom < 2 {
            let expected =
                "more than one crop of 16³ a step: its bottom level has one voxel and no variance";
            return Err(CornError::setting("labelled_batch", expected, crops));
        }
        if self.network.in_channels != 1 {
            let got = self.network.in_channels;
            return Err(CornError::setting("network.in_channels", "1", got));
        }
        if !(2..=255).contains(&self.network.classes) {
            let got = self.network.classes;
            return Err(CornError::setting("network.classes", "2 to 255", got));
        }
        Ok(())
    }
}

fn check_weight(name: &'static str, weight: f64) -> Result<(), CornError> {
    // NaN is refused, too.
    if weight.is_finite() && weight >= 0.0 {
        return Ok(());
    }
    let expected = "a finite number, at least 0";
    Err(CornError::setting(name, expected, weight))
}
