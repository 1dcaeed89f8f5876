//! The images of a detector's training, in memory.

use ndarray::{Array2, Array3, ArrayView2};
use scarce_mim::finetune::check_canvases;
use scarce_mim::finetune::look::Frame;

use super::FinetuneConfig;
use crate::DetectError;

/// An object on an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its class, from 1 on.
    pub class: u8,
    /// 1 inside and 0 outside, `(y, x)`.
    pub mask: Array2<u8>,
}

/// An image and the objects on it, none among them.
#[derive(Debug, Clone)]
pub struct InstanceImage {
    /// Its name; what is drawn of it is a function of it.
    pub id: String,
    /// Intensities in 0 to 1, `(channel, y, x)`, on the canvas that [`Frame::canvas`] makes.
    pub pixels: Array3<f32>,
    /// Masks on the same canvas.
    pub instances: Vec<Instance>,
}

/// The box `x1, y1, x2, y2` of a mask, by the borders of its pixels; none for an empty one.
pub(super) fn box_of(mask: ArrayView2<'_, u8>) -> Option<[f32; 4]> {
    let mut corners: Option<[usize; 4]> = None;
    for ((y, x), value) in mask.indexed_iter() {
        if *value != 0 {
            let [x1, y1, x2, y2] = corners.unwrap_or([x, y, x, y]);
            corners = Some([x1.min(x), y1.min(y), x2.max(x), y2.max(y)]);
        }
    }
    let [x1, y1, x2, y2] = corners?;
    Some([x1 as f32, y1 as f32, x2 as f32 + 1.0, y2 as f32 + 1.0])
}

/// Refuses images that cannot be trained on, by their names.
pub(super) fn check(
    config: &FinetuneConfig,
    training: &[InstanceImage],
    validation: &[InstanceImage],
) -> Result<(), DetectError> {
    let refuse = |message| Err(DetectError::Data { message });
    let canvas = Frame::canvas_yx(config.input_yx);
    let [height, width] = canvas;
    let all = || training.iter().chain(validation);
    let canvases = all().map(|image| (image.id.as_str(), &image.pixels));
    check_canvases(canvases, config.network.encoder.in_channels, canvas)?;
    let classes = config.network.regions.classes;
    for image in all() {
        let id = &image.id;
        for (index, instance) in image.instances.iter().enumerate() {
            let Instance { class, mask } = instance;
            if mask.dim() != (height, width) {
                let got = mask.dim();
                return refuse(format!(
                    "object {index} of {id}: expected a mask of (y, x) {:?}, got {got:?}",
                    (height, width)
                ));
            }
            if *class == 0 || i64::from(*class) >= classes {
                return refuse(format!(
                    "object {index} of {id}: expected a class from 1 to {}, got {class}",
                    classes - 1
                ));
            }
            if box_of(mask.view()).is_none() {
                return refuse(format!("object {index} of {id} has no pixel"));
            }
        }
    }
    if training.is_empty() {
        return refuse("there is no image to train on".to_owned());
    }
    Ok(())
}
