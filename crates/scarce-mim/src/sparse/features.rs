//! A map on its way through a network.

use std::rc::Rc;

use tch::Tensor;

use super::{Active, Level, Traced};
use crate::MimError;

/// What looks at values has no node.
pub(super) const NO_VALUES: MimError = MimError::NotInGraph {
    layer: "an operation on values",
};

/// A map on its way through a network: all of it, or its visible cells.
#[derive(Debug)]
pub enum Features<'a> {
    /// `(batch, channel, side…)`.
    Dense(Tensor),
    /// Visible cells alone.
    Visible(VisibleCells<'a>),
    /// What it is in an ONNX graph.
    Traced(Traced<'a>),
}

/// The visible cells of a map.
#[derive(Debug)]
pub struct VisibleCells<'a> {
    /// `(cell, channel)`.
    pub(super) rows: Tensor,
    pub(super) level: Rc<Level>,
    pub(super) active: &'a Active,
}

impl<'a> Features<'a> {
    /// Of a map `(batch, channel, side…)`; what it holds where it is hidden is not looked at.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the map does not fit the mask's grid.
    pub fn new(map: &Tensor, active: Option<&'a Active>) -> Result<Self, MimError> {
        let Some(active) = active else {
            return Ok(Self::Dense(map.shallow_clone()));
        };
        let size = map.size();
        let level = active.level(size.get(2..).unwrap_or_default())?;
        if size[0] != level.batch() {
            return Err(MimError::Shape {
                what: "feature map under a mask",
                expected: format!("a batch of {}", level.batch()),
                got: size,
            });
        }
        // (batch, side…, channel): a view where channels are innermost in memory.
        let inward: Vec<i64> = [0]
            .into_iter()
            .chain(2..size.len() as i64)
            .chain([1])
            .collect();
        let rows = map
            .f_permute(&inward)?
            .f_reshape([-1, size[1]])?
            .f_index_select(0, &level.cells)?;
        Ok(Self::Visible(VisibleCells {
            rows,
            level,
            active,
        }))
    }

    /// The map `(batch, channel, side…)`, 0 where it is hidden.
    ///
    /// # Errors
    /// [`MimError::Torch`] from libtorch.
    pub fn map(&self) -> Result<Tensor, MimError> {
        match self {
            Self::Dense(map) => Ok(map.shallow_clone()),
            Self::Visible(cells) => cells.spread_over(0.0),
            Self::Traced(_) => Err(NO_VALUES),
        }
    }

    /// The mask this is seen through.
    pub fn active(&self) -> Option<&'a Active> {
        match self {
            Self::Dense(_) | Self::Traced(_) => None,
            Self::Visible(cells) => Some(cells.active),
        }
    }

    /// Each value by itself changed by `f`.
    ///
    /// # Errors
    /// Those of `f`.
    pub fn each<E>(self, f: impl FnOnce(&Tensor) -> Result<Tensor, E>) -> Result<Self, MimError>
    where
        MimError: From<E>,
    {
        Ok(match self {
            Self::Dense(map) => Self::Dense(f(&map)?),
            Self::Visible(cells) => {
                let rows = f(&cells.rows)?;
                Self::Visible(VisibleCells { rows, ..cells })
            }
            Self::Traced(_) => return Err(NO_VALUES),
        })
    }

    /// The rectifier; written over its input, which norms and sums do not need again.
    ///
    /// # Errors
    /// [`MimError::Torch`] from libtorch.
    pub fn relu(self) -> Result<Self, MimError> {
        match self {
            Self::Traced(traced) => Ok(Self::Traced(traced.node("Relu", &[], &[])?)),
            _ => self.each(|values| values.shallow_clone().f_relu_()),
        }
    }

    /// The sum with another map of the same size and mask.
    ///
    /// # Errors
    /// [`MimError::Shape`] for another mask or size.
    pub fn add(&self, other: &Self) -> Result<Self, MimError> {
        match (self, other) {
            (Self::Dense(a), Self::Dense(b)) => Ok(Self::Dense(a.f_add(b)?)),
            (Self::Visible(a), Self::Visible(b)) if Rc::ptr_eq(&a.level, &b.level) => {
                Ok(Self::Visible(VisibleCells {
                    rows: a.rows.f_add(&b.rows)?,
                    level: Rc::clone(&a.level),
                    active: a.active,
                }))
            }
            (Self::Traced(a), Self::Traced(b)) => Ok(Self::Traced(a.with("Add", b))),
            _ => Err(MimError::Shape {
                what: "sum of maps",
                expected: "the same size and mask".to_owned(),
                got: other.values().map(Tensor::size).unwrap_or_default(),
            }),
        }
    }

    /// The same map once more, sharing memory.
    #[must_use]
    pub fn shallow_clone(&self) -> Self {
        match self {
            Self::Dense(map) => Self::Dense(map.shallow_clone()),
            Self::Visible(cells) => Self::Visible(VisibleCells {
                rows: cells.rows.shallow_clone(),
                level: Rc::clone(&cells.level),
                active: cells.active,
            }),
            Self::Traced(traced) => Self::Traced(traced.shallow_clone()),
        }
    }

    /// The map, or the rows.
    ///
    /// # Errors
    /// [`MimError::NotInGraph`] for a value of a graph.
    pub(super) fn values(&self) -> Result<&Tensor, MimError> {
        match self {
            Self::Dense(map) => Ok(map),
            Self::Visible(cells) => Ok(&cells.rows),
            Self::Traced(_) => Err(NO_VALUES),
        }
    }
}

impl VisibleCells<'_> {
    /// The map `(batch, channel, side…)`, channels innermost in memory, `value` where it is hidden.
    pub(super) fn spread_over(&self, value: f64) -> Result<Tensor, MimError> {
        let all = self.level.batch() * self.level.sides.iter().product::<i64>();
        let channels = self.channels();
        let options = (self.rows.kind(), self.rows.device());
        let background = Tensor::f_full([all, channels], value, options)?;
        self.laid_on(&background)
    }

    /// The map with the rows of `background`, `(batch · side…, channel)`, where it is hidden.
    pub(super) fn laid_on(&self, background: &Tensor) -> Result<Tensor, MimError> {
        let sides = &self.level.sides;
        let size: Vec<i64> = [self.level.batch()]
            .into_iter()
            .chain(sides.iter().copied())
            .chain([self.channels()])
            .collect();
        let last = size.len() as i64 - 1;
        let outward: Vec<i64> = [0, last].into_iter().chain(1..last).collect();
        Ok(background
            .f_index_copy(0, &self.level.cells, &self.rows)?
            .f_view(size.as_slice())?
            .f_permute(&outward)?)
    }

    pub(super) fn channels(&self) -> i64 {
        self.rows.size()[1]
    }
}

impl Features<'_> {
    /// The map with `token`, `(1, channel, 1…)`, where it is hidden.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the channels do not fit.
    pub fn filled_with(&self, token: &Tensor) -> Result<Tensor, MimError> {
        match self {
            Self::Dense(map) => Ok(map.shallow_clone()),
            Self::Traced(_) => Err(NO_VALUES),
            Self::Visible(cells) => {
                let all = cells.level.batch() * cells.level.sides.iter().product::<i64>();
                let rows = token.f_view([1, -1])?.f_to_kind(cells.rows.kind())?;
                cells.laid_on(&rows.f_expand([all, -1], false)?.f_contiguous()?)
            }
        }
    }
}
