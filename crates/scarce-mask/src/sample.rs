//! Drawing a mask and accounting for it.

use ndarray::Array2;
use rand::Rng;
use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{Policy, RegionGrid, Rounding};

/// Why no mask was drawn.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum MaskError {
    /// A share is no share.
    #[error("{name} is {value}, expected 0 to 1")]
    Ratio {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// The policy would hide the region less than the rest.
    #[error("high is {high} and low {low}: expected high to be at least low")]
    Inverted {
        /// Share of the region.
        high: f64,
        /// Share of the rest.
        low: f64,
    },
    /// A grid without cells, or finer than what it is laid over.
    #[error(
        "a grid of {grid:?} cells over {pixels:?} pixels (y, x): expected 1 to as many cells as pixels"
    )]
    Grid {
        /// Cells along y and x.
        grid: [usize; 2],
        /// Pixels along y and x.
        pixels: [usize; 2],
    },
    /// All or nothing would be hidden.
    #[error(
        "{hidden} of {cells} cells would be hidden: a network needs at least one visible and one hidden"
    )]
    Degenerate {
        /// Cells to hide.
        hidden: usize,
        /// Cells in all.
        cells: usize,
    },
}

/// Which patches are hidden, and the account of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PatchMask {
    /// `(row, column)`, true = hidden; a list of rows when serialized.
    #[serde(serialize_with = "rows")]
    pub hidden: Array2<bool>,
    /// What was asked and what came of it.
    pub audit: Audit,
}

/// What was asked of a mask and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// Cells in all.
    pub cells: usize,
    /// Cells of the region.
    pub region_cells: usize,
    /// Hidden cells in all.
    pub hidden: usize,
    /// Hidden cells of the region.
    pub hidden_region: usize,
    /// Hidden cells of the rest.
    pub hidden_background: usize,
    /// Share of all cells asked to be hidden; follows from the region's size under
    /// [`Policy::Region`].
    pub asked: f64,
    /// Share of the region asked to be hidden, as the policy came to it: always 0 to 1.
    pub asked_region: f64,
    /// Share of the rest asked to be hidden.
    pub asked_background: f64,
    /// Share of all cells that is hidden.
    pub achieved: f64,
    /// Share of the region's cells that is hidden; none without a region.
    pub achieved_region: Option<f64>,
    /// Share of the other cells that is hidden; none where all is region.
    pub achieved_background: Option<f64>,
    /// What could not be done as asked.
    pub warnings: Vec<String>,
}

/// Draws a mask from the stream that `key` names.
///
/// # Errors
/// [`MaskError`] for shares that are none, and for masks that would hide all or nothing.
pub fn sample(
    grid: &RegionGrid,
    policy: &Policy,
    rounding: Rounding,
    seed: Seed,
    key: StreamKey<'_>,
) -> Result<PatchMask, MaskError> {
    let mut rng = seed.stream(key);
    let (mut region, mut background): (Vec<_>, Vec<_>) = {
        let indices = grid
            .cells()
            .indexed_iter()
            .map(|(at, inside)| (at, *inside));
        let (region, background): (Vec<_>, Vec<_>) = indices.partition(|(_, inside)| *inside);
        let strip = |v: Vec<((usize, usize), bool)>| v.into_iter().map(|(at, _)| at).collect();
        (strip(region), strip(background))
    };
    let plan = Plan::new(policy, rounding, region.len(), background.len())?;
    let cells = region.len() + background.len();
    let hidden_count = match plan.counts {
        Counts::Apart { region, background } => region + background,
        Counts::Together(n) => n,
    };
    if hidden_count == 0 || hidden_count == cells {
        return Err(MaskError::Degenerate {
            hidden: hidden_count,
            cells,
        });
    }
    let chosen: Vec<(usize, usize)> = match plan.counts {
        Counts::Apart {
            region: r,
            background: b,
        } => {
            let of_region = draw(&mut region, r, &mut rng);
            let of_background = draw(&mut background, b, &mut rng);
            [of_region, of_background].concat()
        }
        Counts::Together(n) => {
            let mut all: Vec<(usize, usize)> =
                grid.cells().indexed_iter().map(|(at, _)| at).collect();
            draw(&mut all, n, &mut rng)
        }
    };
    let mut hidden = Array2::from_elem(grid.cells().raw_dim(), false);
    for at in chosen {
        hidden[at] = true;
    }
    let hidden_region = hidden
        .iter()
        .zip(grid.cells())
        .filter(|(hidden, inside)| **hidden && **inside)
        .count();
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    let audit = Audit {
        cells,
        region_cells: region.len(),
        hidden: hidden_count,
        hidden_region,
        hidden_background: hidden_count - hidden_region,
        asked: plan.asked,
        asked_region: plan.asked_region,
        asked_background: plan.asked_background,
        achieved: hidden_count as f64 / cells as f64,
        achieved_region: share(hidden_region, region.len()),
        achieved_background: share(hidden_count - hidden_region, background.len()),
        warnings: plan.warnings,
    };
    Ok(PatchMask { hidden, audit })
}

fn draw<T: Copy>(from: &mut [T], count: usize, rng: &mut impl Rng) -> Vec<T> {
    from.partial_shuffle(rng, count).0.to_vec()
}

enum Counts {
    /// Counted in the region and in the rest.
    Apart { region: usize, background: usize },
    /// Counted over all cells, wherever they lie.
    Together(usize),
}

fn rows<S: Serializer>(hidden: &Array2<bool>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hidden.outer_iter().map(|row| row.to_vec()))
}

struct Plan {
    counts: Counts,
    asked: f64,
    asked_region: f64,
    asked_background: f64,
    warnings: Vec<String>,
}

impl Plan {
    fn new(
        policy: &Policy,
        rounding: Rounding,
        region: usize,
        background: usize,
    ) -> Result<Self, MaskError> {
        let mut warnings = Vec::new();
        if region == 0 && !matches!(policy, Policy::Random { .. }) {
            warnings.push("the region has no cell: all cells count as background".to_owned());
        }
        let cells = region + background;
        match *policy {
            Policy::Random { ratio } => {
                check_share("ratio", ratio)?;
                let counts = Counts::Together(rounding.hidden(cells, ratio));
                Ok(Self {
                    counts,
                    asked: ratio,
                    asked_region: ratio,
                    asked_background: ratio,
                    warnings,
                })
            }
            Policy::Region { high, low } => {
                check_share("high", high)?;
                check_share("low", low)?;
                if high < low {
                    return Err(MaskError::Inverted { high, low });
                }
                let counts = Counts::Apart {
                    region: rounding.hidden(region, high),
                    background: rounding.hidden(background, low),
                };
                Ok(Self {
                    counts,
                    asked: (high * region as f64 + low * background as f64) / cells as f64,
                    asked_region: high,
                    asked_background: low,
                    warnings,
                })
            }
            Policy::Overall { ratio, contrast } => {
                check_share("ratio", ratio)?;
                check_share("contrast", contrast)?;
                let [high, low] = shares_for(ratio, contrast, region as f64 / cells as f64);
                let total = rounding.hidden(cells, ratio);
                let most = region.min(total);
                let least = total.saturating_sub(background);
                let in_region = rounding.hidden(region, high).clamp(least, most);
                if region == cells && contrast > 0.0 {
                    warnings
                        .push("the region has every cell: nothing to contrast it with".to_owned());
                } else if region > 0 && high - low < contrast - 1e-9 {
                    warnings.push(format!(
                        "a contrast of {contrast} is out of reach at a ratio of {ratio} and {region} of {cells} cells: {:.3} is asked",
                        high - low
                    ));
                }
                Ok(Self {
                    counts: Counts::Apart {
                        region: in_region,
                        background: total - in_region,
                    },
                    asked: ratio,
                    asked_region: high,
                    asked_background: low,
                    warnings,
                })
            }
        }
    }
}

/// The shares `[high, low]` of the region and of the rest with high·r + low·(1 − r) = ratio, for a
/// region that is the share `r` of all cells. They differ by `contrast`, or by what comes nearest to
/// it with both in 0 to 1.
fn shares_for(ratio: f64, contrast: f64, r: f64) -> [f64; 2] {
    let (high, low) = (ratio + contrast * (1.0 - r), ratio - contrast * r);
    // Of the two ends at most one can be beyond its limit, for a contrast of at most 1.
    if high > 1.0 && r < 1.0 {
        [1.0, ((ratio - r) / (1.0 - r)).clamp(0.0, 1.0)]
    } else if low < 0.0 && r > 0.0 {
        [(ratio / r).min(1.0), 0.0]
    } else {
        [high.min(1.0), low.max(0.0)]
    }
}

pub(crate) fn check_share(name: &'static str, value: f64) -> Result<(), MaskError> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(MaskError::Ratio { name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: usize, columns: usize, region: usize) -> RegionGrid {
        let mut left = region;
        RegionGrid::new(Array2::from_shape_fn((rows, columns), |_| {
            let inside = left > 0;
            left = left.saturating_sub(1);
            inside
        }))
        .unwrap()
    }

    fn masked(grid: &RegionGrid, policy: Policy, epoch: u64) -> Result<PatchMask, MaskError> {
        let key = StreamKey {
            epoch,
            sample_id: "scan",
            purpose: "mask",
        };
        sample(grid, &policy, Rounding::Nearest, Seed(1), key)
    }

    #[test]
    fn counts_are_exact() {
        for (cells, region, policy, hidden_region, hidden) in [
            (
                7,
                10,
                Policy::Region {
                    high: 0.8,
                    low: 0.4,
                },
                8,
                8 + 16,
            ),
            (
                7,
                10,
                Policy::Overall {
                    ratio: 0.6,
                    contrast: 0.4,
                },
                9,
                29,
            ),
            (
                7,
                10,
                Policy::Overall {
                    ratio: 0.9,
                    contrast: 0.9,
                },
                10,
                44,
            ),
            (
                7,
                0,
                Policy::Region {
                    high: 0.8,
                    low: 0.4,
                },
                0,
                20,
            ),
            (
                7,
                49,
                Policy::Region {
                    high: 0.8,
                    low: 0.4,
                },
                39,
                39,
            ),
        ] {
            let mask = masked(&grid(cells, cells, region), policy, 0).unwrap();
            let got = (mask.audit.hidden_region, mask.audit.hidden);
            assert_eq!(
                got,
                (hidden_region, hidden),
                "{policy:?}, {region} region cells"
            );
            assert_eq!(mask.hidden.iter().filter(|h| **h).count(), hidden);
            assert_eq!(
                mask.audit.warnings.is_empty(),
                region > 0 && !matches!(policy, Policy::Overall { ratio: 0.9, .. })
            );
        }
        let random = masked(&grid(7, 7, 10), Policy::Random { ratio: 0.6 }, 0).unwrap();
        assert_eq!(random.audit.hidden, 29);
    }

    #[test]
    fn shares_keep_the_ratio_and_stay_shares() {
        for (ratio, contrast, r, expected) in [
            (0.6, 0.4, 0.5, [0.8, 0.4]),
            (0.6, 0.4, 0.0, [1.0, 0.6]),
            (0.6, 0.4, 1.0, [0.6, 0.2]),
            (0.9, 0.9, 0.25, [1.0, 0.65 / 0.75]),
            (0.2, 0.8, 0.5, [0.4, 0.0]),
            (0.5, 1.0, 0.5, [1.0, 0.0]),
            (0.0, 1.0, 0.5, [0.0, 0.0]),
        ] {
            let [high, low] = shares_for(ratio, contrast, r);
            let off = (high - expected[0]).abs().max((low - expected[1]).abs());
            assert!(off < 1e-12, "{ratio} {contrast} {r}: {high} {low}");
        }
        for k in 0..=20 * 20 * 20 {
            let part = |k: i32| f64::from(k % 20) / 20.0 + 0.025;
            let (ratio, contrast, r) = (part(k), part(k / 20), part(k / 400));
            let [high, low] = shares_for(ratio, contrast, r);
            assert!((0.0..=1.0).contains(&high) && (0.0..=1.0).contains(&low));
            assert!((high * r + low * (1.0 - r) - ratio).abs() < 1e-12);
            assert!(low <= high && high - low <= contrast + 1e-12);
        }
    }

    #[test]
    fn a_mask_is_written_as_rows() {
        let policy = Policy::Random { ratio: 0.5 };
        let mask = masked(&grid(1, 2, 0), policy, 0).unwrap();
        let json = serde_json::to_value(&mask).unwrap();
        let row = [mask.hidden[[0, 0]], mask.hidden[[0, 1]]];
        assert_eq!(json["hidden"], serde_json::json!([row]));
        assert_eq!(json["audit"]["hidden"], 1);
    }

    #[test]
    fn a_mask_is_a_function_of_its_key_and_reaches_every_cell() {
        let grid = grid(5, 5, 6);
        let policy = Policy::Region {
            high: 0.5,
            low: 0.25,
        };
        assert_eq!(masked(&grid, policy, 3), masked(&grid, policy, 3));
        let mut hits = Array2::<u32>::zeros((5, 5));
        for epoch in 0..2000 {
            hits += &masked(&grid, policy, epoch).unwrap().hidden.mapv(u32::from);
        }
        for (hits, inside) in hits.iter().zip(grid.cells()) {
            let expected = if *inside { 1000.0 } else { 2000.0 * 5.0 / 19.0 };
            assert!(
                (f64::from(*hits) - expected).abs() < 0.12 * expected,
                "{hits} of {expected}"
            );
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        for (policy, part) in [
            (Policy::Random { ratio: f64::NAN }, "ratio is NaN"),
            (Policy::Random { ratio: 1.1 }, "ratio is 1.1"),
            (
                Policy::Region {
                    high: 0.2,
                    low: 0.4,
                },
                "high to be at least low",
            ),
            (Policy::Random { ratio: 1.0 }, "49 of 49"),
            (
                Policy::Region {
                    high: 0.0,
                    low: 0.0,
                },
                "0 of 49",
            ),
        ] {
            let message = masked(&grid(7, 7, 5), policy, 0).unwrap_err().to_string();
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }
}
