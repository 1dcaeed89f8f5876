//! Running a graph on arrays, with what comes out of it checked.

use ndarray::{Array, ArrayD, ArrayView, ArrayViewD, Dimension};
use ort::{
    session::{SessionInputValue, SessionOutputs},
    value::{PrimitiveTensorElementType, Tensor, TensorElementType, TensorRef},
};

use super::{Model, ModelFault, OnnxError};

/// Inputs by name.
pub(crate) type Inputs<'a> = Vec<(&'static str, SessionInputValue<'a>)>;

/// Runs `model` and takes its `outputs`, in that order.
///
/// # Errors
/// [`OnnxError`] when it fails, or gives a number that is not finite.
pub(crate) fn run<const N: usize>(
    model: &mut Model,
    inputs: Inputs<'_>,
    outputs: [&str; N],
) -> Result<[ArrayD<f32>; N], OnnxError> {
    run_checked(model, inputs, outputs, "finite numbers", f32::is_finite)
}

/// The same of a graph that marks what it leaves out by minus infinity.
///
/// # Errors
/// [`OnnxError`] when it fails, or gives NaN.
pub(crate) fn run_with_infinities<const N: usize>(
    model: &mut Model,
    inputs: Inputs<'_>,
    outputs: [&str; N],
) -> Result<[ArrayD<f32>; N], OnnxError> {
    run_checked(model, inputs, outputs, "numbers", |value| !value.is_nan())
}

fn run_checked<const N: usize>(
    model: &mut Model,
    inputs: Inputs<'_>,
    outputs: [&str; N],
    expected: &str,
    serves: impl Fn(f32) -> bool,
) -> Result<[ArrayD<f32>; N], OnnxError> {
    run_and(model, inputs, |values| {
        let mut found = outputs.map(|_| ArrayD::zeros(Vec::new()));
        for (found, name) in found.iter_mut().zip(outputs) {
            *found = checked(output(values, name)?, name, expected, &serves)?;
        }
        Ok(found)
    })
}

/// Runs `model` and hands its outputs to `take`, for those that are not needed whole.
///
/// # Errors
/// [`OnnxError`] when it fails, or `take` does.
pub(crate) fn run_and<T>(
    model: &mut Model,
    inputs: Inputs<'_>,
    take: impl FnOnce(&SessionOutputs<'_>) -> Result<T, ModelFault>,
) -> Result<T, OnnxError> {
    let found = model.run(inputs).and_then(|values| take(&values));
    found.map_err(|fault| model.fault(fault))
}

/// An output as it lies in ONNX Runtime.
///
/// # Errors
/// [`ModelFault::Run`] where it is no f32 tensor.
pub(crate) fn output<'a>(
    values: &'a SessionOutputs<'_>,
    name: &str,
) -> Result<ArrayViewD<'a, f32>, ModelFault> {
    values[name].try_extract_array::<f32>().map_err(failed)
}

/// A copy of an output or of a part of it, all finite.
///
/// # Errors
/// [`ModelFault::Output`] for a number that is not.
pub(crate) fn finite<D: Dimension>(
    values: ArrayView<'_, f32, D>,
    output: &str,
) -> Result<Array<f32, D>, ModelFault> {
    checked(values, output, "finite numbers", &f32::is_finite)
}

fn checked<D: Dimension>(
    values: ArrayView<'_, f32, D>,
    output: &str,
    expected: &str,
    serves: &impl Fn(f32) -> bool,
) -> Result<Array<f32, D>, ModelFault> {
    let fails = |value: &&f32| !serves(**value);
    let fault = match values.as_slice() {
        // Several times faster than over any number of axes.
        Some(values) => values.iter().find(fails),
        None => values.iter().find(fails),
    };
    match fault {
        None => Ok(values.to_owned()),
        Some(value) => Err(wrong(output, expected, value)),
    }
}

/// `array` with as many axes as `D` has.
///
/// # Errors
/// [`ModelFault::Output`] with the shape that was `expected`.
pub(crate) fn shaped<D: Dimension>(
    array: ArrayD<f32>,
    output: &str,
    expected: &str,
) -> Result<Array<f32, D>, ModelFault> {
    let found = format!("{:?}", array.shape());
    let shaped = array.into_dimensionality::<D>();
    shaped.map_err(|_| wrong(output, expected, found))
}

/// The fault of an output that cannot be used.
pub(crate) fn wrong(output: &str, expected: impl ToString, found: impl ToString) -> ModelFault {
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
pub(crate) fn input<T, D>(
    model: &Model,
    array: Array<T, D>,
) -> Result<SessionInputValue<'static>, OnnxError>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    D: Dimension + 'static,
{
    let tensor = Tensor::from_array(array).map_err(|error| model.fault(failed(error)))?;
    Ok(tensor.into())
}

/// An array as an input, without a copy.
///
/// # Errors
/// As [`input`].
pub(crate) fn view<'a, T, D>(
    model: &Model,
    array: &'a Array<T, D>,
) -> Result<SessionInputValue<'a>, OnnxError>
where
    T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    D: Dimension + 'static,
{
    let tensor = TensorRef::from_array_view(array).map_err(|error| model.fault(failed(error)))?;
    Ok(tensor.into())
}

fn failed(error: ort::Error) -> ModelFault {
    ModelFault::Run(error.to_string())
}

/// The sizes of an input, all of which the graph must fix; -1 in `expected` is any size.
///
/// # Errors
/// [`ModelFault::PortType`] for another shape.
pub(crate) fn fixed_sizes<const N: usize>(
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
