//! Whole canvases as a network's input, with nothing drawn of them.

use ndarray::Array3;
use scarce_train::tensor_from_array;
use tch::{Device, Tensor};

use super::Placement;
use crate::{Intensities, MimError};

/// `(image, channel, y, x)` on `device`.
///
/// # Errors
/// [`MimError::Torch`] for canvases of different channels.
pub fn whole<'a>(
    canvases: impl Iterator<Item = &'a Array3<f32>>,
    input_yx: [usize; 2],
    intensities: &Intensities,
    device: Device,
) -> Result<Tensor, MimError> {
    let pixels: Vec<Tensor> = canvases
        .map(|canvas| {
            let mut pixels = Placement::WHOLE.see(canvas.view(), input_yx);
            intensities.apply(&mut pixels);
            tensor_from_array(&pixels)
        })
        .collect();
    Ok(Tensor::f_stack(&pixels, 0)?.f_to_device(device)?)
}
