//! Running a graph on arrays, with what comes out of it checked.

use ndarray::ArrayD;
use ort::{session::SessionInputValue, value::TensorElementType};

use crate::onnx::{Model, ModelFault, OnnxError};

/// Runs `model` and takes its `outputs`, in that order.
///
/// # Errors
/// [`OnnxError`] when it fails, or gives a number that is not finite.
pub(super) fn run(
    model: &mut Model,
    inputs: Vec<(&'static str, SessionInputValue<'_>)>,
    outputs: &[&'static str],
) -> Result<Vec<ArrayD<f32>>, OnnxError> {
    let found = model.run(inputs).and_then(|values| {
        outputs
            .iter()
            .map(|name| {
                let array = values[*name]
                    .try_extract_array::<f32>()
                    .map_err(|error| ModelFault::Run(error.to_string()))?;
                match array.iter().find(|value| !value.is_finite()) {
                    None => Ok(array.to_owned()),
                    Some(value) => Err(wrong(name, "finite numbers", value)),
                }
            })
            .collect()
    });
    found.map_err(|fault| model.fault(fault))
}

/// The fault of an output that cannot be used.
pub(super) fn wrong(output: &str, expected: impl ToString, found: impl ToString) -> ModelFault {
    ModelFault::Output {
        output: output.to_owned(),
        expected: expected.to_string(),
        found: found.to_string(),
    }
}

/// An array as an input.
///
/// # Errors
/// ONNX Runtime's, as the model's.
pub(super) fn input<T, D>(
    model: &Model,
    array: ndarray::Array<T, D>,
) -> Result<SessionInputValue<'static>, OnnxError>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    D: ndarray::Dimension + 'static,
{
    let tensor = ort::value::Tensor::from_array(array);
    let tensor = tensor.map_err(|error| model.fault(ModelFault::Run(error.to_string())))?;
    Ok(tensor.into())
}

/// The sizes of an input, all of which the graph must fix; -1 in `expected` is any size.
///
/// # Errors
/// [`ModelFault::PortType`] for another shape.
pub(super) fn fixed_sizes<const N: usize>(
    model: &Model,
    port: &str,
    expected: [i64; N],
) -> Result<[usize; N], OnnxError> {
    let found = model.input_shape(port).unwrap_or_default();
    let sizes: Vec<usize> = found
        .iter()
        .zip(expected)
        .filter(|(size, expected)| **size > 0 && (*expected == -1 || **size == *expected))
        .map(|(size, _)| *size as usize)
        .collect();
    match <[usize; N]>::try_from(sizes) {
        Ok(sizes) if found.len() == N => Ok(sizes),
        _ => Err(model.fault(ModelFault::PortType {
            port: port.to_owned(),
            expected: format!(
                "{} tensor of fixed sizes {expected:?}, -1 for any",
                TensorElementType::Float32
            ),
            found: format!("sizes {found:?}"),
        })),
    }
}
