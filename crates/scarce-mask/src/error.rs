//! Why no mask was drawn.

use thiserror::Error;

/// Why no mask was drawn.
#[derive(Debug, Error, Clone, PartialEq)]
pub enum MaskError {
    /// A share is no share.
    #[error("{name} is {value}, expected 0 to 1")]
    Ratio {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// A setting is out of its range.
    #[error("{name} is {got}, expected {expected}")]
    Setting {
        /// Which.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The policy would hide the region less than the rest.
    #[error("high is {high} and low {low}: expected high to be at least low")]
    Inverted {
        /// Share of the region.
        high: f64,
        /// Share of the rest.
        low: f64,
    },
    /// A grid without cells, or finer than what it is laid over.
    #[error(
        "a grid of {grid:?} cells over {pixels:?} pixels: expected as many axes, and 1 to as many cells as pixels along each"
    )]
    Grid {
        /// Cells along (z), y, x.
        grid: Vec<usize>,
        /// Pixels along (z), y, x.
        pixels: Vec<usize>,
    },
    /// What belongs together is not of one shape.
    #[error("{what} has the shape {got:?}, expected {expected:?}")]
    Shape {
        /// What was given.
        what: &'static str,
        /// The region grid's shape.
        expected: Vec<usize>,
        /// The shape it has.
        got: Vec<usize>,
    },
    /// The policy looks at something that was not given.
    #[error("the policy {policy} needs {what}, and the guide has none")]
    Missing {
        /// Which policy.
        policy: &'static str,
        /// What it looks at.
        what: &'static str,
    },
    /// A value that cannot guide.
    #[error("the map is {value} at {at:?}, expected {expected}")]
    Value {
        /// What was found.
        value: f32,
        /// Where, along (z), y, x.
        at: Vec<usize>,
        /// What would do.
        expected: &'static str,
    },
    /// A part for which the policy has no share.
    #[error("part {part} occurs, and the policy has ratios for the parts 0 to {last}")]
    Part {
        /// The part.
        part: u16,
        /// The last part with a share.
        last: usize,
    },
    /// A schedule between policies that have nothing in between.
    #[error("a schedule from {from} to {to}: expected one kind of policy with as many ratios")]
    Schedule {
        /// The policy at the beginning.
        from: &'static str,
        /// The policy at the end.
        to: &'static str,
    },
    /// All or nothing would be hidden.
    #[error(
        "{hidden} of {cells} cells would be hidden: a network needs at least one visible and one hidden"
    )]
    Degenerate {
        /// Cells to hide.
        hidden: usize,
        /// Cells in all.
        cells: usize,
    },
}

pub(crate) fn check_share(name: &'static str, value: f64) -> Result<(), MaskError> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(MaskError::Ratio { name, value })
    }
}
