//! Drawing a mask and accounting for it.

mod blocks;
mod budget;
mod guard;
mod parts;
mod ranked;
mod weighted;

use ndarray::{Array, Dimension};
use rand::Rng;
use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};

use crate::audit::PartAudit;
use crate::{Audit, Guide, MaskConfig, MaskError, PatchMask, Policy, Rounding};

/// Which cells a policy chose, in raster order, and what it was asked for.
struct Choice {
    hidden: Vec<bool>,
    asked: Asked,
    warnings: Vec<String>,
}

struct Asked {
    overall: f64,
    region: Option<f64>,
    background: Option<f64>,
}

impl Asked {
    /// By a policy that names a share of all cells and doesn't look at the region.
    fn overall(ratio: f64) -> Self {
        Self {
            overall: ratio,
            region: None,
            background: None,
        }
    }
}

pub(crate) fn draw<D: Dimension>(
    guide: &Guide<'_, D>,
    config: &MaskConfig,
    seed: Seed,
    key: StreamKey<'_>,
) -> Result<PatchMask<D>, MaskError> {
    config.policy.validate()?;
    let mut rng = seed.stream(key);
    let mut choice = choose(guide, &config.policy, config.rounding, &mut rng)?;
    guard::apply(&mut choice, guide, config, &mut rng)?;
    let cells = guide.region().cells();
    let shape = cells.raw_dim();
    let audit = account(guide, &choice);
    let hidden = Array::from_shape_vec(shape, choice.hidden).map_err(|_| MaskError::Shape {
        what: "the mask",
        expected: cells.shape().to_vec(),
        got: vec![audit.cells],
    })?;
    Ok(PatchMask { hidden, audit })
}

fn choose<D: Dimension>(
    guide: &Guide<'_, D>,
    policy: &Policy,
    rounding: Rounding,
    rng: &mut impl Rng,
) -> Result<Choice, MaskError> {
    let region = guide.region();
    let cells = region.cells().len();
    let total = |ratio: f64| rounding.hidden(cells, ratio);
    let overall = |hidden, ratio| Choice {
        hidden,
        asked: Asked::overall(ratio),
        warnings: Vec::new(),
    };
    match policy {
        Policy::Random { ratio } => {
            let mut choice = overall(
                strata(cells, [((0..cells).collect(), total(*ratio))], rng),
                *ratio,
            );
            choice.asked.region = Some(*ratio);
            choice.asked.background = Some(*ratio);
            Ok(choice)
        }
        Policy::Block {
            ratio,
            min_cells,
            max_aspect,
        } => {
            let blocks = blocks::Blocks {
                shape: region.shape(),
                min_cells: *min_cells,
                max_aspect: *max_aspect,
            };
            Ok(overall(blocks.hide(total(*ratio), rng), *ratio))
        }
        Policy::Region { high, low } => Ok(budget::of_each(guide, [*high, *low], rounding, rng)),
        Policy::RegionBudget { ratio, contrast } => {
            Ok(budget::of_all(guide, *ratio, *contrast, rounding, rng))
        }
        Policy::Graded { ratios } => {
            parts::graded(guide.parts_for(policy.kind())?, ratios, rounding, rng)
        }
        Policy::SemParts { ratio, whole } => {
            let parts = guide.parts_for(policy.kind())?;
            let hidden = parts::spread(parts, total(*ratio), *whole, rng);
            Ok(overall(hidden, *ratio))
        }
        Policy::Heat { ratio, floor } => {
            let heat = guide.map_for(policy.kind())?.weights()?;
            let mut choice = overall(weighted::hide(&heat, *floor, total(*ratio), rng), *ratio);
            if heat.iter().all(|v| *v == heat[0]) {
                let told = "the heat is the same everywhere: the mask is random".to_owned();
                choice.warnings.push(told);
            }
            Ok(choice)
        }
        Policy::LossGuided { ratio, share } => {
            let loss = guide.map_for(policy.kind())?.values();
            let hidden = ranked::hardest(&loss, total(*ratio), *share, rng);
            Ok(overall(hidden, *ratio))
        }
        Policy::Attention { ratio, hide, show } => {
            let attention = guide.map_for(policy.kind())?.values();
            let shown = Rounding::Nearest.hidden(cells, *show);
            let hidden = ranked::attended(&attention, *hide, total(*ratio), shown, rng);
            Ok(overall(hidden, *ratio))
        }
    }
}

/// A mask of `cells` that hides so many of each stratum, every cell of one with the same chance.
fn strata(
    cells: usize,
    strata: impl IntoIterator<Item = (Vec<usize>, usize)>,
    rng: &mut impl Rng,
) -> Vec<bool> {
    let mut hidden = vec![false; cells];
    for (mut stratum, count) in strata {
        for cell in stratum.partial_shuffle(rng, count).0 {
            hidden[*cell] = true;
        }
    }
    hidden
}

fn account<D: Dimension>(guide: &Guide<'_, D>, choice: &Choice) -> Audit {
    let region = guide.region();
    let (mut hidden, mut region_cells, mut hidden_region) = (0, 0, 0);
    for (is_hidden, inside) in choice.hidden.iter().zip(region.cells()) {
        hidden += usize::from(*is_hidden);
        region_cells += usize::from(*inside);
        hidden_region += usize::from(*is_hidden && *inside);
    }
    let cells = choice.hidden.len();
    let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
    Audit {
        cells,
        region_cells,
        hidden,
        hidden_region,
        hidden_background: hidden - hidden_region,
        asked: choice.asked.overall,
        asked_region: choice.asked.region,
        asked_background: choice.asked.background,
        achieved: hidden as f64 / cells as f64,
        achieved_region: share(hidden_region, region_cells),
        achieved_background: share(hidden - hidden_region, cells - region_cells),
        region_vanished: region.vanished(),
        parts: guide.parts().map_or_else(Vec::new, |parts| {
            let of_part = |(part, cells): (u16, Vec<usize>)| PartAudit {
                part,
                cells: cells.len(),
                hidden: cells.iter().filter(|cell| choice.hidden[**cell]).count(),
            };
            parts::by_part(parts).into_iter().map(of_part).collect()
        }),
        warnings: choice.warnings.clone(),
    }
}
