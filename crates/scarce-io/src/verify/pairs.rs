//! An image and its label map belong together.

use std::collections::BTreeSet;
use std::path::Path;

use super::report::Fault;
use crate::opened::{Opened, Wanted};
use crate::read::open;
use crate::{ReadOptions, read_label_map};

/// Whether label and image lie on one grid, and the labels are declared. Files that cannot be read are
/// reported by themselves.
pub(super) fn check(image: &Path, label: &Path, declared: &BTreeSet<u16>) -> Vec<Fault> {
    let options = ReadOptions::default().with_frame(0);
    let mut faults = Vec::new();
    if let Ok(labels) = open(label, &options, Wanted::Labels)
        && let Ok(image) = open(image, &options, Wanted::Values)
    {
        faults.extend(compare(&image, &labels, "label"));
    }
    if declared.is_empty() {
        return faults;
    }
    let Ok(labels) = read_label_map(label) else {
        return faults;
    };
    let mut found = vec![false; 1 << 16];
    labels
        .voxels()
        .iter()
        .for_each(|label| found[usize::from(*label)] = true);
    let unknown: Vec<String> = (0..=u16::MAX)
        .filter(|label| found[usize::from(*label)] && !declared.contains(label))
        .map(|label| label.to_string())
        .collect();
    if !unknown.is_empty() {
        let message = format!("labels that are not declared: {}", unknown.join(", "));
        faults.push(Fault::new("label-undeclared", message));
    }
    faults
}

/// Whether two channels of an image lie on one grid.
pub(super) fn check_grids(first: &Path, other: &Path) -> Vec<Fault> {
    let options = ReadOptions::default().with_frame(0);
    let opened = |path| open(path, &options, Wanted::Values);
    match (opened(first), opened(other)) {
        (Ok(first), Ok(other)) => compare(&first, &other, "channel").into_iter().collect(),
        _ => Vec::new(),
    }
}

fn compare(image: &Opened, other: &Opened, what: &str) -> Option<Fault> {
    let (expected, got) = (image.shape_zyx, other.shape_zyx);
    if got != expected {
        let message = format!("{what} of shape {got:?} for an image of shape {expected:?}");
        return Some(Fault::new("pair-shape", message));
    }
    let spacing = image
        .geometry
        .spacing_mm_xyz()
        .into_iter()
        .fold(f64::MAX, f64::min);
    if other
        .geometry
        .is_close_to(&image.geometry, expected, 0.1 * spacing)
    {
        return None;
    }
    let message = format!("{what} and image lie at different places (more than 0.1 voxel)");
    Some(Fault::new("pair-geometry", message))
}
