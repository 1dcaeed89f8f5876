//! What was found, in an image's own pixels.

use ndarray::Array2;
use scarce_mim::finetune::look::Frame;
use scarce_train::array3_from_tensor;
use tch::{Device, Kind, Tensor};

use crate::boxes::corners;
use crate::regions::pasted;
use crate::{DetectError, Detections};

/// The probability from which a pixel is an object's.
const INSIDE: f32 = 0.5;

/// An object that was found in an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its class, from 1 on.
    pub class: u8,
    /// How sure the network is, 0 to 1.
    pub score: f64,
    /// `x1, y1, x2, y2` in the image's pixels, within it.
    pub xyxy: [f64; 4],
    /// Its pixels `(y, x)`, of the image's size; none where the network has no masks.
    pub mask: Option<Array2<bool>>,
}

/// Detections in a network's input as what was found in the image that it saw, best first. Boxes that lie beside the image are
/// left out.
pub(super) fn found(detections: &Detections, frame: &Frame) -> Result<Vec<Found>, DetectError> {
    let to_cpu = |tensor: &Tensor| tensor.f_to_device(Device::Cpu);
    let scores = to_cpu(&detections.scores)?.f_to_kind(Kind::Double)?;
    let scores = Vec::<f64>::try_from(scores)?;
    let classes = Vec::<i64>::try_from(to_cpu(&detections.classes)?)?;
    let boxes = corners(&to_cpu(&detections.boxes)?)?;
    let masks = detections.masks.as_ref().map(to_cpu).transpose()?;
    let [height, width] = frame.image_yx().map(|n| n as f64);
    let mut all = Vec::with_capacity(boxes.len());
    for (index, corners) in boxes.into_iter().enumerate() {
        let [x1, y1, x2, y2] = corners.map(f64::from);
        let [y1, x1] = frame.point_to_image([y1, x1]);
        let [y2, x2] = frame.point_to_image([y2, x2]);
        let xyxy = [
            x1.clamp(0.0, width),
            y1.clamp(0.0, height),
            x2.clamp(0.0, width),
            y2.clamp(0.0, height),
        ];
        if xyxy[0] >= xyxy[2] || xyxy[1] >= xyxy[3] {
            continue;
        }
        let mask = match &masks {
            None => None,
            Some(masks) => {
                let mask = masks.f_narrow(0, index as i64, 1)?;
                let whole = Tensor::from_slice(&[x1, y1, x2, y2]).f_to_kind(Kind::Float)?;
                let size = frame.image_yx().map(|n| n as i64);
                let mask = array3_from_tensor(&pasted(&mask, &whole.f_view([1, 4])?, size)?)?;
                let inside = mask.mapv(|share| share >= INSIDE);
                Some(inside.index_axis_move(ndarray::Axis(0), 0))
            }
        };
        all.push(Found {
            class: classes[index] as u8,
            score: scores[index],
            xyxy,
            mask,
        });
    }
    Ok(all)
}
