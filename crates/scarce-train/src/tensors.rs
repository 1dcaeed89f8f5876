//! Between arrays and tensors, and from a variable store to a sorted list.

use ndarray::{Array, Array2, Array3, Array4, ArrayBase, Data, Dimension, IntoDimension};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

use crate::TrainError;

/// A CPU tensor of the array's shape and values.
pub fn tensor_from_array<S, D>(array: &ArrayBase<S, D>) -> Tensor
where
    S: Data,
    S::Elem: tch::kind::Element + Clone,
    D: Dimension,
{
    let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
    if let Some(values) = array.as_slice() {
        return Tensor::from_slice(values).view(shape.as_slice());
    }
    let values: Vec<S::Elem> = array.iter().cloned().collect();
    Tensor::from_slice(&values).view(shape.as_slice())
}

/// The values of a two-dimensional tensor.
///
/// # Errors
/// [`TrainError::Torch`] when the tensor has another number of dimensions.
pub fn array2_from_tensor(tensor: &Tensor) -> Result<Array2<f32>, TrainError> {
    let (a, b) = tensor.size2()?;
    array_from_tensor(tensor, (a as usize, b as usize))
}

/// The values of a three-dimensional tensor.
///
/// # Errors
/// [`TrainError::Torch`] when the tensor has another number of dimensions.
pub fn array3_from_tensor(tensor: &Tensor) -> Result<Array3<f32>, TrainError> {
    let (a, b, c) = tensor.size3()?;
    array_from_tensor(tensor, (a as usize, b as usize, c as usize))
}

/// The values of a four-dimensional tensor.
///
/// # Errors
/// [`TrainError::Torch`] when the tensor has another number of dimensions.
pub fn array4_from_tensor(tensor: &Tensor) -> Result<Array4<f32>, TrainError> {
    let (a, b, c, d) = tensor.size4()?;
    array_from_tensor(tensor, (a as usize, b as usize, c as usize, d as usize))
}

fn array_from_tensor<I: IntoDimension>(
    tensor: &Tensor,
    shape: I,
) -> Result<Array<f32, I::Dim>, TrainError> {
    let flat = tensor
        .detach()
        .f_to_kind(Kind::Float)?
        .f_contiguous()?
        .f_view([-1])?;
    let values = Vec::<f32>::try_from(&flat)?;
    Array::from_shape_vec(shape.into_dimension(), values)
        .map_err(|error| TrainError::Torch(tch::TchError::Shape(error.to_string())))
}

/// All variables of a store, buffers included, sorted by name. The tensors share the store's memory.
pub fn named_variables(store: &VarStore) -> Vec<(String, Tensor)> {
    let mut variables: Vec<_> = store.variables().into_iter().collect();
    variables.sort_by(|a, b| a.0.cmp(&b.0));
    variables
}
