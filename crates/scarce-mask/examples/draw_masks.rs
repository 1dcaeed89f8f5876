//! Draws one mask by each policy over the same small region, and prints it with its audit.
//!
//! ```text
//! cargo run -p scarce-mask --example draw_masks
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::Array2;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{MaskError, PatchRule, Policy, RegionGrid, Rounding, sample};

fn main() -> Result<(), MaskError> {
    // A round finding in a slice of 224 × 224 pixels, on the 14 × 14 grid of patches of 16.
    let region = Array2::from_shape_fn((224, 224), |(y, x)| {
        (y as f64 - 90.0).hypot(x as f64 - 140.0) < 40.0
    });
    let grid = RegionGrid::from_mask(region.view(), [14, 14], PatchRule::AnyOverlap)?;
    for policy in [
        Policy::Random { ratio: 0.5 },
        Policy::Region {
            high: 0.8,
            low: 0.4,
        },
        Policy::Overall {
            ratio: 0.5,
            contrast: 0.4,
        },
    ] {
        // The same sample in another epoch draws another mask; in the same epoch, this one again.
        let key = StreamKey {
            epoch: 0,
            sample_id: "patient-7/slice-31",
            purpose: "mask",
        };
        let mask = sample(&grid, &policy, Rounding::Nearest, Seed(1), key)?;
        println!("{policy:?}");
        for (hidden, inside) in mask.hidden.outer_iter().zip(grid.cells().outer_iter()) {
            let cell = |(hidden, inside): (&bool, &bool)| match (hidden, inside) {
                (true, true) => '#',
                (true, false) => '+',
                (false, true) => 'o',
                (false, false) => '.',
            };
            println!(
                "  {}",
                hidden.iter().zip(inside).map(cell).collect::<String>()
            );
        }
        println!("  {:?}\n", mask.audit);
    }
    Ok(())
}
