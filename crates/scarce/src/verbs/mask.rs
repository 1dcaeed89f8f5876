//! `mask`: patch masks for a region.

mod scene;

use std::path::Path;

use anyhow::Context as _;
use ndarray::{Array2, ArrayD, Axis, Ix2, IxDyn};
use scarce_cli::arguments::MaskArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_image::{LabelMap, Seed, StreamKey};
use scarce_mask::{
    Audit, CellMap, Guard, Guide, MaskConfig, PartGrid, PartRule, PatchMask, PatchRule, Policy,
    Pooling, Quantisation, Ranked, Rounding, Tile, contact_sheet,
};
use serde::Serialize;

use self::scene::Scene;

/// The account of a set of masks.
#[derive(Serialize)]
struct MaskSet<'a> {
    region: &'a Path,
    slice: Option<usize>,
    grid: &'a [usize],
    #[serde(flatten)]
    config: &'a MaskConfig,
    seed: u64,
    /// What the grid makes of the region.
    quantisation: Quantisation,
    masks: Vec<MaskRecord>,
}

/// The account of one mask.
#[derive(Serialize)]
struct MaskRecord {
    masked: usize,
    masked_in_region: usize,
    overall_ratio: f64,
    #[serde(flatten)]
    audit: Audit,
}

impl From<Audit> for MaskRecord {
    fn from(audit: Audit) -> Self {
        Self {
            masked: audit.hidden,
            masked_in_region: audit.hidden_region,
            overall_ratio: audit.achieved,
            audit,
        }
    }
}

/// Writes the masks as NPY, and their audit and pictures where they are asked for.
pub fn run(arguments: &MaskArguments) -> anyhow::Result<()> {
    let usage = |error: scarce_mask::MaskError| UsageError(error.to_string());
    let config = config(arguments)?;
    let grid = match arguments.grid[..] {
        [side] => vec![side; 2],
        _ => arguments.grid.clone(),
    };
    let scene = Scene::read(
        &arguments.region,
        arguments.map.as_deref(),
        arguments.slice,
        grid.len(),
    )?;
    let region = scene.labels.map(|label| *label != 0);
    let cells = config
        .region_grid(region.view(), IxDyn(&grid))
        .map_err(usage)?;
    let quantisation = Quantisation::of(region.view(), &cells).map_err(usage)?;
    let parts = PartGrid::from_labels(scene.labels.view(), IxDyn(&grid), PartRule::Highest);
    let parts = parts.map_err(usage)?;
    let pooled = |map: &ArrayD<f32>| CellMap::from_pixels(map.view(), IxDyn(&grid), Pooling::Mean);
    let map = scene.map.as_ref().map(pooled).transpose().map_err(usage)?;
    let mut guide = Guide::new(&cells).with_parts(&parts).map_err(usage)?;
    if let Some(map) = &map {
        guide = guide.with_map(map).map_err(usage)?;
    }
    let masks = (0..arguments.count as u64)
        .map(|epoch| {
            let key = StreamKey {
                epoch,
                sample_id: "",
                purpose: "mask",
            };
            config.sample(guide, Seed(arguments.seed), key)
        })
        .collect::<Result<Vec<PatchMask<IxDyn>>, _>>()
        .map_err(usage)?;
    for path in [
        Some(&arguments.out),
        arguments.json.as_ref(),
        arguments.sheet.as_ref(),
    ]
    .into_iter()
    .flatten()
    {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create {}", folder.display()))?;
        }
    }
    let views: Vec<_> = masks.iter().map(|mask| mask.hidden.view()).collect();
    scarce_io::write_npy_bool(&arguments.out, &ndarray::stack(Axis(0), &views)?)?;
    if let Some(path) = &arguments.sheet {
        write_sheet(path, &region, &masks)?;
    }
    for (k, mask) in masks.iter().enumerate() {
        for warning in &mask.audit.warnings {
            tracing::warn!("mask {k}: {warning}");
        }
    }
    if let Some(path) = &arguments.json {
        let set = MaskSet {
            region: &arguments.region,
            slice: scene.slice,
            grid: &grid,
            config: &config,
            seed: arguments.seed,
            quantisation,
            masks: masks.into_iter().map(|mask| mask.audit.into()).collect(),
        };
        json_output::write(path, &set)?;
    }
    Ok(())
}

fn config(arguments: &MaskArguments) -> anyhow::Result<MaskConfig> {
    let (ratio, high, low) = (arguments.ratio, arguments.high, arguments.low);
    let policy = match arguments.policy.as_str() {
        "region" => Policy::Region { high, low },
        "region-budget" | "overall" => Policy::RegionBudget {
            ratio,
            contrast: arguments.contrast,
        },
        "block" => Policy::block(ratio),
        "graded" => Policy::Graded {
            ratios: arguments.ratios.clone(),
        },
        "heat" => Policy::Heat {
            ratio,
            floor: arguments.floor,
        },
        "sem-parts" => Policy::SemParts {
            ratio,
            whole: arguments.whole,
        },
        "loss-guided" => Policy::LossGuided {
            ratio,
            share: arguments.share,
        },
        "attention" => Policy::Attention {
            ratio,
            hide: if arguments.keep_highest {
                Ranked::Lowest
            } else {
                Ranked::Highest
            },
            show: arguments.show,
        },
        _ => Policy::Random { ratio },
    };
    let sides = arguments.grid.len();
    if !(1..=3).contains(&sides) || arguments.count == 0 {
        let message = format!(
            "--grid has {sides} sides, --count is {}: expected 1 to 3 sides and a mask at least",
            arguments.count
        );
        return Err(UsageError(message).into());
    }
    let config = MaskConfig::new(policy);
    Ok(if arguments.paper {
        MaskConfig {
            patch_rule: PatchRule::TopLeft,
            rounding: Rounding::TruncateKept,
            guard: Guard::Allow,
            ..config
        }
    } else {
        config
    })
}

/// Pictures of the masks over the region; of deep ones the middle of its slices.
fn write_sheet(
    path: &Path,
    region: &ArrayD<bool>,
    masks: &[PatchMask<IxDyn>],
) -> anyhow::Result<()> {
    let flat = |array: &ArrayD<bool>| -> anyhow::Result<Array2<bool>> {
        let view = array.view();
        let view = match array.ndim() {
            3 => view.index_axis_move(Axis(0), array.len_of(Axis(0)) / 2),
            _ => view,
        };
        Ok(view.into_dimensionality::<Ix2>()?.to_owned())
    };
    let region = flat(region)?;
    let pixels = region.map(|inside| if *inside { 0.9 } else { 0.7 });
    let hidden = masks.iter().map(|mask| flat(&mask.hidden));
    let hidden = hidden.collect::<anyhow::Result<Vec<_>>>()?;
    let tiles: Vec<Tile<'_>> = hidden
        .iter()
        .map(|hidden| Tile {
            pixels: pixels.view(),
            region: region.view(),
            hidden: hidden.view(),
        })
        .collect();
    let sheet = contact_sheet(&tiles, (tiles.len() as f64).sqrt().ceil() as usize)?;
    scarce_io::write_png_rgb(path, sheet.view())?;
    Ok(())
}

/// A 2-D region: a picture, or one axial slice of a volume.
pub(super) fn read_region(
    path: &Path,
    slice: Option<usize>,
) -> anyhow::Result<(Array2<bool>, Option<usize>)> {
    let scene = Scene::read(path, None, slice, 2)?;
    let region = scene.labels.into_dimensionality::<Ix2>()?;
    Ok((region.map(|label| *label != 0), scene.slice))
}

/// The slice asked for, or the one with most of the region.
fn slice_of(labels: &LabelMap, slice: Option<usize>) -> usize {
    let area = |z: usize| {
        labels
            .slice_z(z)
            .map_or(0, |s| s.iter().filter(|v| **v != 0).count())
    };
    let [depth, _, _] = labels.shape_zyx();
    // The last of equals would do as well; the first is what a reader expects.
    let largest = || (0..depth).max_by_key(|z| (area(*z), std::cmp::Reverse(*z)));
    slice.or_else(largest).unwrap_or(0)
}

fn labels_of_slice(labels: &LabelMap, z: usize) -> anyhow::Result<Array2<u16>> {
    let [depth, _, _] = labels.shape_zyx();
    let slice = labels
        .slice_z(z)
        .ok_or_else(|| UsageError(format!("--slice is {z}, the region has {depth} slices")))?;
    Ok(slice.to_owned())
}
