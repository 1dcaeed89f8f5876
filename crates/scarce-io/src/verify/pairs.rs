//! An image and its label map belong together.

use std::collections::BTreeSet;
use std::path::Path;

use super::Fault;
use crate::read::{Wanted, open};
use crate::{ReadOptions, read_label_map};

/// Whether label and image lie on one grid, and the labels are declared. Files that cannot be read are
/// reported by themselves.
pub(super) fn check(image: &Path, label: &Path, declared: &BTreeSet<u16>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let options = ReadOptions::default().with_frame(0);
    let Ok(labels) = read_label_map(label) else {
        return faults;
    };
    if let Ok(image) = open(image, &options, Wanted::Values) {
        let (got, expected) = (labels.shape_zyx(), image.shape_zyx);
        let spacing = image
            .geometry
            .spacing_mm_xyz()
            .into_iter()
            .fold(f64::MAX, f64::min);
        if got != expected {
            let message = format!("label of shape {got:?} for an image of shape {expected:?}");
            faults.push(Fault::new("pair-shape", message));
        } else if !labels
            .geometry()
            .is_close_to(&image.geometry, expected, 0.1 * spacing)
        {
            let message = "label and image lie at different places (more than 0.1 voxel)";
            faults.push(Fault::new("pair-geometry", message));
        }
    }
    let mut found = vec![false; 1 << 16];
    labels
        .voxels()
        .iter()
        .for_each(|label| found[usize::from(*label)] = true);
    let unknown: Vec<String> = (0..=u16::MAX)
        .filter(|label| found[usize::from(*label)] && !declared.contains(label))
        .map(|label| label.to_string())
        .collect();
    if !declared.is_empty() && !unknown.is_empty() {
        let message = format!("labels that are not declared: {}", unknown.join(", "));
        faults.push(Fault::new("label-undeclared", message));
    }
    faults
}
