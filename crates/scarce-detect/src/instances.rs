//! What is in images, as it is known and as it is found.

use tch::Tensor;

use crate::DetectError;
use crate::boxes::check;

/// Images of a batch, each at the top left of its share of one tensor.
#[derive(Debug)]
pub struct Images {
    /// `(image, channel, y, x)`; sides are multiples of the encoder's stride, and what is beyond an image is 0.
    pub pixels: Tensor,
    /// Height and width of each image in it.
    pub sizes_yx: Vec<[i64; 2]>,
}

/// The objects of one image.
#[derive(Debug)]
pub struct Instances {
    /// `(n, 4)` in pixels, each of some width and height.
    pub boxes: Tensor,
    /// The class of each, from 1 on, int64; 0 is the background.
    pub classes: Tensor,
    /// `(n, y, x)`, 1 inside and 0 outside, of the image's size; none where only boxes are learned.
    pub masks: Option<Tensor>,
}

/// The objects that were found in one image, best first.
#[derive(Debug)]
pub struct Detections {
    /// `(n, 4)` in pixels.
    pub boxes: Tensor,
    /// The class of each, from 1 on, int64.
    pub classes: Tensor,
    /// How sure the network is of each, 0 to 1.
    pub scores: Tensor,
    /// Probabilities over each box, `(n, cell, cell)`; [`crate::regions::pasted`] lays them into the image. None where
    /// the network has no masks.
    pub masks: Option<Tensor>,
}

impl Images {
    /// How many.
    ///
    /// # Errors
    /// [`DetectError::Shape`] unless each has a size, within the pixels.
    pub fn check(&self) -> Result<usize, DetectError> {
        let (images, _, height, width) = self.pixels.size4()?;
        let fits = |[y, x]: &[i64; 2]| (1..=height).contains(y) && (1..=width).contains(x);
        if images != self.sizes_yx.len() as i64 || images == 0 || !self.sizes_yx.iter().all(fits) {
            return Err(DetectError::Shape {
                what: "images",
                expected: "(image, channel, y, x), and a size within it for each",
                got: self.pixels.size(),
            });
        }
        Ok(self.sizes_yx.len())
    }
}

impl Instances {
    /// How many.
    ///
    /// # Errors
    /// [`DetectError::Shape`] unless each has a box, a class and, where there are masks, a mask;
    /// [`DetectError::Box`] for a box without area.
    pub fn check(&self) -> Result<i64, DetectError> {
        check(&self.boxes, "boxes of instances")?;
        let n = self.boxes.size()[0];
        if self.classes.size() != [n] {
            return Err(DetectError::Shape {
                what: "classes of instances",
                expected: "one for each box",
                got: self.classes.size(),
            });
        }
        let masks = self.masks.as_ref().map(Tensor::size);
        if let Some(got) = masks.filter(|size| size.len() != 3 || size[0] != n) {
            return Err(DetectError::Shape {
                what: "masks of instances",
                expected: "(n, y, x), one for each box",
                got,
            });
        }
        let sides = self
            .boxes
            .f_narrow(1, 2, 2)?
            .f_sub(&self.boxes.f_narrow(1, 0, 2)?)?;
        let flat = sides
            .f_gt(0.0)?
            .f_logical_not()?
            .f_any_dim(1, false)?
            .f_nonzero()?;
        if flat.numel() > 0 {
            let index = flat.f_int64_value(&[0, 0])?;
            let xyxy = Vec::<f64>::try_from(self.boxes.f_select(0, index)?)?;
            return Err(DetectError::Box { index, xyxy });
        }
        Ok(n)
    }
}
