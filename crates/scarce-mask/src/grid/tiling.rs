//! Which pixels lie in which cell.

use std::ops::Range;

use ndarray::{ArrayView, ArrayView1, Axis, Dimension};

use crate::MaskError;

/// Cells laid over pixels along each axis: where the sides do not divide, cell k of g spans the
/// pixels ⌊k·n/g⌋ to ⌊(k+1)·n/g⌋ of n.
pub(crate) struct Tiling {
    /// Along each axis where the cells begin, and the end of the last.
    bounds: Vec<Vec<usize>>,
}

impl Tiling {
    pub(crate) fn new(pixels: &[usize], grid: &[usize]) -> Result<Self, MaskError> {
        let fits = pixels.len() == grid.len() && pixels.iter().zip(grid).all(|(n, g)| *g <= *n);
        if !fits || grid.contains(&0) || grid.is_empty() {
            return Err(MaskError::Grid {
                grid: grid.to_vec(),
                pixels: pixels.to_vec(),
            });
        }
        let along = |(n, g): (&usize, &usize)| (0..=*g).map(|k| k * n / g).collect();
        Ok(Self {
            bounds: pixels.iter().zip(grid).map(along).collect(),
        })
    }

    /// Cells in all.
    pub(crate) fn cells(&self) -> usize {
        self.bounds.iter().map(|b| b.len() - 1).product()
    }

    /// The first pixel of a cell.
    pub(crate) fn first_pixel<D: Dimension>(&self, cell: &D) -> D {
        let mut pixel = cell.clone();
        for (axis, bounds) in self.bounds.iter().enumerate() {
            pixel[axis] = bounds[cell[axis]];
        }
        pixel
    }

    /// Hands over every row of pixels piece by piece, each with the cell it lies in (counted in raster
    /// order): one pass through memory, however the cells lie.
    pub(crate) fn pieces<'a, T, D: Dimension>(
        &self,
        pixels: &'a ArrayView<'_, T, D>,
        mut visit: impl FnMut(usize, ArrayView1<'a, T>),
    ) {
        let columns = self.columns();
        self.rows(pixels, |first, row| {
            // Split in turn: slices of a row by index would be checked anew for every cell.
            let mut rest = row;
            for (column, bounds) in columns.windows(2).enumerate() {
                let (piece, others) = rest.split_at(Axis(0), bounds[1] - bounds[0]);
                visit(first + column, piece);
                rest = others;
            }
        });
    }

    /// The cells in which `inside` has any pixel, in raster order. Rows of cells are gathered before
    /// they are cut up, which is as fast as memory can be read.
    pub(crate) fn any<D: Dimension>(&self, inside: &ArrayView<'_, bool, D>) -> Vec<bool> {
        let columns = self.columns();
        let width = columns.last().copied().unwrap_or(0);
        let mut cells = vec![false; self.cells()];
        let mut gathered = vec![false; width];
        let mut cut_up = |first: usize, gathered: &mut [bool]| {
            for (column, bounds) in columns.windows(2).enumerate() {
                cells[first + column] |= any(&gathered[bounds[0]..bounds[1]]);
            }
            gathered.fill(false);
        };
        if let Some(pixels) = inside.as_slice() {
            for (first, rows) in self.bands() {
                gather(&pixels[rows.start * width..rows.end * width], &mut gathered);
                cut_up(first, &mut gathered);
            }
            return cells;
        }
        let mut current = 0;
        self.rows(inside, |first, row| {
            if first != current {
                cut_up(current, &mut gathered);
                current = first;
            }
            gathered.iter_mut().zip(row).for_each(|(g, v)| *g |= v);
        });
        cut_up(current, &mut gathered);
        cells
    }

    /// Rows of pixels, counted in raster order, that run through the same cells, with the first of
    /// these.
    fn bands(&self) -> Vec<(usize, Range<usize>)> {
        let mut bands = vec![(0, 0..1)];
        let before = &self.bounds[..self.bounds.len().saturating_sub(1)];
        for bounds in before {
            let (cells, length) = (bounds.len() - 1, bounds[bounds.len() - 1]);
            let outer = bands
                .iter()
                .flat_map(|(band, rows)| rows.clone().map(move |row| (band, row)));
            bands = outer
                .flat_map(|(band, row)| {
                    bounds.windows(2).enumerate().map(move |(cell, along)| {
                        let rows = row * length + along[0]..row * length + along[1];
                        (band * cells + cell, rows)
                    })
                })
                .collect();
        }
        let columns = self.columns().len().saturating_sub(1);
        for (first, _) in &mut bands {
            *first *= columns;
        }
        bands
    }

    /// Where the cells begin along the last axis, and the end of the last.
    fn columns(&self) -> &[usize] {
        self.bounds.last().map_or(&[], Vec::as_slice)
    }

    /// Hands over every row of pixels with the first of the cells it runs through.
    fn rows<'a, T, D: Dimension>(
        &self,
        pixels: &'a ArrayView<'_, T, D>,
        mut visit: impl FnMut(usize, ArrayView1<'a, T>),
    ) {
        let Some((last, before)) = self.bounds.split_last() else {
            return;
        };
        let mut at = vec![0; before.len()];
        let mut cell = vec![0; before.len()];
        for row in pixels.rows() {
            let band = before
                .iter()
                .zip(&cell)
                .fold(0, |index, (bounds, k)| index * (bounds.len() - 1) + k);
            visit(band * (last.len() - 1), row);
            for axis in (0..before.len()).rev() {
                at[axis] += 1;
                if at[axis] == before[axis][cell[axis] + 1] {
                    cell[axis] += 1;
                }
                if cell[axis] < before[axis].len() - 1 {
                    break;
                }
                (at[axis], cell[axis]) = (0, 0);
            }
        }
    }
}

/// Joins rows as wide as `gathered` into it, by fours, so that it is loaded and stored once for four.
fn gather(rows: &[bool], gathered: &mut [bool]) {
    let width = gathered.len().max(1);
    let mut fours = rows.chunks_exact(4 * width);
    for four in &mut fours {
        let (ab, cd) = four.split_at(2 * width);
        let ((a, b), (c, d)) = (ab.split_at(width), cd.split_at(width));
        let pairs = a.iter().zip(b).zip(c.iter().zip(d));
        for (g, ((a, b), (c, d))) in gathered.iter_mut().zip(pairs) {
            *g |= a | b | c | d;
        }
    }
    for row in fours.remainder().chunks_exact(width) {
        gathered.iter_mut().zip(row).for_each(|(g, v)| *g |= v);
    }
}

/// Whether any is true. Looks at blocks without a branch in them, so that the compiler takes many at
/// once.
pub(crate) fn any(values: &[bool]) -> bool {
    values
        .chunks(256)
        .any(|block| block.iter().fold(false, |any, v| any | v))
}
