//! The arrays that samples are made of.

use ndarray::{Array, ArrayD, Axis, Dimension, IxDyn};
use tch::Tensor;

use super::LoaderError;
use crate::native::owned_tensor::tensor_from_vec;
use crate::tensor_from_array;

/// An array of a sample, or of a batch with the samples along the first axis.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleArray {
    /// Intensities.
    F32(ArrayD<f32>),
    /// Labels, or intensities not yet scaled.
    U8(ArrayD<u8>),
    /// Intensities as scanners store them.
    I16(ArrayD<i16>),
    /// Counts.
    I32(ArrayD<i32>),
    /// Classes, as libtorch's losses take them.
    I64(ArrayD<i64>),
    /// Masks.
    Bool(ArrayD<bool>),
}

macro_rules! on_each_kind {
    ($value:expr, $array:ident => $body:expr) => {
        match $value {
            SampleArray::F32($array) => $body,
            SampleArray::U8($array) => $body,
            SampleArray::I16($array) => $body,
            SampleArray::I32($array) => $body,
            SampleArray::I64($array) => $body,
            SampleArray::Bool($array) => $body,
        }
    };
}

macro_rules! from_array {
    ($($element:ty => $kind:ident),*) => {$(
        impl<D: Dimension> From<Array<$element, D>> for SampleArray {
            fn from(array: Array<$element, D>) -> Self {
                Self::$kind(array.into_dyn())
            }
        }
    )*};
}
from_array!(f32 => F32, u8 => U8, i16 => I16, i32 => I32, i64 => I64, bool => Bool);

impl SampleArray {
    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        on_each_kind!(self, array => array.shape())
    }

    /// A CPU tensor of the array's shape and values.
    pub fn tensor(&self) -> Tensor {
        on_each_kind!(self, array => tensor_from_array(array))
    }

    /// As [`Self::tensor`], but with the array's own memory where it is in C order: nothing is copied.
    ///
    /// # Errors
    /// [`LoaderError::Native`] from libtorch.
    pub fn into_tensor(self) -> Result<Tensor, LoaderError> {
        on_each_kind!(self, array => {
            let shape: Vec<i64> = array.shape().iter().map(|n| *n as i64).collect();
            let array = if array.is_standard_layout() {
                array
            } else {
                array.as_standard_layout().into_owned()
            };
            let (mut values, first) = array.into_raw_vec_and_offset();
            values.drain(..first.unwrap_or(0));
            values.truncate(shape.iter().product::<i64>() as usize);
            Ok(tensor_from_vec(values, &shape)?)
        })
    }

    /// Kind and shape, as messages show them.
    pub(super) fn describe(&self) -> String {
        let kind = match self {
            Self::F32(_) => "f32",
            Self::U8(_) => "u8",
            Self::I16(_) => "i16",
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::Bool(_) => "bool",
        };
        format!("{kind} of shape {:?}", self.shape())
    }

    /// The arrays along a new first axis, or the place of the first that differs from the one at 0 in
    /// kind or shape. None without arrays.
    pub(super) fn stack(parts: Vec<Self>) -> Option<Result<Self, usize>> {
        macro_rules! stack {
            ($($kind:ident),*) => {
                match parts.first()? {
                    $(Self::$kind(first) => {
                        let shape = first.shape().to_vec();
                        let mut arrays = Vec::with_capacity(parts.len());
                        for (place, part) in parts.into_iter().enumerate() {
                            match part {
                                Self::$kind(array) if array.shape() == shape => arrays.push(array),
                                _ => return Some(Err(place)),
                            }
                        }
                        Some(Ok(Self::$kind(stacked(arrays, &shape))))
                    })*
                }
            };
        }
        stack!(F32, U8, I16, I32, I64, Bool)
    }
}

/// Arrays of one `shape` along a new first axis, in C order; a single one keeps its memory.
fn stacked<T: Copy>(mut arrays: Vec<ArrayD<T>>, shape: &[usize]) -> ArrayD<T> {
    if arrays.len() == 1 && arrays[0].is_standard_layout() {
        return arrays.swap_remove(0).insert_axis(Axis(0));
    }
    let mut values = Vec::with_capacity(arrays.len() * shape.iter().product::<usize>());
    for array in &arrays {
        match array.as_slice() {
            Some(slice) => values.extend_from_slice(slice),
            None => values.extend(array.iter().copied()),
        }
    }
    let whole: Vec<usize> = std::iter::once(arrays.len())
        .chain(shape.iter().copied())
        .collect();
    // The shape's product is the number of values pushed above; an empty array stands for none.
    Array::from_shape_vec(IxDyn(&whole), values)
        .unwrap_or_else(|_| unreachable!("{whole:?} holds as many values as were copied"))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn stacks_in_c_order_and_names_the_odd_one() {
        let a = array![[1i16, 2, 3], [4, 5, 6]];
        // A transposed view's memory is not in C order; its values must be.
        let b: Array2<i16> = array![[7i16, 10], [8, 11], [9, 12]].reversed_axes();
        let stacked = SampleArray::stack(vec![a.clone().into(), b.into()]);
        let expected = array![[[1i16, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]];
        assert_eq!(stacked, Some(Ok(expected.into())));
        let single = SampleArray::stack(vec![a.clone().into()]);
        assert_eq!(single, Some(Ok(a.clone().insert_axis(Axis(0)).into())));
        let odd = [
            SampleArray::from(a.mapv(i64::from)),
            SampleArray::from(a.clone().reversed_axes()),
        ];
        for odd in odd {
            let parts = vec![a.clone().into(), a.clone().into(), odd];
            assert_eq!(SampleArray::stack(parts), Some(Err(2)));
        }
        assert_eq!(SampleArray::stack(vec![]), None);
    }
}
