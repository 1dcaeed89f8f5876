//! What a detector found on the images that it is reported on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use scarce_metrics::Summary;
use scarce_report::{Section, figures_table};
use serde::Deserialize;

use super::{read_json, walk};

/// How many overlays are shown.
const SHOWN: usize = 8;

/// The part of a report on detections that a page shows.
#[derive(Deserialize)]
struct Figures {
    mean: BTreeMap<String, Summary>,
    definition: BTreeMap<String, String>,
}

/// A section about the folder that `boxes.json` is in.
pub(super) fn section(boxes: &Path, root: &Path) -> anyhow::Result<Section> {
    let folder = boxes.parent().unwrap_or(Path::new("."));
    let name = folder.strip_prefix(root).unwrap_or(folder).display();
    let mut section = Section::new(format!("Detection against truth: {name}"));
    for (file, what) in [
        ("boxes.json", "Boxes."),
        ("masks.json", "Masks."),
        (
            "froc.json",
            "Lesions found at so many false positives an image.",
        ),
    ] {
        let path = folder.join(file);
        if path.is_file() {
            let Figures { mean, definition } = read_json(&path)?;
            section.text(what);
            section.table(figures_table(&mean, &definition));
        }
    }
    let overlays = folder.join("overlays");
    let mut files = Vec::new();
    if overlays.is_dir() {
        walk(&overlays, &mut files)?;
    }
    for file in files.iter().take(SHOWN) {
        let png = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        section.png(
            &png,
            format!("{stem}: what was found in blue, the truth in pink."),
        );
    }
    Ok(section)
}
