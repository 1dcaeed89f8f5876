//! How much to hide, and where.

use serde::{Deserialize, Serialize};

use crate::MaskError;
use crate::error::check_share;

/// How much is hidden, and where. Counts come from shares by a [`crate::Rounding`]; within what a
/// policy leaves open, every cell is as likely as any other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Policy {
    /// All cells alike (MAE, arXiv 2111.06377): the control that others are compared with.
    Random {
        /// Share of all cells to hide.
        ratio: f64,
    },
    /// Blocks of neighbouring cells (`BEiT`, arXiv 2106.08254, algorithm 1), in 3-D cuboids. Each covers
    /// a visible cell drawn at random, where `BEiT` draws a corner, so that every block hides something;
    /// the last is cut short in raster order, so that the count is exact.
    Block {
        /// Share of all cells to hide.
        ratio: f64,
        /// Cells of the smallest block, before its sides are rounded and kept within the grid.
        #[serde(default = "one")]
        min_cells: usize,
        /// The longest side of a block over its shortest is at most this; `BEiT`'s 1 / 0.3.
        #[serde(default = "beit_aspect")]
        max_aspect: f64,
    },
    /// A share of the region's cells and another of the rest (MWM, arXiv 2509.23054, its
    /// `targeted_mask`). The overall share then depends on the region's size.
    Region {
        /// Share of the region's cells to hide.
        high: f64,
        /// Share of the other cells to hide.
        low: f64,
    },
    /// A fixed share of all cells, the region's hidden more by `contrast` as far as that is possible:
    /// MWM's two shares, solved for each image from high·r + low·(1 − r) = ratio with a region that is
    /// the share r of all cells. What MWM and a random control need to be compared fairly.
    #[serde(alias = "overall")]
    RegionBudget {
        /// Share of all cells to hide.
        ratio: f64,
        /// Share hidden of the region minus share hidden of the rest.
        contrast: f64,
    },
    /// A share for each of several parts: MWM's rule for more than two.
    Graded {
        /// Share to hide of part 0 (the rest), of part 1, and so on.
        ratios: Vec<f64>,
    },
    /// A fixed share of all cells, drawn without replacement with chances in proportion to a heat map
    /// (Efraimidis and Spirakis 2006, algorithm A).
    Heat {
        /// Share of all cells to hide.
        ratio: f64,
        /// What a cell of no heat weighs where the hottest weighs 1. At 0 it is hidden only when
        /// nothing warmer is left.
        #[serde(default)]
        floor: f64,
    },
    /// A fixed share of all cells, spread over parts (`SemMAE`, arXiv 2206.10207): between the
    /// same share of each part (`whole` 0) and whole parts in random order (`whole` 1), where only
    /// the last is hidden in part. Counts of parts come by largest remainder; they add up.
    SemParts {
        /// Share of all cells to hide.
        ratio: f64,
        /// Weight of whole parts; `SemMAE`'s training goes from 0 to 1.
        whole: f64,
    },
    /// A fixed share of all cells, some of them those with the highest loss before, the others random
    /// (`AnatoMask`, arXiv 2407.06468; HPM, arXiv 2304.05919).
    LossGuided {
        /// Share of all cells to hide.
        ratio: f64,
        /// Share of the hidden cells that the loss decides, the nearest count. `AnatoMask`'s training
        /// goes from 0 to 0.5.
        share: f64,
    },
    /// A fixed share of all cells, those with most attention or those with least (`AttMask`, arXiv
    /// 2203.12719).
    Attention {
        /// Share of all cells to hide.
        ratio: f64,
        /// Which end of the map is hidden.
        hide: Ranked,
        /// Share of all cells, the nearest count, to reveal at random among those that would be
        /// hidden; the next in rank take their place. AttMask-Hint is `highest` with 0.1 here.
        #[serde(default)]
        show: f64,
    },
}

/// Which end of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ranked {
    /// Its highest values (AttMask-High).
    Highest,
    /// Its lowest: what matters stays visible (AttMask-Low).
    Lowest,
}

fn one() -> usize {
    1
}

fn beit_aspect() -> f64 {
    1.0 / 0.3
}

impl Policy {
    /// Blocks of `BEiT`'s shape, of at least one cell.
    pub fn block(ratio: f64) -> Self {
        Self::Block {
            ratio,
            min_cells: one(),
            max_aspect: beit_aspect(),
        }
    }

    /// The name it has in a configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Random { .. } => "random",
            Self::Block { .. } => "block",
            Self::Region { .. } => "region",
            Self::RegionBudget { .. } => "region-budget",
            Self::Graded { .. } => "graded",
            Self::Heat { .. } => "heat",
            Self::SemParts { .. } => "sem-parts",
            Self::LossGuided { .. } => "loss-guided",
            Self::Attention { .. } => "attention",
        }
    }

    /// Whether its settings are in range. Drawing checks this first.
    ///
    /// # Errors
    /// [`MaskError::Ratio`], [`MaskError::Inverted`], [`MaskError::Setting`].
    pub fn validate(&self) -> Result<(), MaskError> {
        match self {
            Self::Random { ratio } => check_share("ratio", *ratio),
            Self::Block {
                ratio,
                min_cells,
                max_aspect,
            } => {
                check_share("ratio", *ratio)?;
                let setting = |name, expected, got| MaskError::Setting {
                    name,
                    expected,
                    got,
                };
                if *min_cells == 0 {
                    return Err(setting("min_cells", "at least 1", min_cells.to_string()));
                }
                // 1000 is a line on any grid there is; infinity would give NaN for sides.
                if !(1.0..=1000.0).contains(max_aspect) {
                    return Err(setting("max_aspect", "1 to 1000", max_aspect.to_string()));
                }
                Ok(())
            }
            Self::Region { high, low } => {
                check_share("high", *high)?;
                check_share("low", *low)?;
                if high < low {
                    let (high, low) = (*high, *low);
                    return Err(MaskError::Inverted { high, low });
                }
                Ok(())
            }
            Self::RegionBudget { ratio, contrast } => {
                check_share("ratio", *ratio)?;
                check_share("contrast", *contrast)
            }
            Self::Graded { ratios } => {
                if ratios.is_empty() {
                    return Err(MaskError::Setting {
                        name: "ratios",
                        expected: "a share for each part, part 0 first",
                        got: "empty".to_owned(),
                    });
                }
                ratios.iter().try_for_each(|r| check_share("ratios", *r))
            }
            Self::Heat { ratio, floor } => {
                check_share("ratio", *ratio)?;
                check_share("floor", *floor)
            }
            Self::SemParts { ratio, whole } => {
                check_share("ratio", *ratio)?;
                check_share("whole", *whole)
            }
            Self::LossGuided { ratio, share } => {
                check_share("ratio", *ratio)?;
                check_share("share", *share)
            }
            Self::Attention { ratio, show, .. } => {
                check_share("ratio", *ratio)?;
                check_share("show", *show)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Policy {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn configuration_is_read_as_written() {
        for json in [
            r#"{"kind":"random","ratio":0.6}"#,
            r#"{"kind":"block","ratio":0.4,"min_cells":4,"max_aspect":2.0}"#,
            r#"{"kind":"region","high":0.8,"low":0.4}"#,
            r#"{"kind":"region-budget","ratio":0.6,"contrast":0.2}"#,
            r#"{"kind":"graded","ratios":[0.3,0.6,0.9]}"#,
            r#"{"kind":"heat","ratio":0.5,"floor":0.1}"#,
            r#"{"kind":"sem-parts","ratio":0.75,"whole":0.5}"#,
            r#"{"kind":"loss-guided","ratio":0.6,"share":0.5}"#,
            r#"{"kind":"attention","ratio":0.3,"hide":"highest","show":0.1}"#,
        ] {
            let policy = read(json);
            assert_eq!(serde_json::to_string(&policy).unwrap(), json);
            assert!(json.contains(&format!("\"{}\"", policy.kind())));
            assert_eq!(policy.validate(), Ok(()));
        }
        for (short, long) in [
            (
                r#"{"kind":"overall","ratio":0.6,"contrast":0.2}"#,
                Policy::RegionBudget {
                    ratio: 0.6,
                    contrast: 0.2,
                },
            ),
            (r#"{"kind":"block","ratio":0.4}"#, Policy::block(0.4)),
            (
                r#"{"kind":"attention","ratio":0.4,"hide":"lowest"}"#,
                Policy::Attention {
                    ratio: 0.4,
                    hide: Ranked::Lowest,
                    show: 0.0,
                },
            ),
        ] {
            assert_eq!(read(short), long);
        }
        for wrong in [
            r#"{"kind":"random","ratio":0.6,"low":0.1}"#,
            r#"{"kind":"region","high":0.8}"#,
            r#"{"kind":"Random","ratio":0.6}"#,
            r#"{"ratio":0.6}"#,
        ] {
            assert!(serde_json::from_str::<Policy>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        for (json, part) in [
            (r#"{"kind":"random","ratio":1.1}"#, "ratio is 1.1"),
            (r#"{"kind":"region","high":0.2,"low":0.4}"#, "at least low"),
            (
                r#"{"kind":"region","high":-0.2,"low":-0.4}"#,
                "high is -0.2",
            ),
            (
                r#"{"kind":"region-budget","ratio":0.5,"contrast":2}"#,
                "contrast is 2",
            ),
            (
                r#"{"kind":"block","ratio":0.5,"min_cells":0}"#,
                "min_cells is 0",
            ),
            (
                r#"{"kind":"block","ratio":0.5,"max_aspect":0.3}"#,
                "max_aspect is 0.3",
            ),
            (r#"{"kind":"graded","ratios":[]}"#, "ratios is empty"),
            (r#"{"kind":"graded","ratios":[0.1,7]}"#, "ratios is 7"),
            (r#"{"kind":"heat","ratio":0.5,"floor":-1}"#, "floor is -1"),
            (
                r#"{"kind":"sem-parts","ratio":0.5,"whole":1.5}"#,
                "whole is 1.5",
            ),
            (
                r#"{"kind":"loss-guided","ratio":0.5,"share":3}"#,
                "share is 3",
            ),
            (
                r#"{"kind":"attention","ratio":0.5,"hide":"lowest","show":9}"#,
                "show is 9",
            ),
        ] {
            let message = read(json).validate().unwrap_err().to_string();
            assert!(message.contains(part), "{message} lacks {part}");
        }
        let nan = Policy::Random { ratio: f64::NAN };
        assert!(nan.validate().is_err());
        let infinite = Policy::Block {
            ratio: 0.5,
            min_cells: 1,
            max_aspect: f64::INFINITY,
        };
        assert!(infinite.validate().is_err());
    }
}
