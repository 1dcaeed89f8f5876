//! What each patch rule, grid and preset makes of the regions of a data set that was outlined with VIA
//! (the VGG image annotator): Br35H-Mask-RCNN, say.
//!
//! ```text
//! cargo run --release -p scarce-mask --example audit_via -- FOLDER > benches/results/mask-br35h.json
//! ```
//!
//! FOLDER has sub-folders with images and an `annotations_*.json` each. A region is the union of its
//! instances' boxes, or of the instances themselves; it is brought to 224 × 224 pixels by nearest
//! neighbour, as MWM's training does.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use scarce_image::{Seed, StreamKey};
use scarce_mask::{
    AuditSummary, Guard, MaskConfig, PAPER_RATIOS, PatchRule, Policy, Quantisation, Rounding,
};
use serde::{Deserialize, Serialize};

const SIDE: usize = 224;

/// One shape as VIA writes it, in pixels.
#[derive(Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
enum Shape {
    Polygon {
        all_points_x: Vec<f64>,
        all_points_y: Vec<f64>,
    },
    Ellipse {
        cx: f64,
        cy: f64,
        rx: f64,
        ry: f64,
        theta: f64,
    },
    Circle {
        cx: f64,
        cy: f64,
        r: f64,
    },
}

#[derive(Deserialize)]
struct Instance {
    shape_attributes: Shape,
}

#[derive(Deserialize)]
struct Entry {
    filename: String,
    regions: Vec<Instance>,
}

/// An image's regions, `(y, x)` of 224 × 224.
struct Sample {
    id: String,
    boxes: Array2<bool>,
    outlines: Array2<bool>,
}

/// One line of the table; ratios are means over images, to four digits.
#[derive(Serialize)]
struct Line {
    region: &'static str,
    grid: usize,
    patch_rule: PatchRule,
    rounding: Rounding,
    high: f64,
    low: f64,
    images: usize,
    images_without_region_cell: usize,
    lesions: usize,
    lesions_lost: usize,
    region_cells: f64,
    hidden_ratio: f64,
    hidden_region_ratio: f64,
    hidden_background_ratio: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(folder) = std::env::args().nth(1) else {
        return Err("usage: audit_via FOLDER".into());
    };
    let samples = read(Path::new(&folder))?;
    let mut lines = Vec::new();
    for region in ["boxes", "outlines"] {
        for grid in [7, 14, 28] {
            for patch_rule in [
                PatchRule::TopLeft,
                PatchRule::Area(0.5),
                PatchRule::AnyOverlap,
            ] {
                for rounding in [Rounding::TruncateKept, Rounding::Nearest] {
                    for [high, low] in PAPER_RATIOS {
                        let config = MaskConfig {
                            policy: Policy::Region { high, low },
                            patch_rule,
                            rounding,
                            guard: Guard::Allow,
                        };
                        let summary = summary(&samples, region, grid, &config)?;
                        lines.push(Line {
                            region,
                            grid,
                            patch_rule,
                            rounding,
                            high,
                            low,
                            images: summary.images,
                            images_without_region_cell: summary.region_empty,
                            lesions: summary.lesions,
                            lesions_lost: summary.lesions_lost,
                            region_cells: rounded(summary.region_cells.mean),
                            hidden_ratio: rounded(summary.achieved.mean),
                            hidden_region_ratio: rounded(summary.achieved_region.mean),
                            hidden_background_ratio: rounded(summary.achieved_background.mean),
                        });
                    }
                }
            }
        }
    }
    println!("[");
    for (k, line) in lines.iter().enumerate() {
        let end = if k + 1 < lines.len() { "," } else { "" };
        println!("  {}{end}", serde_json::to_string(line)?);
    }
    println!("]");
    Ok(())
}

fn rounded(mean: f64) -> f64 {
    (mean * 1e4).round() / 1e4
}

fn summary(
    samples: &[Sample],
    region: &str,
    grid: usize,
    config: &MaskConfig,
) -> Result<AuditSummary, Box<dyn Error>> {
    let mut summary = AuditSummary::default();
    for sample in samples {
        let region = match region {
            "boxes" => sample.boxes.view(),
            _ => sample.outlines.view(),
        };
        let cells = config.region_grid(region, [grid; 2])?;
        let key = StreamKey {
            epoch: 0,
            sample_id: &sample.id,
            purpose: "mask",
        };
        let mask = config.sample(&cells, Seed(0), key)?;
        summary.add(&mask.audit, Some(&Quantisation::of(region, &cells)?));
    }
    Ok(summary)
}

fn read(folder: &Path) -> Result<Vec<Sample>, Box<dyn Error>> {
    let mut tables: Vec<PathBuf> = Vec::new();
    for split in fs::read_dir(folder)? {
        let split = split?.path();
        if split.is_dir() {
            for file in fs::read_dir(split)? {
                let file = file?.path();
                if file.extension().is_some_and(|e| e == "json") {
                    tables.push(file);
                }
            }
        }
    }
    tables.sort();
    let mut samples = Vec::new();
    for table in tables {
        let split = table.parent().unwrap_or(folder);
        let text = fs::read_to_string(&table)?;
        let entries: std::collections::BTreeMap<String, Entry> = serde_json::from_str(&text)?;
        for entry in entries.into_values() {
            // Some files called .jpg are PNG.
            let image = image::ImageReader::open(split.join(&entry.filename))?;
            let size = image.with_guessed_format()?.into_dimensions()?;
            let shapes = || entry.regions.iter().map(|r| &r.shape_attributes);
            let inside = |at: &dyn Fn(&Shape, usize, usize) -> bool| {
                let nearest = |k: usize, n: u32| k * n as usize / SIDE;
                Array2::from_shape_fn((SIDE, SIDE), |(y, x)| {
                    shapes().any(|shape| at(shape, nearest(y, size.1), nearest(x, size.0)))
                })
            };
            samples.push(Sample {
                boxes: inside(&|shape, y, x| shape.box_has(y, x)),
                outlines: inside(&|shape, y, x| shape.has(y, x)),
                id: entry.filename,
            });
        }
    }
    Ok(samples)
}

impl Shape {
    /// Whether a pixel is in the box around the shape, its borders included.
    fn box_has(&self, y: usize, x: usize) -> bool {
        let [x_min, y_min, x_max, y_max] = match self {
            Self::Polygon {
                all_points_x: xs,
                all_points_y: ys,
            } => {
                let least = |v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min);
                let most = |v: &[f64]| v.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                [least(xs), least(ys), most(xs), most(ys)]
            }
            Self::Ellipse {
                cx,
                cy,
                rx,
                ry,
                theta,
            } => {
                let (sin, cos) = theta.sin_cos();
                let (a, b) = ((rx * cos).hypot(ry * sin), (rx * sin).hypot(ry * cos));
                [cx - a, cy - b, cx + a, cy + b]
            }
            Self::Circle { cx, cy, r } => [cx - r, cy - r, cx + r, cy + r],
        };
        let within =
            |at: usize, from: f64, to: f64| (from.floor()..=to.floor()).contains(&(at as f64));
        within(y, y_min, y_max) && within(x, x_min, x_max)
    }

    /// Whether a pixel's centre is in the shape: for a polygon by the parity of the edges to its right.
    fn has(&self, y: usize, x: usize) -> bool {
        let (x, y) = (x as f64 + 0.5, y as f64 + 0.5);
        match self {
            Self::Polygon {
                all_points_x: xs,
                all_points_y: ys,
            } => {
                let edges = (0..xs.len()).map(|k| (k, (k + 1) % xs.len()));
                let crossed = edges.filter(|(a, b)| {
                    (ys[*a] > y) != (ys[*b] > y)
                        && x < xs[*a] + (y - ys[*a]) / (ys[*b] - ys[*a]) * (xs[*b] - xs[*a])
                });
                crossed.count() % 2 == 1
            }
            Self::Ellipse {
                cx,
                cy,
                rx,
                ry,
                theta,
            } => {
                let (sin, cos) = theta.sin_cos();
                let (dx, dy) = (x - cx, y - cy);
                let along = (dx * cos + dy * sin) / rx;
                let across = (dy * cos - dx * sin) / ry;
                along.hypot(across) <= 1.0
            }
            Self::Circle { cx, cy, r } => (x - cx).hypot(y - cy) <= *r,
        }
    }
}
