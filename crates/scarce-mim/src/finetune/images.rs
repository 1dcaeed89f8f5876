//! The images of a fine-tuning, in memory.

use std::collections::BTreeSet;

use ndarray::{Array2, Array3};

use crate::MimError;

/// An image and its class.
#[derive(Debug, Clone)]
pub struct LabelledImage {
    /// Its name; what is drawn of it is a function of it.
    pub id: String,
    /// Intensities in 0 to 1, `(channel, y, x)`, on the canvas that [`super::look::Frame::canvas`] makes.
    pub pixels: Array3<f32>,
    /// Its class, from 0.
    pub class: usize,
}

/// An image and what each of its pixels shows.
#[derive(Debug, Clone)]
pub struct OutlinedImage {
    /// Its name; what is drawn of it is a function of it.
    pub id: String,
    /// Intensities in 0 to 1, `(channel, y, x)`, on the canvas that [`super::look::Frame::canvas`] makes.
    pub pixels: Array3<f32>,
    /// The class of each pixel `(y, x)` of the same canvas, the background 0.
    pub labels: Array2<u8>,
}

/// Refuses images that cannot be trained on, by their names: a canvas of another shape, a value that is not finite, a name that
/// comes twice.
///
/// # Errors
/// [`MimError::Data`].
pub fn check_canvases<'a>(
    images: impl Iterator<Item = (&'a str, &'a Array3<f32>)>,
    channels: i64,
    canvas_yx: [usize; 2],
) -> Result<(), MimError> {
    let refuse = |message| Err(MimError::Data { message });
    let expected = (channels as usize, canvas_yx[0], canvas_yx[1]);
    let mut ids = BTreeSet::new();
    for (id, pixels) in images {
        if pixels.dim() != expected {
            let got = pixels.dim();
            return refuse(format!(
                "image {id}: expected a canvas of (channel, y, x) {expected:?}, got {got:?}"
            ));
        }
        if let Some((at, value)) = pixels.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return refuse(format!(
                "image {id}: (channel, y, x) {at:?} is {value}, expected a finite number"
            ));
        }
        if !ids.insert(id) {
            return refuse(format!("two images are called {id}"));
        }
    }
    Ok(())
}
