//! What the recipe trains on.

use ndarray::{Array3, ArrayView3};

use crate::CornError;

/// How far beyond 0 and 1 an intensity may lie that is clipped to them: what interpolation in single precision adds.
const CLIPPED_SLACK: f32 = 1e-3;

/// A labelled training volume.
#[derive(Debug, Clone)]
pub struct LabelledVolume {
    /// Its name.
    pub id: String,
    /// Intensities `(z, y, x)`, finite; 0 to 1 where crops are clipped to that.
    pub image: Array3<f32>,
    /// Classes, `(z, y, x)`.
    pub label: Array3<u8>,
}

/// An unlabelled training volume.
#[derive(Debug, Clone)]
pub struct UnlabelledVolume {
    /// Its name.
    pub id: String,
    /// Intensities `(z, y, x)`, finite; 0 to 1 where crops are clipped to that.
    pub image: Array3<f32>,
}

/// Refuses volumes that would train something else than was meant.
pub(crate) fn check_volumes(
    classes: i64,
    labelled: &[LabelledVolume],
    unlabelled: &[UnlabelledVolume],
) -> Result<(), CornError> {
    if labelled.is_empty() {
        return refuse("there is no labelled volume".to_owned());
    }
    for volume in labelled {
        check_image(&volume.id, volume.image.view())?;
        check_label(volume, classes)?;
    }
    for volume in unlabelled {
        check_image(&volume.id, volume.image.view())?;
    }
    let mut ids: Vec<&str> = labelled
        .iter()
        .map(|v| v.id.as_str())
        .chain(unlabelled.iter().map(|v| v.id.as_str()))
        .collect();
    ids.sort_unstable();
    // Random choices are keyed by id: two volumes of one name would share them.
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => refuse(format!("{} comes twice", pair[0])),
        None => Ok(()),
    }
}

fn check_image(id: &str, image: ArrayView3<'_, f32>) -> Result<(), CornError> {
    if image.is_empty() {
        return refuse(format!("{id} has no voxel: shape {:?}", image.dim()));
    }
    expect_intensities(id, image, f32::is_finite, "a finite number")
}

/// Refuses a volume of which [`AugmentConfig::clip`](crate::augment::AugmentConfig::clip) would cut something off.
pub(crate) fn check_clipped(id: &str, image: ArrayView3<'_, f32>) -> Result<(), CornError> {
    let range = -CLIPPED_SLACK..=1.0 + CLIPPED_SLACK;
    let expected = "0 to 1, as augment.clip is on";
    expect_intensities(id, image, |value| range.contains(&value), expected)
}

fn expect_intensities(
    id: &str,
    image: ArrayView3<'_, f32>,
    fits: impl Fn(f32) -> bool,
    expected: &str,
) -> Result<(), CornError> {
    match image.indexed_iter().find(|(_, v)| !fits(**v)) {
        Some((at, value)) => refuse(format!(
            "{id} has intensity {value} at (z, y, x) = {at:?}, expected {expected}"
        )),
        None => Ok(()),
    }
}

fn check_label(volume: &LabelledVolume, classes: i64) -> Result<(), CornError> {
    let id = &volume.id;
    if volume.image.dim() != volume.label.dim() {
        return refuse(format!(
            "image of {id} has shape {:?}, its label {:?}",
            volume.image.dim(),
            volume.label.dim()
        ));
    }
    let largest = volume.label.iter().copied().max().unwrap_or(0);
    if i64::from(largest) >= classes {
        return refuse(format!(
            "{id} has class {largest}, the network {classes} classes"
        ));
    }
    if largest == 0 {
        return refuse(format!("{id} has no foreground voxel"));
    }
    Ok(())
}

fn refuse(message: String) -> Result<(), CornError> {
    Err(CornError::Data { message })
}

/// Places of the voxels that are not background.
pub(crate) fn foreground_voxels(label: ArrayView3<'_, u8>) -> Vec<[u32; 3]> {
    label
        .indexed_iter()
        .filter(|(_, l)| **l > 0)
        .map(|((z, y, x), _)| [z as u32, y as u32, x as u32])
        .collect()
}
