//! Sparse convolution simulated by dense operators and a mask.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tch::nn::{self, Conv2D, Path};
use tch::{Kind, Tensor};

use crate::MimError;

/// Which positions are visible: `(batch, 1, rows, columns)` of 0 and 1 on the patch grid. Handed from
/// layer to layer; there is no global state.
#[derive(Debug)]
pub struct Active {
    grid: Tensor,
    /// The mask at the sizes that were asked for: every layer of a stage asks for the same.
    enlarged: RefCell<BTreeMap<(i64, i64), Tensor>>,
}

impl Active {
    /// From the visible cells `(batch, 1, rows, columns)`, any numeric or boolean kind.
    pub fn new(visible: &Tensor) -> Self {
        Self {
            grid: visible.to_kind(Kind::Float),
            enlarged: RefCell::default(),
        }
    }

    /// The mask at a map's size, a multiple of the grid's.
    ///
    /// # Errors
    /// [`MimError::Shape`] when the size is no such multiple.
    pub fn at(&self, height: i64, width: i64) -> Result<Tensor, MimError> {
        if let Some(mask) = self.enlarged.borrow().get(&(height, width)) {
            return Ok(mask.shallow_clone());
        }
        let (_, _, rows, columns) = self.grid.size4()?;
        if height % rows != 0 || width % columns != 0 {
            return Err(MimError::Shape {
                what: "feature map under a mask",
                expected: format!("multiples of the grid {rows}×{columns}"),
                got: vec![height, width],
            });
        }
        let rows_repeated = self
            .grid
            .f_repeat_interleave_self_int(height / rows, 2, None)?;
        let mask = rows_repeated.f_repeat_interleave_self_int(width / columns, 3, None)?;
        self.enlarged
            .borrow_mut()
            .insert((height, width), mask.shallow_clone());
        Ok(mask)
    }

    /// The mask at the size of `map` `(batch, channel, y, x)`.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub fn like(&self, map: &Tensor) -> Result<Tensor, MimError> {
        let (_, _, height, width) = map.size4()?;
        self.at(height, width)
    }
}

/// A convolution whose output is cut back to the visible positions: no value seeps into hidden ones,
/// while hidden neighbours count as zeros.
///
/// # Errors
/// [`MimError::Shape`] when the output does not fit the mask's grid.
pub fn convolve(input: &Tensor, convolution: &Conv2D, active: &Active) -> Result<Tensor, MimError> {
    let output = input.apply(convolution);
    let mask = active.like(&output)?;
    Ok(output * mask)
}

/// Batch normalisation over visible positions only; hidden ones stay 0. Variables are named as
/// PyTorch names them.
#[derive(Debug)]
pub struct SparseBatchNorm {
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
}

const EPS: f64 = 1e-5;
const MOMENTUM: f64 = 0.1;

impl SparseBatchNorm {
    /// With γ = `weight`, β = 0.
    pub fn new(path: &Path<'_>, channels: i64, weight: f64) -> Self {
        let shape = [channels];
        Self {
            weight: path.var("weight", &shape, nn::Init::Const(weight)),
            bias: path.zeros("bias", &shape),
            running_mean: path.zeros_no_train("running_mean", &shape),
            running_var: path.ones_no_train("running_var", &shape),
        }
    }

    /// Normalises `(batch, channel, y, x)`, which is 0 where it is hidden, as [`convolve`] leaves it.
    ///
    /// # Errors
    /// [`MimError::Visible`] in training for fewer than two visible positions.
    pub fn forward(
        &self,
        input: &Tensor,
        active: &Active,
        train: bool,
    ) -> Result<Tensor, MimError> {
        let mask = active.like(input)?;
        let over = [0i64, 2, 3];
        let channels = |t: &Tensor| t.f_view([1, -1, 1, 1]);
        let centre = |mean: &Tensor| (input - channels(mean)?).f_mul(&mask);
        let (centred, var) = if train {
            let visible = mask.f_sum(Kind::Float)?.f_double_value(&[])?;
            if visible < 2.0 {
                return Err(MimError::Visible {
                    visible: visible as i64,
                });
            }
            let sum = |t: &Tensor| t.f_sum_dim_intlist(over.as_slice(), false, Kind::Float);
            let mean = sum(input)? / visible;
            let centred = centre(&mean)?;
            let squares = sum(&centred.f_square()?)?;
            let var = &squares / visible;
            let _guard = tch::no_grad_guard();
            let unbiased = squares.detach() / (visible - 1.0);
            let _ = self
                .running_mean
                .shallow_clone()
                .f_lerp_(&mean.detach(), MOMENTUM)?;
            let _ = self
                .running_var
                .shallow_clone()
                .f_lerp_(&unbiased, MOMENTUM)?;
            (centred, var)
        } else {
            (
                centre(&self.running_mean)?,
                self.running_var.shallow_clone(),
            )
        };
        let scale = (var + EPS).f_rsqrt()?.f_mul(&self.weight)?;
        // Both terms are 0 where it is hidden.
        Ok(centred * channels(&scale)? + mask * channels(&self.bias)?)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tch::nn::VarStore;

    use super::*;

    fn map() -> Tensor {
        let angles = Tensor::arange(2 * 3 * 4 * 4, (Kind::Float, Device::Cpu)) * 0.7;
        (angles.sin() + 0.3).view([2, 3, 4, 4])
    }

    fn active(cells: &[f32; 8]) -> Active {
        Active::new(&Tensor::from_slice(cells).view([2, 1, 2, 2]))
    }

    /// ```python
    /// import numpy as np
    /// x = (np.sin(np.arange(96) * .7) + .3).reshape(2, 3, 4, 4)
    /// a = np.array([1, 0, 0, 1, 0, 0, 1, 0.]).reshape(2, 1, 2, 2).repeat(2, 2).repeat(2, 3)
    /// rows = x.transpose(0, 2, 3, 1)[a[:, 0] > 0]
    /// rows.mean(0), rows.var(0, ddof=1), ((rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5))[5]
    /// ```
    #[test]
    fn statistics_are_of_visible_positions() {
        let store = VarStore::new(Device::Cpu);
        let norm = SparseBatchNorm::new(&store.root(), 3, 1.0);
        let active = active(&[1., 0., 0., 1., 0., 0., 1., 0.]);
        let x = map() * active.at(4, 4).unwrap();
        let y = norm.forward(&x, &active, true).unwrap();
        let close = |got: &Tensor, expected: [f64; 3]| {
            for (got, expected) in Vec::<f64>::try_from(got).unwrap().iter().zip(expected) {
                assert!((got - expected).abs() < 2e-5, "{got} {expected}");
            }
        };
        close(&(norm.running_mean.to_kind(Kind::Double) / 0.1), MEAN);
        close(&((norm.running_var.to_kind(Kind::Double) - 0.9) / 0.1), VAR);
        // The sixth visible position of the batch is (0, 2, 3).
        close(
            &y.select(0, 0)
                .select(1, 2)
                .select(1, 3)
                .to_kind(Kind::Double),
            SIXTH,
        );
    }

    #[test]
    fn with_all_visible_it_is_dense() {
        let store = VarStore::new(Device::Cpu);
        let norm = SparseBatchNorm::new(&(store.root() / "sparse"), 3, 1.0);
        let dense = nn::batch_norm2d(
            store.root() / "dense",
            3,
            scarce_train::pytorch_init::batch_norm(),
        );
        let all = active(&[1.0; 8]);
        for train in [true, false] {
            let expected = map().apply_t(&dense, train);
            let got = norm.forward(&map(), &all, train).unwrap();
            let error = (got - expected).abs().max().double_value(&[]);
            assert!(error < 1e-5, "train {train}: {error}");
        }
        let none = norm.forward(&map(), &active(&[0.0; 8]), true);
        assert!(matches!(none, Err(MimError::Visible { visible: 0 })));
        assert!(all.at(5, 4).is_err());
    }

    const MEAN: [f64; 3] = [0.379812, 0.417985, 0.268091];
    const VAR: [f64; 3] = [0.572466, 0.441310, 0.673637];
    const SIXTH: [f64; 3] = [1.253925, -0.106223, -1.190844];
}
