//! What can be wrong with a mask's encoding.

use thiserror::Error;

/// What can be wrong with a mask's encoding. Sizes are height and width.
#[derive(Debug, Error, Clone, PartialEq)]
#[non_exhaustive]
pub enum RleError {
    /// Counts of 32 bits don't reach over so many pixels.
    #[error("{} x {} pixels: expected fewer than 2^32", size_yx[0], size_yx[1])]
    TooLarge {
        /// The size claimed.
        size_yx: [u32; 2],
    },
    /// Runs end before or after the last pixel.
    #[error("counts add up to {got}, expected {} x {} = {}", size_yx[0], size_yx[1], u64::from(size_yx[0]) * u64::from(size_yx[1]))]
    CountsSum {
        /// The size claimed.
        size_yx: [u32; 2],
        /// What the counts add up to.
        got: u64,
    },
    /// A byte that stands for nothing.
    #[error(
        "byte {at} of the compressed counts is 0x{byte:02x}, expected `0` (0x30) to `o` (0x6f)"
    )]
    BadByte {
        /// Its place in the string.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// The last count wants more bytes than there are.
    #[error("the compressed counts end at byte {at} within a count")]
    CutShort {
        /// Bytes there are.
        at: usize,
    },
    /// A count that is negative or beyond 32 bits.
    #[error("count {index} of the compressed counts is {got}, expected 0 to 2^32 - 1")]
    CountRange {
        /// Which count, from 0.
        index: usize,
        /// Its value, as far as it was read.
        got: i64,
    },
    /// Not a polygon.
    #[error(
        "polygon {polygon} has {got} numbers, expected an even count of 6 or more (x, y, x, y, ...)"
    )]
    Points {
        /// Which polygon, from 0.
        polygon: usize,
        /// Numbers it has.
        got: usize,
    },
    /// A coordinate that is no place near an image.
    #[error(
        "number {index} of polygon {polygon} is {got}, expected a finite coordinate within 4e8 pixels"
    )]
    Coordinate {
        /// Which polygon, from 0.
        polygon: usize,
        /// Which of its numbers, from 0.
        index: usize,
        /// The number.
        got: f64,
    },
    /// Polygons that would fill the memory.
    #[error("polygon {polygon} brings the edges' column crossings beyond {limit}")]
    Crossings {
        /// Which polygon, from 0.
        polygon: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Two masks that don't lie on one another.
    #[error("masks of {} x {} and {} x {} pixels", a_yx[0], a_yx[1], b_yx[0], b_yx[1])]
    Sizes {
        /// One mask's size.
        a_yx: [u32; 2],
        /// The other's.
        b_yx: [u32; 2],
    },
    /// Too many pixels to hold each as a byte.
    #[error("{} x {} pixels to decode, expected {limit} at most", size_yx[0], size_yx[1])]
    Pixels {
        /// The mask's size.
        size_yx: [u32; 2],
        /// The most there may be.
        limit: u32,
    },
}
