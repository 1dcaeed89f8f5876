//! Layers of tch as nodes.

use tch::{Tensor, nn};

use super::{Attribute, OnnxGraph, Value, WeightsError};
use crate::pytorch_init::batch_norm;

impl OnnxGraph {
    /// A convolution; a batch norm that follows, made with [`batch_norm`]'s settings, is folded into the weights as it is
    /// in evaluation.
    ///
    /// `pads` are the rows and columns of zeros around the input.
    ///
    /// # Errors
    /// [`WeightsError`] where libtorch refuses the weights.
    pub fn convolution(
        &mut self,
        name: &str,
        input: &Value,
        conv: &nn::Conv2D,
        norm: Option<&nn::BatchNorm>,
        (stride, pads): (i64, i64),
    ) -> Result<Value, WeightsError> {
        let _guard = tch::no_grad_guard();
        let mut weight = conv.ws.detach();
        let mut bias = conv.bs.as_ref().map(Tensor::detach);
        if let Some(norm) = norm {
            let (scale, shift) = scale_and_shift(norm)?;
            weight = weight.f_mul(&scale.f_view([-1, 1, 1, 1])?)?;
            bias = Some(match bias {
                None => shift,
                Some(bias) => bias.f_mul(&scale)?.f_add(&shift)?,
            });
        }
        let kernel = weight.size();
        let w = self.weight(&format!("{name}.weight"), &weight)?;
        let b = bias
            .map(|bias| self.weight(&format!("{name}.bias"), &bias))
            .transpose()?;
        let attributes = [
            ("kernel_shape", Attribute::Ints(kernel[2..].to_vec())),
            ("strides", Attribute::Ints(vec![stride; 2])),
            ("pads", Attribute::Ints(vec![pads; 4])),
        ];
        let mut inputs = vec![input, &w];
        inputs.extend(b.as_ref());
        Ok(self.node("Conv", &inputs, &attributes))
    }

    /// A linear layer on `(rows, features)`.
    ///
    /// # Errors
    /// [`WeightsError`] where libtorch refuses the weights.
    pub fn linear(
        &mut self,
        name: &str,
        input: &Value,
        layer: &nn::Linear,
    ) -> Result<Value, WeightsError> {
        let w = self.weight(&format!("{name}.weight"), &layer.ws.detach())?;
        let b = layer
            .bs
            .as_ref()
            .map(|bias| self.weight(&format!("{name}.bias"), &bias.detach()))
            .transpose()?;
        let mut inputs = vec![input, &w];
        inputs.extend(b.as_ref());
        Ok(self.node("Gemm", &inputs, &[("transB", Attribute::Int(1))]))
    }

    /// Twice as many rows and columns, by straight lines between pixels' centres: PyTorch's `bilinear` with
    /// `align_corners=False`.
    ///
    /// # Errors
    /// As [`Self::weight`].
    pub fn double(&mut self, input: &Value) -> Result<Value, WeightsError> {
        let scales = self.weight("scales", &Tensor::from_slice(&[1.0_f32, 1.0, 2.0, 2.0]))?;
        let attributes = [
            ("mode", Attribute::Text("linear")),
            (
                "coordinate_transformation_mode",
                Attribute::Text("half_pixel"),
            ),
        ];
        Ok(self.node_with("Resize", &[Some(input), None, Some(&scales)], &attributes))
    }
}

/// What a batch norm multiplies by and adds in evaluation.
fn scale_and_shift(norm: &nn::BatchNorm) -> Result<(Tensor, Tensor), WeightsError> {
    let deviation = norm.running_var.f_add_scalar(batch_norm().eps)?.f_sqrt()?;
    let ones = deviation.f_ones_like()?;
    let gamma = norm.ws.as_ref().unwrap_or(&ones);
    let scale = gamma.f_div(&deviation)?;
    let mut shift = norm.running_mean.f_mul(&scale)?.f_neg()?;
    if let Some(beta) = &norm.bs {
        shift = shift.f_add(beta)?;
    }
    Ok((scale.detach(), shift.detach()))
}
