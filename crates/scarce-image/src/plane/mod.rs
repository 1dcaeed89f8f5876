//! Pictures without geometry brought to another size.

mod resize;
#[cfg(test)]
mod tests;

pub use resize::{resize_plane, resize_plane_any, resize_plane_nearest};

/// A part of a plane in pixels, from its upper left corner; a pixel reaches from its index to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneWindow {
    /// Where it begins along y and x.
    pub start_yx: [f64; 2],
    /// How far it reaches along y and x.
    pub size_yx: [f64; 2],
}

impl PlaneWindow {
    /// All of a plane of this shape.
    pub fn whole(shape_yx: [usize; 2]) -> Self {
        Self {
            start_yx: [0.0; 2],
            size_yx: shape_yx.map(|n| n as f64),
        }
    }
}
