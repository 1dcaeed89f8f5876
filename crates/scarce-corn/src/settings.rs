//! The recipe's settings.

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
    /// Unlabelled crops a step.
    pub unlabelled_batch: usize,
    /// Chance that a labelled crop is centred near a foreground voxel.
    pub foreground_chance: f64,
    /// How crops vary.
    pub augment: AugmentConfig,
    /// Weight of the Dice and of the cross-entropy loss on labelled crops.
    pub supervised_weight: f64,
    /// Largest weight of the consistency between student and teacher (`λ_c`).
    pub consistency_weight: f64,
    /// Largest weight of the CORAL-correlation consistency (`λ_d`).
    pub coral_weight: f64,
    /// Steps until both weights are at their largest (exp(−5(1 − t/T)²)).
    pub ramp_steps: f64,
    /// Largest decay of the teacher's average, UA-MT's rule.
    pub ema_max_decay: f64,
    /// Standard deviation of the noise on the student's unlabelled input.
    pub noise: f64,
    /// Anchors drawn from the feature pool for each class (the paper's j).
    pub anchors: i64,
    /// Rows that the pool keeps for each labelled sample and class.
    pub pool_capacity: i64,
    /// Unlabelled voxels compared for each class (the paper's i, over all classes).
    pub voxels: i64,
    /// Groups these are dealt into.
    pub groups: i64,
    /// Temperature of the correlation's rows, in units of the teacher's mean distance.
    pub temperature: f64,
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
            groups: 4,
            temperature: 1.0,
        }
    }
}

impl SemiConfig {
    /// Refuses settings out of range.
    pub(crate) fn check(&self) -> Result<(), CornError> {
        let refuse = |name, expected, got: String| {
            Err(CornError::Setting {
                name,
                expected,
                got,
            })
        };
        if self
            .patch_zyx
            .iter()
            .any(|n| *n == 0 || n % VNet::DIVISOR != 0)
        {
            return refuse(
                "patch_zyx",
                "positive multiples of 16",
                format!("{:?}", self.patch_zyx),
            );
        }
        if self.labelled_batch == 0 {
            return refuse("labelled_batch", "at least 1", "0".to_owned());
        }
        if !(2..=255).contains(&self.network.classes) {
            return refuse(
                "network.classes",
                "2 to 255",
                self.network.classes.to_string(),
            );
        }
        if !(0.0..=1.0).contains(&self.ema_max_decay) {
            return refuse("ema_max_decay", "0 to 1", self.ema_max_decay.to_string());
        }
        if self.temperature <= 0.0 {
            return refuse("temperature", "above 0", self.temperature.to_string());
        }
        Ok(())
    }
}
