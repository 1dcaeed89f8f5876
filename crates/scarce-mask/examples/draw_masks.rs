//! Draws a mask by each policy over one small region, and prints it with what came of it.
//!
//! ```text
//! cargo run -p scarce-mask --example draw_masks
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::Array2;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{
    CellMap, Guide, MaskConfig, MaskError, PartGrid, PartRule, Policy, Pooling, Ranked,
};

fn main() -> Result<(), MaskError> {
    // A slice of 224 × 224 pixels on the 14 × 14 grid of patches of 16: in an organ a finding.
    let distance = |y: usize, x: usize| (y as f64 - 90.0).hypot(x as f64 - 140.0);
    let grid = [14, 14];
    let finding = Array2::from_shape_fn((224, 224), |(y, x)| distance(y, x) < 30.0);
    let labels = Array2::from_shape_fn((224, 224), |(y, x)| match distance(y, x) {
        0.0..30.0 => 2,
        30.0..70.0 => 1,
        _ => 0,
    });
    let heat = Array2::from_shape_fn((224, 224), |(y, x)| (-distance(y, x) / 60.0).exp() as f32);

    let region = MaskConfig::default().region_grid(finding.view(), grid)?;
    let parts = PartGrid::from_labels(labels.view(), grid, PartRule::Highest)?;
    let heat = CellMap::from_pixels(heat.view(), grid, Pooling::Mean)?;
    let guide = Guide::new(&region).with_parts(&parts)?.with_map(&heat)?;
    for policy in [
        Policy::Random { ratio: 0.5 },
        Policy::block(0.5),
        Policy::Region {
            high: 0.8,
            low: 0.4,
        },
        Policy::RegionBudget {
            ratio: 0.5,
            contrast: 0.4,
        },
        Policy::Graded {
            ratios: vec![0.3, 0.6, 0.9],
        },
        Policy::Heat {
            ratio: 0.5,
            floor: 0.05,
        },
        Policy::SemParts {
            ratio: 0.5,
            whole: 0.8,
        },
        Policy::LossGuided {
            ratio: 0.5,
            share: 0.5,
        },
        Policy::Attention {
            ratio: 0.3,
            hide: Ranked::Highest,
            show: 0.05,
        },
    ] {
        // The same sample in another epoch has another mask; in the same epoch, this one again.
        let key = StreamKey {
            epoch: 0,
            sample_id: "patient-7/slice-31",
            purpose: "mask",
        };
        let config = MaskConfig::new(policy);
        let mask = config.sample(guide, Seed(1), key)?;
        println!("{}", config.policy.kind());
        for (hidden, inside) in mask.hidden.outer_iter().zip(region.cells().outer_iter()) {
            let cell = |(hidden, inside): (&bool, &bool)| match (hidden, inside) {
                (true, true) => '#',
                (true, false) => '+',
                (false, true) => 'o',
                (false, false) => '.',
            };
            let row: String = hidden.iter().zip(inside).map(cell).collect();
            println!("  {row}");
        }
        let audit = &mask.audit;
        println!(
            "  {} of {} cells, {} of the region's {}\n",
            audit.hidden, audit.cells, audit.hidden_region, audit.region_cells
        );
    }
    Ok(())
}
