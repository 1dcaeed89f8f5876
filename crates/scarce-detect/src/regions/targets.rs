//! What the sampled proposals are to become.

use rand::Rng;
use tch::Tensor;

use super::CODER;
use crate::matching::{Matcher, Sampling};
use crate::{DetectError, Instances};

/// The sampled proposals of an image, those of objects first.
pub(super) struct Targets {
    /// `(n, 4)`.
    pub boxes: Tensor,
    /// How many are objects'.
    pub positive: i64,
    /// Class of each, 0 for the background.
    pub classes: Tensor,
    /// The object of those that are objects'.
    pub object: Tensor,
    /// Offsets of those to their objects, `(positive, 4)`.
    pub offsets: Tensor,
}

/// Samples each image's proposals, among which the objects themselves are put.
pub(super) fn draw(
    proposals: &[Tensor],
    instances: &[Instances],
    matcher: Matcher,
    sampling: Sampling,
    rngs: &mut [impl Rng],
) -> Result<Vec<Targets>, DetectError> {
    let images = proposals.iter().zip(instances).zip(rngs);
    images
        .map(|((proposals, objects), rng)| {
            let kind = proposals.kind();
            let truth = objects.boxes.f_to_kind(kind)?;
            let boxes = Tensor::f_cat(&[proposals, &truth], 0)?;
            let matches = matcher.matches(&boxes, &truth)?;
            let [positive, negative] = sampling.draw(&matches, rng)?;
            let object = matches.object.f_index_select(0, &positive)?;
            let of_objects = boxes.f_index_select(0, &positive)?;
            let classes = objects.classes.f_index_select(0, &object)?;
            let background = negative.f_zeros_like()?;
            let offsets = CODER.encode(&of_objects, &truth.f_index_select(0, &object)?)?;
            Ok(Targets {
                boxes: Tensor::f_cat(&[of_objects, boxes.f_index_select(0, &negative)?], 0)?,
                positive: positive.numel() as i64,
                classes: Tensor::f_cat(&[classes, background], 0)?,
                object,
                offsets,
            })
        })
        .collect()
}
