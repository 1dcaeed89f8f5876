//! Which boxes learn from which objects.

use rand::Rng;
use rand::seq::index;
use tch::{Kind, Tensor};

use crate::DetectError;
use crate::boxes::iou;

/// Which overlap makes a box an object's (torchvision's `Matcher`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Matcher {
    /// Boxes that overlap an object at least so much are its.
    pub positive_iou: f64,
    /// Boxes that overlap every object less are background; those between the two say nothing.
    pub negative_iou: f64,
    /// Whether the boxes that overlap an object most are its, however little that is.
    pub keep_best: bool,
}

/// What each box of an image is to learn.
#[derive(Debug)]
pub struct Matches {
    /// The object that each box overlaps most, `(n)` int64; 0 where there is none.
    pub object: Tensor,
    /// Boxes that are an object's, `(n)` bool.
    pub positive: Tensor,
    /// Boxes that are background.
    pub negative: Tensor,
}

impl Matcher {
    /// Matches boxes `(n, 4)` with objects' boxes `(m, 4)`.
    ///
    /// # Errors
    /// [`DetectError::Shape`].
    pub fn matches(&self, boxes: &Tensor, objects: &Tensor) -> Result<Matches, DetectError> {
        let n = boxes.size()[0];
        if objects.size()[0] == 0 {
            let device = boxes.device();
            return Ok(Matches {
                object: Tensor::f_zeros([n], (Kind::Int64, device))?,
                positive: Tensor::f_zeros([n], (Kind::Bool, device))?,
                negative: Tensor::f_ones([n], (Kind::Bool, device))?,
            });
        }
        let overlaps = iou(objects, boxes)?;
        let (best, object) = overlaps.f_max_dim(0, false)?;
        let mut positive = best.f_ge(self.positive_iou)?;
        let mut negative = best.f_lt(self.negative_iou)?;
        if self.keep_best {
            let of_object = overlaps.f_amax([1i64].as_slice(), true)?;
            let kept = overlaps.f_eq_tensor(&of_object)?.f_any_dim(0, false)?;
            positive = positive.f_logical_or(&kept)?;
            negative = negative.f_logical_and(&kept.f_logical_not()?)?;
        }
        Ok(Matches {
            object,
            positive,
            negative,
        })
    }
}

/// How many boxes an image learns from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Boxes of an image at most.
    pub boxes: usize,
    /// The share of these that objects' boxes may take; background takes the rest.
    pub positive_share: f64,
}

impl Sampling {
    /// Indices of the boxes that are learned from: of objects, and of the background, each in ascending order.
    ///
    /// # Errors
    /// [`DetectError::Torch`] from libtorch.
    pub fn draw(&self, matches: &Matches, rng: &mut impl Rng) -> Result<[Tensor; 2], DetectError> {
        let indices = |mask: &Tensor| -> Result<Vec<i64>, DetectError> {
            Ok(Vec::try_from(mask.f_nonzero()?.f_view([-1])?)?)
        };
        let most = (self.boxes as f64 * self.positive_share) as usize;
        let positive = some(indices(&matches.positive)?, most, rng);
        let negative = some(
            indices(&matches.negative)?,
            self.boxes - positive.len(),
            rng,
        );
        let device = matches.object.device();
        Ok([positive, negative].map(|chosen| Tensor::from_slice(&chosen).to_device(device)))
    }
}

/// At most `count` of `all`, each as likely, in their order.
fn some(all: Vec<i64>, count: usize, rng: &mut impl Rng) -> Vec<i64> {
    if all.len() <= count {
        return all;
    }
    let mut chosen: Vec<i64> = index::sample(rng, all.len(), count)
        .into_iter()
        .map(|place| all[place])
        .collect();
    chosen.sort_unstable();
    chosen
}
