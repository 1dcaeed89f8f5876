//! What the recipe is trained on.

use ndarray::{Array3, ArrayView3};

use crate::{CornError, SemiConfig};

/// A labelled training volume.
#[derive(Debug, Clone)]
pub struct LabelledVolume {
    /// Its name.
    pub id: String,
    /// Intensities in 0 to 1, `(z, y, x)`.
    pub image: Array3<f32>,
    /// Classes, `(z, y, x)`.
    pub label: Array3<u8>,
}

/// An unlabelled training volume.
#[derive(Debug, Clone)]
pub struct UnlabelledVolume {
    /// Its name.
    pub id: String,
    /// Intensities in 0 to 1, `(z, y, x)`.
    pub image: Array3<f32>,
}

/// Where a label is not background.
pub(crate) fn foreground_voxels(label: ArrayView3<'_, u8>) -> Vec<[usize; 3]> {
    label
        .indexed_iter()
        .filter(|(_, l)| **l > 0)
        .map(|((z, y, x), _)| [z, y, x])
        .collect()
}

/// Refuses volumes that cannot serve.
pub(crate) fn check_volumes(
    config: &SemiConfig,
    labelled: &[LabelledVolume],
    unlabelled: &[UnlabelledVolume],
) -> Result<(), CornError> {
    let refuse = |message: String| Err(CornError::Data { message });
    if labelled.is_empty() {
        return refuse("there is no labelled volume".to_owned());
    }
    for volume in labelled {
        if volume.image.dim() != volume.label.dim() {
            return refuse(format!(
                "image of {} has shape {:?}, its label {:?}",
                volume.id,
                volume.image.dim(),
                volume.label.dim()
            ));
        }
        let largest = volume.label.iter().copied().max().unwrap_or(0);
        if i64::from(largest) >= config.network.classes {
            return refuse(format!(
                "{} has class {largest}, the network {} classes",
                volume.id, config.network.classes
            ));
        }
        if largest == 0 {
            return refuse(format!("{} has no foreground voxel", volume.id));
        }
    }
    let mut ids: Vec<&str> = labelled
        .iter()
        .map(|v| v.id.as_str())
        .chain(unlabelled.iter().map(|v| v.id.as_str()))
        .collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => refuse(format!("{} comes twice", pair[0])),
        None => Ok(()),
    }
}
