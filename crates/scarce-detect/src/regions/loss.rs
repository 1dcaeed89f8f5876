//! How far the heads are from the objects.

use tch::{Kind, Reduction, Tensor};

use super::box_head::BoxAnswers;
use super::levels::Pooling;
use super::mask_head::{MaskHead, of_class};
use super::targets::Targets;
use crate::boxes::corners;
use crate::roi_align::{Level, Region, RoiAlign};
use crate::{DetectError, Instances};

/// Where smooth L1 turns from a square into a line.
const BETA: f64 = 1.0 / 9.0;

/// Cross entropy over the classes, and the objects' smooth L1, summed, by the number of all that were sampled
/// (torchvision's `fastrcnn_loss`).
pub(super) fn box_losses(
    answers: &BoxAnswers,
    targets: &[Targets],
) -> Result<[Tensor; 2], DetectError> {
    let of_all = |part: fn(&Targets) -> &Tensor| {
        let parts: Vec<&Tensor> = targets.iter().map(part).collect();
        Tensor::f_cat(&parts, 0)
    };
    let labels = of_all(|t| &t.classes)?;
    let logits = answers.logits.f_to_kind(Kind::Float)?;
    let sampled = labels.numel().max(1) as f64;
    let none = None::<&Tensor>;
    let classes = logits.f_cross_entropy_loss(&labels, none, Reduction::Sum, -100, 0.0)?;
    let positive = labels.f_gt(0)?.f_nonzero()?.f_view([-1])?;
    let own = labels.f_index_select(0, &positive)?;
    let offsets = answers
        .offsets
        .f_index(&[Some(&positive), Some(&own)])?
        .f_to_kind(Kind::Float)?;
    let wanted = of_all(|t| &t.offsets)?.f_to_kind(Kind::Float)?;
    let boxes = offsets.f_smooth_l1_loss(&wanted, Reduction::Sum, BETA)?;
    Ok([classes.f_div_scalar(sampled)?, boxes.f_div_scalar(sampled)?])
}

/// Binary cross entropy of the objects' proposals, each over the mask of its own class (torchvision's `maskrcnn_loss`).
pub(super) fn mask_loss(
    head: &MaskHead,
    pooling: &Pooling,
    targets: &[Targets],
    instances: &[Instances],
) -> Result<Tensor, DetectError> {
    let first = |t: &Tensor, n: i64| t.f_narrow(0, 0, n);
    let mut boxes = Vec::new();
    let mut classes = Vec::new();
    for target in targets {
        boxes.push(first(&target.boxes, target.positive)?);
        classes.push(first(&target.classes, target.positive)?);
    }
    let logits = head.forward(pooling, &boxes)?.f_to_kind(Kind::Float)?;
    if logits.size()[0] == 0 {
        return Ok(logits.f_sum(Kind::Float)?);
    }
    let logits = of_class(&logits, &Tensor::f_cat(&classes, 0)?)?;
    let side = logits.size()[1] as usize;
    let mut wanted = Vec::new();
    for ((target, objects), boxes) in targets.iter().zip(instances).zip(&boxes) {
        if target.positive > 0 {
            wanted.push(on_boxes(objects, &target.object, boxes, side)?);
        }
    }
    let wanted = Tensor::f_cat(&wanted, 0)?;
    let none = None::<&Tensor>;
    Ok(logits.f_binary_cross_entropy_with_logits(&wanted, none, none, Reduction::Mean)?)
}

/// The masks of objects over boxes `(n, 4)`, `(n, side, side)`: shares of each cell that are inside.
fn on_boxes(
    instances: &Instances,
    object: &Tensor,
    boxes: &Tensor,
    side: usize,
) -> Result<Tensor, DetectError> {
    let Some(masks) = &instances.masks else {
        return Err(DetectError::Shape {
            what: "masks of instances",
            expected: "(n, y, x), since masks are learned",
            got: Vec::new(),
        });
    };
    let level = Level {
        maps: masks.f_to_kind(Kind::Float)?.f_unsqueeze(1)?,
        spatial_scale: 1.0,
    };
    let objects = Vec::<i64>::try_from(object)?;
    let regions: Vec<Region> = objects
        .into_iter()
        .zip(corners(boxes)?)
        .map(|(object, xyxy)| Region {
            image: object as usize,
            level: 0,
            xyxy,
        })
        .collect();
    let align = RoiAlign {
        output_yx: [side; 2],
        sampling_ratio: None,
        aligned: false,
    };
    Ok(align.forward(&[level], &regions)?.f_squeeze_dim(1)?)
}
