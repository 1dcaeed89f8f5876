//! The terms of the loss.

use serde::{Deserialize, Serialize};

use super::check_weight;
use crate::CornError;
use crate::confidence::{ConfidenceFilter, EntropyThreshold};
use crate::correlation::CorrelationForm;
use crate::correlation::repaired::RepairedOptions;
use crate::heads::HeadsConfig;
use crate::losses::DiceLoss;
use crate::pool::{AnchorDraw, Fusion};

/// The supervised term: of labelled crops, summed over the branches that are trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SupervisedConfig {
    /// Its weight.
    pub weight: f64,
    /// What the Dice loss counts for in it.
    pub dice_weight: f64,
    /// What the cross entropy counts for in it.
    pub cross_entropy_weight: f64,
    /// Which Dice loss.
    pub dice: DiceLoss,
}

impl Default for SupervisedConfig {
    fn default() -> Self {
        Self {
            weight: 0.5,
            dice_weight: 1.0,
            cross_entropy_weight: 1.0,
            dice: DiceLoss::default(),
        }
    }
}

impl SupervisedConfig {
    pub(super) fn check(&self) -> Result<(), CornError> {
        check_weight("supervised.weight", self.weight)?;
        check_weight("supervised.dice_weight", self.dice_weight)?;
        check_weight("supervised.cross_entropy_weight", self.cross_entropy_weight)?;
        check_weight("supervised.dice.smooth", self.dice.smooth)
    }
}

/// The consistency of probabilities, `λ_c l_c`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsistencyConfig {
    /// Its largest weight `λ_c`; 0 leaves it out.
    pub weight: f64,
    /// Of which crops.
    pub on: CropsOf,
    /// What is compared.
    pub form: ConsistencyForm,
}

/// Of which crops a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CropsOf {
    /// Labelled and unlabelled ones.
    All,
    /// Unlabelled ones.
    Unlabelled,
}

/// What the consistency compares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ConsistencyForm {
    /// [`crate::losses::consistency_mse`] with a teacher.
    MeanSquare {},
    /// [`crate::losses::uncertainty_masked_consistency`] with a teacher (UA-MT).
    Uncertainty {
        /// Passes of the teacher, with noise, that its uncertainty is of.
        passes: u32,
        /// Below which entropy it is sure enough.
        entropy: EntropyThreshold,
    },
    /// [`crate::losses::cross_pseudo`] between branches (the paper).
    CrossPseudo {},
    /// [`crate::losses::sharpened_consistency`] between branches (CORN's code, CAML, MC-Net).
    Sharpened {
        /// Temperature of the sharpening.
        temperature: f64,
        /// Whether the sharpened side has no gradient.
        detach: bool,
    },
}

impl Default for ConsistencyConfig {
    fn default() -> Self {
        Self {
            weight: 1.0,
            on: CropsOf::Unlabelled,
            form: ConsistencyForm::MeanSquare {},
        }
    }
}

impl ConsistencyConfig {
    pub(super) fn check(&self) -> Result<(), CornError> {
        check_weight("consistency.weight", self.weight)?;
        match &self.form {
            ConsistencyForm::Uncertainty { passes: 0, .. } => Err(CornError::setting(
                "consistency.form.passes",
                "at least 1",
                0,
            )),
            ConsistencyForm::Uncertainty { entropy, .. } => entropy.check(),
            ConsistencyForm::Sharpened { temperature, .. }
                if !(temperature.is_finite() && *temperature > 0.0) =>
            {
                let name = "consistency.form.temperature";
                let expected = "a finite number above 0";
                Err(CornError::setting(name, expected, temperature))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn needs_teacher(&self) -> bool {
        matches!(
            self.form,
            ConsistencyForm::MeanSquare {} | ConsistencyForm::Uncertainty { .. }
        )
    }
}

/// The consistency of correlations, `λ_d l_d`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorrelationConfig {
    /// Its largest weight `λ_d`; 0 leaves the feature pool empty and heads unbuilt.
    pub weight: f64,
    /// What is compared.
    pub form: CorrelationForm,
    /// What features pass through before.
    pub heads: HeadsConfig,
    /// Which unlabelled voxels are compared.
    pub filter: ConfidenceFilter,
    /// How anchors are drawn.
    pub anchors: AnchorDraw,
    /// What is kept of labelled voxels.
    pub pool: PoolConfig,
}

/// What the feature pool keeps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Rows kept of each labelled sample and class; at least as many as are drawn.
    pub capacity: i64,
    /// What becomes of them when the sample comes by again.
    pub fusion: Fusion,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            capacity: 2048,
            fusion: Fusion::Replace,
        }
    }
}

impl Default for CorrelationConfig {
    fn default() -> Self {
        Self {
            weight: 0.1,
            form: CorrelationForm::Repaired(RepairedOptions::default()),
            heads: HeadsConfig::Linear {},
            filter: ConfidenceFilter::default(),
            anchors: AnchorDraw::default(),
            pool: PoolConfig::default(),
        }
    }
}

impl CorrelationConfig {
    pub(super) fn check(&self) -> Result<(), CornError> {
        check_weight("correlation.weight", self.weight)?;
        if !self.is_on() {
            return Ok(());
        }
        self.form.check()?;
        self.heads.check()?;
        self.pool.fusion.check()?;
        self.filter.check(self.form.groups())?;
        let AnchorDraw {
            count, at_least, ..
        } = self.anchors;
        // A covariance needs two rows.
        if count < 2 {
            return Err(CornError::setting("anchors.count", "at least 2", count));
        }
        if !(2..=count).contains(&at_least) {
            let expected = "2 to `anchors.count`";
            return Err(CornError::setting("anchors.at_least", expected, at_least));
        }
        if self.pool.capacity < count {
            let got = self.pool.capacity;
            let expected = "at least `anchors.count`";
            return Err(CornError::setting("pool.capacity", expected, got));
        }
        if self.pool.fusion.keeps_moments() {
            let expected = "one that keeps rows";
            let refuse = |what: &str| {
                let got = format!("moments with {what}");
                Err(CornError::setting("pool.fusion", expected, got))
            };
            if matches!(self.form, CorrelationForm::Omni { .. }) {
                return refuse("`form` omni, which is of single anchors");
            }
            if self.heads.is_applied_when_drawn() {
                return refuse("`heads` linear, through which rows pass when they are drawn");
            }
        }
        Ok(())
    }

    /// Whether there is such a term.
    pub fn is_on(&self) -> bool {
        self.weight > 0.0
    }

    /// The heads that are built: none for a term that is left out.
    pub fn heads(&self) -> HeadsConfig {
        if self.is_on() {
            self.heads
        } else {
            HeadsConfig::None
        }
    }
}
