//! The masks of a small 3-D training: settings from TOML-like text, more contrast from epoch to epoch,
//! patches finer than the network's last map, and the account of all at the end.
//!
//! ```text
//! cargo run -p scarce-mask --example masks_for_training
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;

use ndarray::Array3;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{AuditSummary, MaskConfig, Quantisation, RegionGrid, Schedule, hidden_at_stride};

/// Half of all patches, always; the region's more and more.
const SCHEDULE: &str = r#"{
    "from": {"kind": "region-budget", "ratio": 0.5, "contrast": 0.0},
    "to": {"kind": "region-budget", "ratio": 0.5, "contrast": 0.4},
    "begin": 5, "end": 25, "pace": "cosine"
}"#;

/// Voxels of a volume and of a patch, z, y, x. The network's last map has a stride of 8, 32, 32.
const SHAPE: [usize; 3] = [32, 128, 128];
const PATCH: [usize; 3] = [4, 16, 16];

fn main() -> Result<(), Box<dyn Error>> {
    let schedule: Schedule = serde_json::from_str(SCHEDULE)?;
    let grid: [usize; 3] = std::array::from_fn(|axis| SHAPE[axis] / PATCH[axis]);
    let mut summary = AuditSummary::default();
    for epoch in 0..30 {
        let config = MaskConfig::new(schedule.at(epoch)?);
        for patient in 0..8 {
            let region = lesion(patient);
            let cells = RegionGrid::from_mask(region.view(), grid, config.patch_rule)?;
            let id = format!("patient-{patient}");
            let key = StreamKey {
                epoch,
                sample_id: &id,
                purpose: "mask",
            };
            let mask = config.sample(&cells, Seed(2026), key)?;

            // What each stage of a sparse encoder takes for visible.
            for stride in [[1, 4, 4], [2, 8, 8], [4, 16, 16], [8, 32, 32]] {
                let hidden = hidden_at_stride(mask.hidden.view(), PATCH, stride)?;
                let visible = hidden.iter().filter(|hidden| !**hidden).count();
                if epoch == 0 && patient == 0 {
                    println!("stride {stride:?}: {visible} of {} visible", hidden.len());
                }
            }
            let kept = Quantisation::of(region.view(), &cells)?;
            summary.add(&mask.audit, Some(&kept));
        }
    }
    println!("{}", serde_json::to_string_pretty(&summary)?);
    Ok(())
}

/// A ball, larger and elsewhere in each patient.
fn lesion(patient: usize) -> Array3<bool> {
    let radius = 2.0 + 2.0 * patient as f64;
    let centre = [
        16.0,
        30.0 + 9.0 * patient as f64,
        90.0 - 7.0 * patient as f64,
    ];
    Array3::from_shape_fn(SHAPE, |(z, y, x)| {
        let offset = [z, y, x].map(|n| n as f64);
        let squares = (0..3).map(|axis| (offset[axis] - centre[axis]).powi(2));
        squares.sum::<f64>().sqrt() < radius
    })
}
