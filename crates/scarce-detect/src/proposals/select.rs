//! The best of all anchors, moved to where the network says the object is.

use tch::{Kind, Tensor};

use super::{CODER, ProposalConfig, Proposals};
use crate::boxes::{clip, wide_enough};
use crate::nms::batched_nms;
use crate::{DetectError, Images};

pub(super) fn select(
    config: &ProposalConfig,
    proposals: &Proposals,
    images: &Images,
    train: bool,
) -> Result<Vec<Tensor>, DetectError> {
    let _guard = tch::no_grad_guard();
    let of_time = |[training, after]: [usize; 2]| if train { training } else { after };
    let before = of_time(config.before_suppression) as i64;
    let mut selected = Vec::with_capacity(images.sizes_yx.len());
    for (image, [height, width]) in images.sizes_yx.iter().enumerate() {
        let at = |t: &Tensor| t.f_select(0, image as i64);
        let (logits, offsets) = (
            at(&proposals.objectness)?.f_to_kind(Kind::Float)?,
            at(&proposals.offsets)?.f_to_kind(Kind::Float)?,
        );
        let (mut chosen, mut levels) = (Vec::new(), Vec::new());
        let mut first = 0;
        for (level, count) in proposals.of_level.iter().enumerate() {
            let of_level = logits.f_narrow(0, first, *count)?;
            let (_, best) = of_level.f_topk((*count).min(before), 0, true, true)?;
            levels.extend(vec![level as i64; best.numel()]);
            chosen.push(best + first);
            first += count;
        }
        let chosen = Tensor::f_cat(&chosen, 0)?;
        let take = |t: &Tensor| t.f_index_select(0, &chosen);
        let boxes = CODER.decode(&take(&proposals.anchors)?, &take(&offsets)?)?;
        let boxes = clip(&boxes, *height as f64, *width as f64)?;
        let scores = take(&logits)?.f_sigmoid()?;
        let wide = wide_enough(&boxes, config.least_side)?;
        let (boxes, scores) = (
            boxes.f_index_select(0, &wide)?,
            scores.f_index_select(0, &wide)?,
        );
        let levels: Vec<i64> = Vec::<i64>::try_from(&wide)?
            .into_iter()
            .map(|index| levels[index as usize])
            .collect();
        let mut kept = batched_nms(&boxes, &scores, &levels, config.suppression_iou)?;
        kept.truncate(of_time(config.after_suppression));
        let kept = Tensor::from_slice(&kept).to_device(boxes.device());
        selected.push(boxes.f_index_select(0, &kept)?);
    }
    Ok(selected)
}
