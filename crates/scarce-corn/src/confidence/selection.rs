//! Which of the voxels that may be chosen are.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::CornError;
use crate::pool::{draw, subset};

/// Which of a class's voxels are chosen, of those that may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Selection {
    /// All of them.
    All,
    /// Those a branch is surest of (CAML).
    Top {
        /// How many at most.
        count: i64,
    },
    /// Those it is surest of, and some drawn from the others (the paper's “portion with low confidence selected randomly”).
    TopAndRandom {
        /// How many at most, in all.
        count: i64,
        /// The share of `count` that goes to the surest.
        surest_share: f64,
    },
    /// Those it is surest and least sure of (CORN's code, 3200 each). Where a class has fewer than both together, some come
    /// twice, as there.
    TopAndBottom {
        /// How many of the surest at most.
        top: i64,
        /// How many of the least sure at most.
        bottom: i64,
    },
}

impl Selection {
    /// Refuses counts that choose too little; `groups` are made of what is chosen, of two voxels at least.
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self, groups: i64) -> Result<(), CornError> {
        let (count, share) = match *self {
            Self::All => return Ok(()),
            Self::Top { count } => (count, 1.0),
            Self::TopAndRandom {
                count,
                surest_share,
            } => (count, surest_share),
            Self::TopAndBottom { top, bottom } if top < 0 || bottom < 0 => {
                let got = top.min(bottom);
                return Err(CornError::setting(
                    "filter.voxels",
                    "counts of at least 0",
                    got,
                ));
            }
            Self::TopAndBottom { top, bottom } => (top.saturating_add(bottom), 1.0),
        };
        if count < groups.saturating_mul(2) {
            let expected = "voxels for at least two in each group";
            return Err(CornError::setting("filter.voxels", expected, count));
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(CornError::setting("filter.surest_share", "0 to 1", share));
        }
        Ok(())
    }

    /// Those of `candidates` `(n,)` that are chosen by their `sureness` `(n,)`, in random order; [`Self::All`] keeps theirs.
    ///
    /// # Errors
    /// [`CornError::Torch`] from libtorch.
    pub fn choose(
        &self,
        candidates: &Tensor,
        sureness: &Tensor,
        rng: &mut impl Rng,
    ) -> Result<Tensor, CornError> {
        let n = candidates.size1()?;
        let of = |count: i64, largest: bool| sureness.f_topk(count.clamp(0, n), 0, largest, false);
        let chosen = match *self {
            Self::All => return Ok(candidates.shallow_clone()),
            Self::Top { count } | Self::TopAndRandom { count, .. } if n <= count => {
                candidates.shallow_clone()
            }
            Self::Top { count } => candidates.f_index_select(0, &of(count, true)?.1)?,
            Self::TopAndRandom {
                count,
                surest_share,
            } => {
                let surest = (count as f64 * surest_share).round() as i64;
                let (_, top) = of(surest, true)?;
                let others = sureness
                    .f_zeros_like()?
                    .f_index_fill_(0, &top, 1.0)?
                    .f_eq(0.0)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let others = subset(&others, count - surest, rng)?;
                candidates.f_index_select(0, &Tensor::f_cat(&[top, others], 0)?)?
            }
            Self::TopAndBottom { top, bottom } => {
                let (_, top) = of(top, true)?;
                let (_, bottom) = of(bottom, false)?;
                candidates.f_index_select(0, &Tensor::f_cat(&[top, bottom], 0)?)?
            }
        };
        let n = chosen.size1()?;
        let order = Tensor::from_slice(&draw(n, n, rng)).to_device(chosen.device());
        Ok(chosen.f_index_select(0, &order)?)
    }
}
