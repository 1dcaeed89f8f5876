//! Blocks of neighbouring cells.

use rand::Rng;

/// How blocks lie on a grid.
pub(super) struct Blocks<'a> {
    pub(super) shape: &'a [usize],
    pub(super) min_cells: usize,
    pub(super) max_aspect: f64,
}

impl Blocks<'_> {
    /// Hides `total` cells by blocks, the last of them cut short.
    pub(super) fn hide(&self, total: usize, rng: &mut impl Rng) -> Vec<bool> {
        let mut hidden = vec![false; self.shape.iter().product()];
        // Visible cells in any order, and where each is among them.
        let mut visible: Vec<usize> = (0..hidden.len()).collect();
        let mut place: Vec<usize> = visible.clone();
        let mut left = total;
        while left > 0 {
            let anchor = self.coordinates(visible[rng.random_range(0..visible.len())]);
            let cells = rng.random_range(self.min_cells..=left.max(self.min_cells));
            let sides = self.sides(cells, rng);
            let corner: Vec<usize> = (0..self.shape.len())
                .map(|axis| {
                    let first = (anchor[axis] + 1).saturating_sub(sides[axis]);
                    let last = anchor[axis].min(self.shape[axis] - sides[axis]);
                    rng.random_range(first..=last)
                })
                .collect();
            self.each_cell(&corner, &sides, |cell| {
                if left > 0 && !hidden[cell] {
                    hidden[cell] = true;
                    left -= 1;
                    let gap = place[cell];
                    visible.swap_remove(gap);
                    if let Some(moved) = visible.get(gap) {
                        place[*moved] = gap;
                    }
                }
            });
        }
        hidden
    }

    /// Sides of a block of about so many cells: their logarithms differ at most by that of the
    /// largest aspect, as `BEiT` draws them.
    fn sides(&self, cells: usize, rng: &mut impl Rng) -> Vec<usize> {
        let spread = self.max_aspect.ln();
        let logs: Vec<f64> = self
            .shape
            .iter()
            .map(|_| spread * rng.random::<f64>())
            .collect();
        let axes = self.shape.len() as f64;
        let mean = logs.iter().sum::<f64>() / axes;
        let side = (cells as f64).powf(1.0 / axes);
        self.shape
            .iter()
            .zip(logs)
            .map(|(most, log)| ((side * (log - mean).exp()).round() as usize).clamp(1, *most))
            .collect()
    }

    fn coordinates(&self, cell: usize) -> Vec<usize> {
        let mut rest = cell;
        let mut at = vec![0; self.shape.len()];
        for (axis, n) in self.shape.iter().enumerate().rev() {
            at[axis] = rest % n;
            rest /= n;
        }
        at
    }

    /// The cells of a block in raster order.
    fn each_cell(&self, corner: &[usize], sides: &[usize], mut visit: impl FnMut(usize)) {
        let block = Blocks {
            shape: sides,
            ..*self
        };
        for k in 0..sides.iter().product() {
            let within = block.coordinates(k);
            let cell = self
                .shape
                .iter()
                .zip(corner.iter().zip(within))
                .fold(0, |index, (n, (from, step))| index * n + from + step);
            visit(cell);
        }
    }
}

#[cfg(test)]
mod tests {
    use scarce_image::{Seed, StreamKey};

    use super::*;

    /// How many of the cells next to a hidden one are hidden, over a hundred masks of half the grid.
    fn hidden_neighbours(shape: &[usize], min_cells: usize) -> f64 {
        let blocks = Blocks {
            shape,
            min_cells,
            max_aspect: 2.0,
        };
        let cells: usize = shape.iter().product();
        let (mut hidden_pairs, mut pairs) = (0, 0);
        for epoch in 0..100 {
            let key = StreamKey {
                epoch,
                sample_id: "",
                purpose: "mask",
            };
            let hidden = blocks.hide(cells / 2, &mut Seed(5).stream(key));
            assert_eq!(hidden.iter().filter(|v| **v).count(), cells / 2);
            let columns = shape[shape.len() - 1];
            for cell in (0..cells).filter(|c| c % columns + 1 < columns && hidden[*c]) {
                pairs += 1;
                hidden_pairs += usize::from(hidden[cell + 1]);
            }
        }
        f64::from(hidden_pairs as u32) / f64::from(pairs)
    }

    #[test]
    fn blocks_hold_together() {
        for shape in [&[14, 14][..], &[8, 8, 8]] {
            let share = hidden_neighbours(shape, 16);
            // Half of them would be by chance.
            assert!(share > 0.65, "{shape:?}: {share}");
        }
        let thin = hidden_neighbours(&[1, 30], 5);
        assert!(thin > 0.65, "{thin}");
    }

    #[test]
    fn every_count_can_be_reached() {
        let blocks = Blocks {
            shape: &[3, 1, 5],
            min_cells: 4,
            max_aspect: 3.0,
        };
        for total in 0..=15 {
            let key = StreamKey {
                epoch: total,
                sample_id: "",
                purpose: "mask",
            };
            let hidden = blocks.hide(total as usize, &mut Seed(2).stream(key));
            assert_eq!(hidden.iter().filter(|v| **v).count(), total as usize);
        }
    }
}
