//! Pooling of windows, hidden cells as zeros.

use scarce_train::interchange::onnx::Attribute;
use tch::Tensor;

use super::Features;
use crate::MimError;

/// The greatest value of each window, hidden cells as zeros (as SparK has it: what is pooled comes from a rectifier).
///
/// # Errors
/// [`MimError::Shape`] when the output does not fit the mask's grid.
pub fn max_pool<'a>(
    input: &Features<'a>,
    kernel: i64,
    stride: i64,
    padding: i64,
) -> Result<Features<'a>, MimError> {
    if let Features::Traced(traced) = input {
        let attributes = traced.windows(kernel, stride, padding);
        return Ok(Features::Traced(traced.node(
            "MaxPool",
            &[],
            &attributes,
        )?));
    }
    pool(input, |map| {
        let each = |n: i64| vec![n; map.dim() - 2];
        let (k, s, p, d) = (each(kernel), each(stride), each(padding), each(1));
        Ok(match map.dim() {
            5 => map.f_max_pool3d(k, s, p, d, false)?,
            _ => map.f_max_pool2d(k, s, p, d, false)?,
        })
    })
}

/// The mean of each window, hidden cells and those beyond the border as zeros.
///
/// # Errors
/// [`MimError::Shape`] when the output does not fit the mask's grid.
pub fn average_pool<'a>(
    input: &Features<'a>,
    kernel: i64,
    stride: i64,
    padding: i64,
) -> Result<Features<'a>, MimError> {
    if let Features::Traced(traced) = input {
        let mut attributes = traced.windows(kernel, stride, padding);
        attributes.push(("count_include_pad", Attribute::Int(1)));
        return Ok(Features::Traced(traced.node(
            "AveragePool",
            &[],
            &attributes,
        )?));
    }
    pool(input, |map| {
        let each = |n: i64| vec![n; map.dim() - 2];
        let (k, s, p) = (each(kernel), each(stride), each(padding));
        Ok(match map.dim() {
            5 => map.f_avg_pool3d(k, s, p, false, true, None)?,
            _ => map.f_avg_pool2d(k, s, p, false, true, None)?,
        })
    })
}

fn pool<'a>(
    input: &Features<'a>,
    over: impl FnOnce(&Tensor) -> Result<Tensor, MimError>,
) -> Result<Features<'a>, MimError> {
    Features::new(&over(&input.map()?)?, input.active())
}
