//! `mask`: patch masks for a region.

use std::path::Path;

use anyhow::Context as _;
use ndarray::{Array2, Array3, Axis};
use scarce_cli::arguments::MaskArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{Audit, PatchRule, Policy, RegionGrid, Rounding, sample};
use serde::Serialize;

/// The account of a set of masks.
#[derive(Serialize)]
struct MaskSet<'a> {
    region: &'a Path,
    slice: Option<usize>,
    grid: usize,
    policy: Policy,
    rounding: Rounding,
    patch_rule: PatchRule,
    seed: u64,
    /// One audit a mask.
    masks: Vec<Audit>,
}

/// Writes the masks as NPY and their audit as JSON.
pub fn run(arguments: &MaskArguments) -> anyhow::Result<()> {
    let policy = match arguments.policy.as_str() {
        "region" => Policy::Region {
            high: arguments.high,
            low: arguments.low,
        },
        "overall" => Policy::Overall {
            ratio: arguments.ratio,
            contrast: arguments.contrast,
        },
        _ => Policy::Random {
            ratio: arguments.ratio,
        },
    };
    let (region, slice) = read_region(&arguments.region, arguments.slice)?;
    let usage = |error: scarce_mask::MaskError| UsageError(error.to_string());
    let (rounding, patch_rule) = (Rounding::default(), PatchRule::default());
    let grid = [arguments.grid; 2];
    let cells = RegionGrid::from_mask(region.view(), grid, patch_rule).map_err(usage)?;
    let mut hidden = Array3::from_elem((arguments.count, grid[0], grid[1]), false);
    let mut masks = Vec::with_capacity(arguments.count);
    for (k, mut place) in hidden.outer_iter_mut().enumerate() {
        let key = StreamKey {
            epoch: k as u64,
            sample_id: "",
            purpose: "mask",
        };
        let mask = sample(&cells, &policy, rounding, Seed(arguments.seed), key).map_err(usage)?;
        place.assign(&mask.hidden);
        for warning in &mask.audit.warnings {
            tracing::warn!("mask {k}: {warning}");
        }
        masks.push(mask.audit);
    }
    for path in [Some(&arguments.out), arguments.json.as_ref()]
        .into_iter()
        .flatten()
    {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
    }
    scarce_io::write_npy_bool(&arguments.out, &hidden)?;
    if let Some(path) = &arguments.json {
        let set = MaskSet {
            region: &arguments.region,
            slice,
            grid: arguments.grid,
            policy,
            rounding,
            patch_rule,
            seed: arguments.seed,
            masks,
        };
        json_output::write(path, &set)?;
    }
    Ok(())
}

/// A 2-D region: a picture, or one axial slice of a volume.
pub(super) fn read_region(
    path: &Path,
    slice: Option<usize>,
) -> anyhow::Result<(Array2<bool>, Option<usize>)> {
    let name = path.to_string_lossy().to_lowercase();
    if [".png", ".jpg", ".jpeg"]
        .iter()
        .any(|ending| name.ends_with(ending))
    {
        let picture = scarce_io::read_image(path)?;
        let region = picture
            .pixels()
            .map_axis(Axis(0), |channels| channels.iter().any(|v| *v != 0.0));
        return Ok((region, None));
    }
    let labels = scarce_io::read_label_map(path)?;
    let area = |z: usize| {
        labels
            .slice_z(z)
            .map_or(0, |s| s.iter().filter(|v| **v != 0).count())
    };
    let [depth, _, _] = labels.shape_zyx();
    // The last of equals would do as well; the first is what a reader expects.
    let largest = || {
        (0..depth)
            .max_by_key(|z| (area(*z), std::cmp::Reverse(*z)))
            .unwrap_or(0)
    };
    let z = slice.unwrap_or_else(largest);
    let region = labels
        .slice_z(z)
        .ok_or_else(|| UsageError(format!("--slice is {z}, the region has {depth} slices")))?
        .map(|label| *label != 0);
    Ok((region, Some(z)))
}
