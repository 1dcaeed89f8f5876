//! How well a network outlines volumes that it does not learn from.

use ndarray::{Array3, ArrayView3};
use tch::{Device, Tensor};

use crate::inference::{Windows, sliding_window_labels};
use crate::vnet::VNet;
use crate::volumes::check_volumes;
use crate::{CornError, LabelledVolume, SemiConfig};

/// Share of a window's side that the next one covers.
const OVERLAP: f64 = 0.5;

/// Volumes that are validated on.
#[derive(Debug)]
pub(crate) struct Validation {
    volumes: Vec<LabelledVolume>,
    windows: Windows,
}

impl Validation {
    /// Refuses volumes that do not serve, and those that are `trained_on`, with a label or without.
    pub fn new<'a>(
        volumes: Vec<LabelledVolume>,
        config: &SemiConfig,
        mut trained_on: impl Iterator<Item = &'a str>,
    ) -> Result<Self, CornError> {
        if !volumes.is_empty() {
            check_volumes(config.network.classes, &volumes, &[])?;
        }
        if let Some(id) = trained_on.find(|id| volumes.iter().any(|v| v.id == *id)) {
            let message = format!("{id} is both trained on and validated on");
            return Err(CornError::Data { message });
        }
        Ok(Self {
            volumes,
            windows: Windows {
                patch_zyx: config.patch_zyx,
                overlap: OVERLAP,
                ..Windows::default()
            },
        })
    }

    /// `validation_dice`: of each volume the mean Dice of its classes but the background, and the mean of these; classes that
    /// are neither found nor there are left out, and so are volumes with none else.
    pub fn figures(&self, network: &VNet, device: Device) -> Result<Vec<(String, f64)>, CornError> {
        if self.volumes.is_empty() {
            return Ok(Vec::new());
        }
        let mut scores = Vec::new();
        for volume in &self.volumes {
            let image = volume.image.view();
            let forward = |x: &Tensor| network.forward_main(x);
            let found = sliding_window_labels(&forward, image, &self.windows, None, device)?;
            scores.extend(mean_dice(&found.labels, volume.label.view(), found.classes));
        }
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        Ok(vec![("validation_dice".to_owned(), mean)])
    }
}

/// Mean over the classes but the background that are found or there.
fn mean_dice(found: &Array3<u16>, truth: ArrayView3<'_, u8>, classes: usize) -> Option<f64> {
    let mut counts = vec![[0u64; 2]; classes];
    for (found, truth) in found.iter().zip(truth) {
        let (found, truth) = (usize::from(*found), usize::from(*truth));
        counts[found][1] += 1;
        counts[truth][1] += 1;
        counts[truth][0] += u64::from(found == truth);
    }
    let each: Vec<f64> = counts[1..]
        .iter()
        .filter(|[_, either]| *either > 0)
        .map(|[both, either]| 2.0 * *both as f64 / *either as f64)
        .collect();
    (!each.is_empty()).then(|| each.iter().sum::<f64>() / each.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_are_nowhere_are_left_out() {
        let map = |values: [u8; 4]| Array3::from_shape_vec((1, 2, 2), values.to_vec()).unwrap();
        for (found, truth, expected) in [
            ([0, 1, 1, 0], [0, 1, 1, 0], Some(1.0)),
            ([0, 0, 0, 0], [0, 1, 1, 0], Some(0.0)),
            (
                [0, 1, 0, 2],
                [0, 1, 1, 2],
                Some(f64::midpoint(2.0 / 3.0, 1.0)),
            ),
            ([0, 0, 0, 0], [0, 0, 0, 0], None),
        ] {
            let found_labels = map(found).map(|label| u16::from(*label));
            let got = mean_dice(&found_labels, map(truth).view(), 4);
            assert_eq!(got, expected, "{found:?} {truth:?}");
        }
    }
}
