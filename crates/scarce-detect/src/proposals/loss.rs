//! How far proposals are from the objects.

use rand::Rng;
use tch::{Reduction, Tensor};

use super::{CODER, ProposalLosses, Proposals};
use crate::matching::{Matcher, Sampling};
use crate::{DetectError, Instances};

/// Where smooth L1 turns from a square into a line.
const BETA: f64 = 1.0 / 9.0;

/// Over the sampled anchors of all images: the mean cross entropy, and the sum of the objects' smooth L1 by the number
/// of all that were sampled (torchvision's `compute_loss`).
pub(super) fn losses(
    proposals: &Proposals,
    instances: &[Instances],
    matcher: Matcher,
    sampling: Sampling,
    rngs: &mut [impl Rng],
) -> Result<ProposalLosses, DetectError> {
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    let (mut offsets, mut targets) = (Vec::new(), Vec::new());
    for (image, (objects, rng)) in instances.iter().zip(rngs).enumerate() {
        let matches = matcher.matches(&proposals.anchors, &objects.boxes)?;
        let [positive, negative] = sampling.draw(&matches, rng)?;
        let of_image = |t: &Tensor| t.f_select(0, image as i64);
        let objectness = of_image(&proposals.objectness)?;
        for (chosen, label) in [(&positive, 1.0), (&negative, 0.0)] {
            let chosen = objectness.f_index_select(0, chosen)?;
            labels.push(chosen.f_full_like(label)?.detach());
            logits.push(chosen);
        }
        if positive.numel() > 0 {
            let object = matches.object.f_index_select(0, &positive)?;
            let anchors = proposals.anchors.f_index_select(0, &positive)?;
            let boxes = objects.boxes.f_index_select(0, &object)?;
            targets.push(CODER.encode(&anchors, &boxes)?);
            offsets.push(of_image(&proposals.offsets)?.f_index_select(0, &positive)?);
        }
    }
    let (logits, labels) = (Tensor::f_cat(&logits, 0)?, Tensor::f_cat(&labels, 0)?);
    let sampled = logits.numel().max(1) as f64;
    let none = None::<&Tensor>;
    let objectness =
        logits.f_binary_cross_entropy_with_logits(&labels, none, none, Reduction::Sum)?;
    let boxes = if offsets.is_empty() {
        proposals.offsets.f_sum(None)?.f_mul_scalar(0.0)?
    } else {
        let (offsets, targets) = (Tensor::f_cat(&offsets, 0)?, Tensor::f_cat(&targets, 0)?);
        offsets.f_smooth_l1_loss(&targets.f_to_kind(offsets.kind())?, Reduction::Sum, BETA)?
    };
    Ok(ProposalLosses {
        objectness: objectness.f_div_scalar(sampled)?,
        boxes: boxes.f_div_scalar(sampled)?,
    })
}
