//! Voxels of each label in a prediction, its reference and both, in one pass over memory.

use std::ops::{BitOr, Range};

use ndarray::Array3;
use rayon::prelude::*;
use scarce_image::VoxelBox;

use super::overlap::Counts;

/// What one label covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) counts: Counts,
    /// Around the voxels of both maps together; none if there is none.
    pub(crate) bounds: Option<VoxelBox>,
}

impl Extent {
    const NOTHING: Self = Self {
        counts: Counts {
            prediction: 0,
            reference: 0,
            both: 0,
        },
        bounds: None,
    };

    fn with(self, other: Self) -> Self {
        Self {
            counts: self.counts.with(other.counts),
            bounds: match (self.bounds, other.bounds) {
                (Some(a), Some(b)) => Some(VoxelBox {
                    begin_zyx: [0, 1, 2].map(|i| a.begin_zyx[i].min(b.begin_zyx[i])),
                    end_zyx: [0, 1, 2].map(|i| a.end_zyx[i].max(b.end_zyx[i])),
                }),
                (a, b) => a.or(b),
            },
        }
    }
}

/// Rows handed to a thread at least.
const ROWS: usize = 64;

/// The extent of one value. Both arrays are of one shape and in C-order.
pub(crate) fn extent_of<T: Copy + PartialEq + Sync>(
    prediction: &Array3<T>,
    reference: &Array3<T>,
    value: T,
) -> Extent {
    let (_, ny, nx) = prediction.dim();
    pairs_of_rows(prediction, reference)
        .fold(
            || Columns::new(nx),
            |mut columns, (row, p, r)| {
                columns.add([row / ny, row % ny], p, r, value);
                columns
            },
        )
        .map(Columns::into_extent)
        .reduce(|| Extent::NOTHING, Extent::with)
}

/// The extents of many values, `slot` telling which of so many `slots` a value's is.
pub(crate) fn extents_of<T: Copy + PartialEq + Sync>(
    prediction: &Array3<T>,
    reference: &Array3<T>,
    slots: usize,
    slot: impl Fn(T) -> Option<usize> + Sync,
) -> Vec<Extent> {
    let nothing = || vec![Extent::NOTHING; slots];
    let (_, ny, _) = prediction.dim();
    pairs_of_rows(prediction, reference)
        .fold(nothing, |mut extents, (row, p, r)| {
            runs(p, r, |pair, x| {
                let [p, r] = pair.map(&slot);
                let length = |is: bool| if is { x.len() } else { 0 };
                let mut add = |slot: usize| {
                    extents[slot] = extents[slot].with(Extent {
                        counts: Counts {
                            prediction: length(p == Some(slot)),
                            reference: length(r == Some(slot)),
                            both: length(p == r),
                        },
                        bounds: Some(VoxelBox {
                            begin_zyx: [row / ny, row % ny, x.start],
                            end_zyx: [row / ny + 1, row % ny + 1, x.end],
                        }),
                    });
                };
                p.into_iter().for_each(&mut add);
                r.filter(|_| p != r).into_iter().for_each(&mut add);
            });
            extents
        })
        .reduce(nothing, |a, b| {
            a.into_iter().zip(b).map(|(a, b)| a.with(b)).collect()
        })
}

/// Rows along x with their numbers.
fn pairs_of_rows<'a, T: Sync>(
    prediction: &'a Array3<T>,
    reference: &'a Array3<T>,
) -> impl ParallelIterator<Item = (usize, &'a [T], &'a [T])> {
    // No row where there is no voxel.
    let nx = prediction.dim().2.max(1);
    let rows = |map: &'a Array3<T>| map.as_slice().unwrap_or_default().par_chunks_exact(nx);
    rows(prediction)
        .zip(rows(reference))
        .with_min_len(ROWS)
        .enumerate()
        .map(|(row, (p, r))| (row, p, r))
}

/// Counts by column, which vector code adds a row to at a stroke.
struct Columns {
    prediction: Vec<u8>,
    reference: Vec<u8>,
    both: Vec<u8>,
    /// Rows added since the bytes above were emptied: at 255 they are full.
    rows: u8,
    /// What they held, and the rows' part of the bounds.
    so_far: Extent,
}

impl Columns {
    fn new(nx: usize) -> Self {
        Self {
            prediction: vec![0; nx],
            reference: vec![0; nx],
            both: vec![0; nx],
            rows: 0,
            so_far: Extent::NOTHING,
        }
    }

    fn add<T: Copy + PartialEq>(&mut self, [z, y]: [usize; 2], p: &[T], r: &[T], value: T) {
        // Most rows are empty, and that is seen soonest.
        let holds = |row: &[T]| {
            row.iter()
                .map(|v| u8::from(*v == value))
                .fold(0, BitOr::bitor)
        };
        if holds(p) | holds(r) == 0 {
            return;
        }
        let counts = self.prediction.iter_mut().zip(&mut self.reference);
        let counts = counts.zip(&mut self.both);
        for (((in_p, in_r), in_both), (p, r)) in counts.zip(p.iter().zip(r)) {
            let (p, r) = (*p == value, *r == value);
            *in_p += u8::from(p);
            *in_r += u8::from(r);
            *in_both += u8::from(p & r);
        }
        // The columns' part of the bounds follows when they are emptied.
        self.so_far = self.so_far.with(Extent {
            bounds: Some(VoxelBox {
                begin_zyx: [z, y, usize::MAX],
                end_zyx: [z + 1, y + 1, 0],
            }),
            ..Extent::NOTHING
        });
        self.rows += 1;
        if self.rows == u8::MAX {
            self.empty();
        }
    }

    fn empty(&mut self) {
        let take = |columns: &mut [u8]| -> usize {
            let columns = columns.iter_mut().map(std::mem::take);
            columns.map(usize::from).sum()
        };
        if let Some(bounds) = &mut self.so_far.bounds {
            let columns = self.prediction.iter().zip(&self.reference).enumerate();
            for (x, _) in columns.filter(|(_, (p, r))| **p > 0 || **r > 0) {
                bounds.begin_zyx[2] = bounds.begin_zyx[2].min(x);
                bounds.end_zyx[2] = bounds.end_zyx[2].max(x + 1);
            }
        }
        self.so_far.counts = self.so_far.counts.with(Counts {
            prediction: take(&mut self.prediction),
            reference: take(&mut self.reference),
            both: take(&mut self.both),
        });
        self.rows = 0;
    }

    fn into_extent(mut self) -> Extent {
        self.empty();
        self.so_far
    }
}

/// Voxels looked at together. Most of a label map's rows are a few long runs, so most of these hold
/// one pair of labels.
const LANES: usize = 32;

/// Hands over each stretch of a pair of rows in which both keep their value.
fn runs<T: Copy + PartialEq>(p: &[T], r: &[T], mut run: impl FnMut([T; 2], Range<usize>)) {
    let (Some(a), Some(b)) = (p.first(), r.first()) else {
        return;
    };
    let (mut pair, mut begin) = ([*a, *b], 0);
    let chunks = p.chunks(LANES).zip(r.chunks(LANES));
    for (k, (p, r)) in chunks.enumerate() {
        // Without a way out in the middle, this is plain vector code.
        let others = |row: &[T], value: T| {
            row.iter()
                .map(|v| u8::from(*v != value))
                .fold(0, BitOr::bitor)
        };
        if others(p, pair[0]) | others(r, pair[1]) == 0 {
            continue;
        }
        for (i, (a, b)) in p.iter().zip(r).enumerate() {
            if [*a, *b] != pair {
                let x = k * LANES + i;
                run(pair, begin..x);
                (pair, begin) = ([*a, *b], x);
            }
        }
    }
    run(pair, begin..p.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every voxel of every label by itself.
    #[test]
    fn equals_counting_voxel_by_voxel() {
        for shape in [
            (1, 1, 1),
            (2, 3, 31),
            (3, 2, 100),
            (4, 5, 64),
            (2, 300, 3),
            (0, 3, 3),
            (3, 3, 0),
        ] {
            let labels = |seed: usize| {
                Array3::from_shape_fn(shape, |(z, y, x)| {
                    ((z * 7 + y * 5 + x / 9 * 3 + x / 40 + seed) % 4) as u16
                })
            };
            let (p, r) = (labels(0), labels(1));
            // Label 3 is not asked for, 9 is nowhere.
            let wanted = [1u16, 2, 9];
            let got = extents_of(&p, &r, 3, |v| wanted.iter().position(|w| *w == v));
            for (extent, label) in got.iter().zip(wanted) {
                let at = |map: &Array3<u16>| -> Vec<(usize, usize, usize)> {
                    let inside = map.indexed_iter().filter(|(_, v)| **v == label);
                    inside.map(|(at, _)| at).collect()
                };
                let alone = extent_of(&p, &r, label);
                let (p, r) = (at(&p), at(&r));
                let counts = Counts {
                    prediction: p.len(),
                    reference: r.len(),
                    both: p.iter().filter(|at| r.contains(at)).count(),
                };
                let all = || p.iter().chain(&r).map(|at| <[usize; 3]>::from(*at));
                let bounds = all().next().map(|_| VoxelBox {
                    begin_zyx: [0, 1, 2].map(|a| all().map(|at| at[a]).min().unwrap()),
                    end_zyx: [0, 1, 2].map(|a| all().map(|at| at[a] + 1).max().unwrap()),
                });
                let expected = Extent { counts, bounds };
                assert_eq!(*extent, expected, "{shape:?}, label {label}");
                assert_eq!(alone, expected, "{shape:?}, label {label} alone");
            }
        }
    }
}
