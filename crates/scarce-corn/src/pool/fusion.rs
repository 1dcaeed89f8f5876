//! What becomes of a slot when its sample comes by again.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::Slot;
use crate::CornError;
use crate::coral::covariance;

/// What becomes of a slot when its sample comes by again.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fusion {
    /// New rows take the place of the old ones.
    #[default]
    Replace,
    /// Old and new rows are averaged, as the paper has it. Rows are those of unrelated voxels, so that their average has
    /// (1 − w)/(1 + w) of their covariance in the long run, 0.053 at the code's 0.9: of all that CORAL looks at.
    Average {
        /// Weight w of the old rows.
        weight: f64,
        /// Whether it is done only where as many voxels were right as the time before, which in the authors' code leaves
        /// hardly ever an occasion; else new rows that have no old one beside them come as they are.
        equal_counts_only: bool,
    },
    /// No row is kept, but the rows' mean and covariance, moved towards the new ones'.
    Moments {
        /// Weight of the old ones.
        weight: f64,
    },
}

impl Fusion {
    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`CornError::Setting`] outside 0 to 1.
    pub fn check(&self) -> Result<(), CornError> {
        match *self {
            Self::Average { weight, .. } | Self::Moments { weight }
                if !(0.0..=1.0).contains(&weight) =>
            {
                Err(CornError::setting("pool.fusion.weight", "0 to 1", weight))
            }
            _ => Ok(()),
        }
    }

    /// Whether a slot holds moments in place of rows.
    pub(crate) fn keeps_moments(&self) -> bool {
        matches!(self, Self::Moments { .. })
    }

    /// Fewest new rows that change a slot.
    pub(super) fn least_rows(&self) -> i64 {
        if self.keeps_moments() { 2 } else { 1 }
    }

    /// What a slot holds after `rows` of the `seen` came.
    pub(super) fn fuse(
        &self,
        old: Option<&Slot>,
        rows: Tensor,
        seen: i64,
    ) -> Result<Tensor, CornError> {
        let Some(old) = old else {
            return match self {
                Self::Moments { .. } => moments(&rows),
                _ => Ok(rows),
            };
        };
        match *self {
            Self::Replace => Ok(rows),
            Self::Average {
                equal_counts_only: true,
                ..
            } if old.seen != seen => Ok(rows),
            Self::Average { weight, .. } => {
                let (n, m) = (rows.size()[0], old.features.size()[0]);
                let pairs = n.min(m);
                let averaged = old
                    .features
                    .f_narrow(0, 0, pairs)?
                    .f_lerp(&rows.f_narrow(0, 0, pairs)?, 1.0 - weight)?;
                let alone = rows.f_narrow(0, pairs, n - pairs)?;
                Ok(Tensor::f_cat(&[averaged, alone], 0)?)
            }
            Self::Moments { weight } => Ok(old.features.f_lerp(&moments(&rows)?, 1.0 - weight)?),
        }
    }
}

/// Mean of rows `(n, d)` and beneath it their covariance: `(1 + d, d)`.
fn moments(rows: &Tensor) -> Result<Tensor, CornError> {
    let mean = rows.f_mean_dim([0i64].as_slice(), true, None::<Kind>)?;
    Ok(Tensor::f_cat(&[mean, covariance(rows)?], 0)?)
}

/// The covariance of slots' moments together, each weighing by the rows it saw: what varies within them, and between their
/// means.
pub(super) fn joint_covariance(slots: &[&Slot]) -> Result<Option<Tensor>, CornError> {
    let Some(first) = slots.first() else {
        return Ok(None);
    };
    let total: i64 = slots.iter().map(|slot| slot.seen).sum();
    let width = first.features.size()[1];
    let share = |slot: &Slot| slot.seen as f64 / total as f64;
    let mut mean = first.features.f_narrow(0, 0, 1)?.f_zeros_like()?;
    for slot in slots {
        mean += slot.features.f_narrow(0, 0, 1)? * share(slot);
    }
    let mut joint = first.features.f_narrow(0, 1, width)?.f_zeros_like()?;
    for slot in slots {
        let off = slot.features.f_narrow(0, 0, 1)? - &mean;
        let between = off.f_tr()?.f_matmul(&off)?;
        joint += (slot.features.f_narrow(0, 1, width)? + between) * share(slot);
    }
    Ok(Some(joint))
}
