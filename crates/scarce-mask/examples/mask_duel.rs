//! Masks for a batch of regions in a `.npy` array, their cells and the seconds it took, for
//! `benches/peers/mask.py`, which times the same elsewhere.
//!
//! ```text
//! mask_duel RULE HIGH LOW GRID REGIONS.npy HIDDEN.npy REPEATS
//! ```
//!
//! RULE is `paper`, or `default` for any overlap and nearest counts. Regions are `(image, y, x)`.

use std::error::Error;
use std::time::Instant;

use ndarray::{Array3, ArrayView2, Axis};
use ndarray_npy::{read_npy, write_npy};
use scarce_image::{Seed, StreamKey};
use scarce_mask::{MaskConfig, Policy};

#[expect(clippy::print_stdout, reason = "the seconds are what it is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rule, high, low, grid, regions, hidden, repeats] = &arguments[..] else {
        return Err("usage: mask_duel RULE HIGH LOW GRID REGIONS.npy HIDDEN.npy REPEATS".into());
    };
    let (high, low) = (high.parse()?, low.parse()?);
    let config = match rule.as_str() {
        "paper" => MaskConfig::paper(high, low),
        _ => MaskConfig::new(Policy::Region { high, low }),
    };
    let grid: usize = grid.parse()?;
    let regions: Array3<bool> = read_npy(regions)?;
    let ids: Vec<String> = (0..regions.len_of(Axis(0)))
        .map(|k| format!("image-{k}"))
        .collect();
    for epoch in 0..repeats.parse()? {
        let start = Instant::now();
        let batch: Vec<(ArrayView2<'_, bool>, StreamKey<'_>)> = regions
            .outer_iter()
            .zip(&ids)
            .map(|(region, sample_id)| {
                let key = StreamKey {
                    epoch,
                    sample_id,
                    purpose: "mask",
                };
                (region, key)
            })
            .collect();
        let masks = config
            .sample_batch(&batch, [grid; 2], Seed(1))
            .map_err(|(k, error)| format!("image {k}: {error}"))?;
        let mut all = Array3::from_elem((masks.len(), grid, grid), false);
        for (mut place, mask) in all.outer_iter_mut().zip(&masks) {
            place.assign(&mask.hidden);
        }
        println!("{}", start.elapsed().as_secs_f64());
        if epoch == 0 {
            write_npy(hidden, &all)?;
        }
    }
    Ok(())
}
