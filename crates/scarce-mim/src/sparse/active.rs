//! Which cells are visible, at each resolution.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tch::{Kind, Tensor};

use crate::MimError;

/// Which cells of the patch grid are visible, `(batch, 1, rows, columns)` or `(batch, 1, planes, rows, columns)`,
/// and what follows from it for maps of other sizes, each worked out when it is first asked for: on a finer map each
/// cell is repeated, on a coarser one a cell is visible if any cell under it is, as [`scarce_mask::hidden_at_stride`]
/// has it.
#[derive(Debug)]
pub struct Active {
    grid: Tensor,
    levels: RefCell<BTreeMap<Vec<i64>, Rc<Level>>>,
    windows: RefCell<BTreeMap<WindowKey, Tensor>>,
}

/// The fine map's sides, the kernel and the stride.
type WindowKey = (Vec<i64>, i64, i64);

/// The visible cells of maps of one size.
#[derive(Debug)]
pub(crate) struct Level {
    /// The map's sides.
    pub sides: Vec<i64>,
    /// The mask at this size, `(batch, 1, side…)` of 0 and 1 in f32.
    pub mask: Tensor,
    /// Where the visible cells lie among the batch's cells, counted in C order, ascending.
    pub cells: Tensor,
    /// The sample of each visible cell.
    pub sample: Tensor,
}

impl Level {
    /// Visible cells of the whole batch.
    pub fn visible(&self) -> i64 {
        self.cells.numel() as i64
    }

    /// Samples in the batch.
    pub fn batch(&self) -> i64 {
        self.mask.size()[0]
    }
}

impl Active {
    /// From the visible cells, of any numeric or boolean kind.
    pub fn new(visible: &Tensor) -> Self {
        Self {
            grid: visible.to_kind(Kind::Float),
            levels: RefCell::default(),
            windows: RefCell::default(),
        }
    }

    /// Cells along each side.
    pub fn grid(&self) -> Vec<i64> {
        self.grid.size().split_off(2)
    }

    /// The mask at a map's sides, multiples or divisors of the grid's: `(batch, 1, side…)` of 0 and 1.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the sides are neither.
    pub fn at(&self, sides: &[i64]) -> Result<Tensor, MimError> {
        Ok(self.level(sides)?.mask.shallow_clone())
    }

    /// The mask at the size of `map`, `(batch, channel, side…)`.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub fn like(&self, map: &Tensor) -> Result<Tensor, MimError> {
        self.at(map.size().get(2..).unwrap_or_default())
    }

    /// Whether cells of a map can be visible in part.
    pub(super) fn is_finer_than(&self, level: &Level) -> bool {
        let grid = self.grid();
        grid.iter()
            .zip(&level.sides)
            .any(|(cells, side)| cells > side)
    }

    pub(crate) fn level(&self, sides: &[i64]) -> Result<Rc<Level>, MimError> {
        if let Some(level) = self.levels.borrow().get(sides) {
            return Ok(Rc::clone(level));
        }
        let grid = self.grid();
        let nested = |(cells, side): (&i64, &i64)| {
            *side > 0 && *cells > 0 && (side % cells == 0 || cells % side == 0)
        };
        if grid.len() != sides.len() || !grid.iter().zip(sides).all(nested) {
            return Err(MimError::Shape {
                what: "feature map under a mask",
                expected: format!("multiples or divisors of the grid {grid:?}"),
                got: sides.to_vec(),
            });
        }
        let mut mask = self.grid.shallow_clone();
        for (axis, (cells, side)) in grid.iter().zip(sides).enumerate() {
            let axis = axis as i64 + 2;
            if side > cells {
                mask = mask.f_repeat_interleave_self_int(side / cells, axis, None)?;
            } else if side < cells {
                let under = [*side, cells / side];
                mask = mask
                    .f_unflatten(axis, under)?
                    .f_amax([axis + 1].as_slice(), false)?;
            }
        }
        let cells = mask.f_flatten(0, -1)?.f_nonzero()?.f_squeeze_dim(1)?;
        let in_sample: i64 = sides.iter().product();
        let level = Rc::new(Level {
            sides: sides.to_vec(),
            sample: cells.f_div_scalar_mode(in_sample, "floor")?,
            mask,
            cells,
        });
        let entry = Rc::clone(&level);
        self.levels.borrow_mut().insert(sides.to_vec(), entry);
        Ok(level)
    }

    /// For windows of `kernel` cells a side, `stride` ≥ `kernel` apart, which never leave a cell of the coarser map `to`:
    /// the rows of `from`'s visible cells that make each visible cell of `to`, `(cell · kernel^d)`. A hidden cell, which
    /// there is where the mask is finer than `to`, has the row after the last.
    pub(crate) fn windows(
        &self,
        from: &Level,
        to: &Level,
        kernel: i64,
        stride: i64,
    ) -> Result<Tensor, MimError> {
        let key = (from.sides.clone(), kernel, stride);
        if let Some(rows) = self.windows.borrow().get(&key) {
            return Ok(rows.shallow_clone());
        }
        let device = from.cells.device();
        let all = from.batch() * from.sides.iter().product::<i64>();
        let options = (Kind::Int64, device);
        let numbers = Tensor::f_arange(from.visible(), options)?;
        let row_of_cell = Tensor::f_full([all], from.visible(), options)?.f_index_copy(
            0,
            &from.cells,
            &numbers,
        )?;
        // The first cell of each window, and then the steps to its others.
        let mut rest = to.cells.shallow_clone();
        let mut first = Tensor::f_zeros_like(&to.cells)?;
        let mut steps = Tensor::f_zeros([1], options)?;
        let in_sample: i64 = from.sides.iter().product();
        let mut place = 1;
        for (fine, coarse) in from.sides.iter().zip(&to.sides).rev() {
            let along = rest.f_remainder(*coarse)?;
            rest = rest.f_div_scalar_mode(*coarse, "floor")?;
            first = first.f_add(&along.f_mul_scalar(stride * place)?)?;
            let offsets = Tensor::f_arange(kernel, options)?.f_mul_scalar(place)?;
            steps = offsets
                .f_view([-1, 1])?
                .f_add(&steps.f_view([1, -1])?)?
                .f_flatten(0, -1)?;
            place *= fine;
        }
        first = first.f_add(&rest.f_mul_scalar(in_sample)?)?;
        let cells = first.f_view([-1, 1])?.f_add(&steps.f_view([1, -1])?)?;
        let rows = row_of_cell.f_index_select(0, &cells.f_flatten(0, -1)?)?;
        self.windows.borrow_mut().insert(key, rows.shallow_clone());
        Ok(rows)
    }
}
