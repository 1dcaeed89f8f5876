//! The recipe's settings.

use scarce_train::loader::LoaderConfig;
use serde::{Deserialize, Serialize};

use crate::CornError;
use crate::augment::AugmentConfig;
use crate::vnet::{VNet, VNetConfig};

/// The recipe's settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SemiConfig {
    /// The network of both student and teacher.
    pub network: VNetConfig,
    /// Voxels of a training crop along z, y and x; multiples of 16.
    pub patch_zyx: [usize; 3],
    /// Labelled crops a step.
    pub labelled_batch: usize,
    /// Unlabelled crops a step; 0 trains on the labelled alone.
    pub unlabelled_batch: usize,
    /// Chance that a labelled crop is taken about a foreground voxel.
    pub foreground_chance: f64,
    /// How crops vary.
    pub augment: AugmentConfig,
    /// Weight of the Dice and of the cross-entropy loss on labelled crops.
    pub supervised_weight: f64,
    /// Largest weight of the consistency between student and teacher (`λ_c`).
    pub consistency_weight: f64,
    /// Largest weight of the CORAL-correlation consistency (`λ_d`); 0 leaves the feature pool empty.
    pub coral_weight: f64,
    /// Steps until both weights are at their largest (exp(−5(1 − t/T)²)); 0 for no ramp.
    pub ramp_steps: f64,
    /// Largest decay of the teacher's average, UA-MT's rule.
    pub ema_max_decay: f64,
    /// Standard deviation of the noise on the student's unlabelled input, clipped at two of them.
    pub noise: f64,
    /// Anchors drawn from the feature pool for each class (the paper's j).
    pub anchors: i64,
    /// Rows that the pool keeps for each labelled sample and class; at least `anchors`.
    pub pool_capacity: i64,
    /// Unlabelled voxels compared for each class at most (the paper's i, over all classes).
    pub voxels: i64,
    /// The share of these that goes to those the teacher is surest of; the rest is drawn from the
    /// other voxels on which student and teacher agree.
    pub surest_share: f64,
    /// The teacher's probability that an unlabelled voxel needs to be compared.
    pub confidence_threshold: f64,
    /// Groups that the compared voxels of a class are dealt into.
    pub groups: i64,
    /// Temperature of the correlation's rows, in units of their mean distance.
    pub temperature: f64,
    /// How crops are read ahead; it changes none of them.
    pub loader: LoaderConfig,
}

impl Default for SemiConfig {
    fn default() -> Self {
        Self {
            network: VNetConfig::default(),
            patch_zyx: [80, 112, 112],
            labelled_batch: 2,
            unlabelled_batch: 2,
            foreground_chance: 0.5,
            augment: AugmentConfig::default(),
            supervised_weight: 0.5,
            consistency_weight: 1.0,
            coral_weight: 0.1,
            ramp_steps: 6000.0,
            ema_max_decay: 0.99,
            noise: 0.05,
            anchors: 256,
            pool_capacity: 2048,
            voxels: 4096,
            surest_share: 0.5,
            confidence_threshold: 0.0,
            groups: 4,
            temperature: 1.0,
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
        self.augment.check()?;
        self.check_batch(unlabelled)?;
        // Negated, so that NaN is refused too.
        for (name, fits, expected, got) in [
            (
                "ema_max_decay",
                (0.0..=1.0).contains(&self.ema_max_decay),
                "0 to 1",
                self.ema_max_decay,
            ),
            (
                "foreground_chance",
                (0.0..=1.0).contains(&self.foreground_chance),
                "0 to 1",
                self.foreground_chance,
            ),
            (
                "surest_share",
                (0.0..=1.0).contains(&self.surest_share),
                "0 to 1",
                self.surest_share,
            ),
            (
                "confidence_threshold",
                (0.0..=1.0).contains(&self.confidence_threshold),
                "0 to 1",
                self.confidence_threshold,
            ),
            (
                "temperature",
                self.temperature > 0.0 && self.temperature.is_finite(),
                "a finite number above 0",
                self.temperature,
            ),
        ] {
            if !fits {
                return Err(CornError::setting(name, expected, got));
            }
        }
        for (name, weight) in [
            ("supervised_weight", self.supervised_weight),
            ("consistency_weight", self.consistency_weight),
            ("coral_weight", self.coral_weight),
            ("ramp_steps", self.ramp_steps),
            ("noise", self.noise),
        ] {
            if !(weight.is_finite() && weight >= 0.0) {
                let expected = "a finite number, at least 0";
                return Err(CornError::setting(name, expected, weight));
            }
        }
        // A covariance needs two rows, in every group.
        for (name, least, expected, got) in [
            ("anchors", 2, "at least 2", self.anchors),
            (
                "pool_capacity",
                self.anchors,
                "at least `anchors`",
                self.pool_capacity,
            ),
            ("groups", 1, "at least 1", self.groups),
            (
                "voxels",
                self.groups.saturating_mul(2),
                "at least twice `groups`",
                self.voxels,
            ),
        ] {
            if got < least {
                return Err(CornError::setting(name, expected, got));
            }
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
        let sides = self.patch_zyx;
        if sides.iter().any(|n| *n == 0 || n % VNet::DIVISOR != 0) {
            let expected = "positive multiples of 16";
            return Err(CornError::setting(
                "patch_zyx",
                expected,
                format!("{sides:?}"),
            ));
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
