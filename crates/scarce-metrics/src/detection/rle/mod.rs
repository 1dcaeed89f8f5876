//! Masks as runs: COCO's run-length encoding.
//!
//! Pixels are counted down each column, columns from left to right (column-major, pixel
//! `x · height + y`), and the counts alternate between background and foreground, background first. Here a mask
//! is kept as the pixels where its runs end, so that areas, boxes and overlaps are had without decoding.

mod error;
mod overlap;
mod pixels;
mod polygon;
mod text;

pub use error::RleError;
pub(super) use overlap::share;

/// A mask of `height` by `width` pixels as runs, in the one form there is of each mask: no run is empty but for a first of
/// background. Two are equal where their pixels are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rle {
    size_yx: [u32; 2],
    /// Pixel after each run, background first; the last is height · width.
    ends: Vec<u32>,
}

impl Rle {
    /// From the lengths of the runs, background first.
    ///
    /// # Errors
    /// [`RleError::TooLarge`]; [`RleError::CountsSum`] when they are not height · width together.
    pub fn from_counts(size_yx: [u32; 2], counts: &[u32]) -> Result<Self, RleError> {
        let total = pixels_of(size_yx)?;
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if sum != u64::from(total) {
            return Err(RleError::CountsSum { size_yx, got: sum });
        }
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        Ok(Self::from_toggles(size_yx, total, ends))
    }

    /// From a compressed string (see [`Rle::to_compressed`]).
    ///
    /// # Errors
    /// As [`Rle::from_counts`], and what is wrong with the string.
    pub fn from_compressed(size_yx: [u32; 2], text: &[u8]) -> Result<Self, RleError> {
        let total = pixels_of(size_yx)?;
        let ends = text::run_ends(size_yx, total, text)?;
        Ok(Self::from_toggles(size_yx, total, ends.into_iter()))
    }

    /// The union of filled polygons, each `x, y, x, y, …` in pixels, by pycocotools' rule: corners are rounded to a
    /// fifth of a pixel, and the boundary between them decides in the middle of each column.
    ///
    /// # Errors
    /// [`RleError::TooLarge`], and what is wrong with a polygon.
    pub fn from_polygons<P: AsRef<[f64]>>(
        size_yx: [u32; 2],
        polygons: &[P],
    ) -> Result<Self, RleError> {
        let total = pixels_of(size_yx)?;
        let mut budget = polygon::MAX_CROSSINGS;
        let mut union: Option<Self> = None;
        for (index, xy) in polygons.iter().enumerate() {
            let crossings = polygon::crossings(size_yx, index, xy.as_ref(), &mut budget)?;
            let part = Self::from_toggles(size_yx, total, crossings.into_iter());
            union = Some(match union {
                Some(sum) => sum.union(&part)?,
                None => part,
            });
        }
        Ok(union.unwrap_or_else(|| Self::from_toggles(size_yx, total, std::iter::empty())))
    }

    /// From the pixels where inside and outside change, in order; two at one pixel cancel.
    fn from_toggles(size_yx: [u32; 2], total: u32, toggles: impl Iterator<Item = u32>) -> Self {
        let mut ends: Vec<u32> = Vec::with_capacity(toggles.size_hint().0 + 1);
        for toggle in toggles {
            if ends.last() == Some(&toggle) {
                ends.pop();
            } else {
                ends.push(toggle);
            }
        }
        if ends.last() != Some(&total) {
            ends.push(total);
        }
        Self { size_yx, ends }
    }

    /// Height and width in pixels.
    pub fn size_yx(&self) -> [u32; 2] {
        self.size_yx
    }

    /// Lengths of the runs, background first.
    pub fn to_counts(&self) -> Vec<u32> {
        let starts = std::iter::once(&0).chain(&self.ends);
        self.ends.iter().zip(starts).map(|(e, s)| e - s).collect()
    }

    /// COCO's compressed string: each count from the fourth on less the one before last, in groups of five bits from the
    /// lowest, a sixth bit for "more follows", 48 added to make it a character of `0` to `o`.
    pub fn to_compressed(&self) -> String {
        text::compressed(&self.to_counts())
    }

    /// First pixel and pixel after the last of each run of foreground.
    fn runs(&self) -> &[[u32; 2]] {
        self.ends.as_chunks().0
    }

    /// Pixels inside.
    pub fn area(&self) -> u32 {
        self.runs().iter().map(|[start, end]| end - start).sum()
    }

    /// The tightest box `x, y, width, height` in pixels; none for an empty mask.
    pub fn bounding_box(&self) -> Option<[u32; 4]> {
        let ([first, _], [_, last]) = (self.runs().first()?, self.runs().last()?);
        let height = self.size_yx[0];
        let (left, right) = (first / height, (last - 1) / height);
        let (mut top, mut bottom) = (height, 0);
        for [start, end] in self.runs() {
            let (y, length) = (start % height, end - start);
            if y + length > height {
                // It goes on into the next column, by way of this one's last pixel and that one's first.
                (top, bottom) = (0, height - 1);
                break;
            }
            top = top.min(y);
            bottom = bottom.max(y + length - 1);
        }
        Some([left, top, right - left + 1, bottom - top + 1])
    }
}

/// Height · width, where counts of 32 bits reach that far.
fn pixels_of(size_yx: [u32; 2]) -> Result<u32, RleError> {
    let [height, width] = size_yx;
    height
        .checked_mul(width)
        .ok_or(RleError::TooLarge { size_yx })
}
