//! From the box head's answers to detections.

use tch::{Kind, Tensor};

use super::box_head::BoxAnswers;
use super::{CODER, RegionConfig};
use crate::boxes::{clip, wide_enough};
use crate::nms::batched_nms;
use crate::{DetectError, Detections, Images};

/// Detections narrower or lower than so many pixels are left out.
const LEAST_SIDE: f64 = 1e-2;

/// Every class of every proposal is a candidate (torchvision's `postprocess_detections`).
pub(super) fn detect(
    config: &RegionConfig,
    answers: &BoxAnswers,
    images: &Images,
    proposals: &[Tensor],
) -> Result<Vec<Detections>, DetectError> {
    let probabilities = answers.logits.f_softmax(-1, Kind::Float)?;
    let classes = probabilities.size()[1];
    let mut first = 0;
    let mut found = Vec::with_capacity(proposals.len());
    for (proposals, [height, width]) in proposals.iter().zip(&images.sizes_yx) {
        let n = proposals.size()[0];
        let of_image = |t: &Tensor| t.f_narrow(0, first, n)?.f_narrow(1, 1, classes - 1);
        let candidates = n * (classes - 1);
        let scores = of_image(&probabilities)?.f_reshape([candidates])?;
        let offsets = of_image(&answers.offsets)?.f_reshape([candidates, 4])?;
        let references = proposals
            .f_unsqueeze(1)?
            .f_expand([n, classes - 1, 4], false)?
            .f_reshape([candidates, 4])?;
        let boxes = CODER.decode(&references, &offsets.f_to_kind(proposals.kind())?)?;
        let boxes = clip(&boxes, *height as f64, *width as f64)?;
        let labels =
            Tensor::f_arange_start(1, classes, (Kind::Int64, scores.device()))?.f_repeat([n])?;
        first += n;

        let sure = scores.f_gt(config.least_score)?.f_nonzero()?.f_view([-1])?;
        let take =
            |[boxes, scores, labels]: [&Tensor; 3], index: &Tensor| -> Result<_, DetectError> {
                let of = |t: &Tensor| t.f_index_select(0, index);
                Ok([of(boxes)?, of(scores)?, of(labels)?])
            };
        let [boxes, scores, labels] = take([&boxes, &scores, &labels], &sure)?;
        let wide = wide_enough(&boxes, LEAST_SIDE)?;
        let [boxes, scores, labels] = take([&boxes, &scores, &labels], &wide)?;
        let groups = if config.class_agnostic {
            vec![0; labels.numel()]
        } else {
            Vec::<i64>::try_from(&labels)?
        };
        let mut kept = batched_nms(&boxes, &scores, &groups, config.suppression_iou)?;
        kept.truncate(config.detections);
        let kept = Tensor::from_slice(&kept).to_device(boxes.device());
        let [boxes, scores, classes] = take([&boxes, &scores, &labels], &kept)?;
        found.push(Detections {
            boxes,
            classes,
            scores,
            masks: None,
        });
    }
    Ok(found)
}
