//! A U-Net's upward path on an encoder's maps.

use scarce_train::pytorch_init;
use tch::nn::{self, Path};
use tch::{Kind, Tensor};

use crate::MimError;
use crate::encoder::MapShape;

/// The widest that the head gets.
const WIDEST: i64 = 256;

/// From the deepest map up: enlarged to the next finer map's size, laid beside it, two convolutions. Where the encoder's
/// maps end, at a stride of 2 or 4, a few convolutions of the input itself go on, so that outlines are as fine as
/// the input.
#[derive(Debug)]
pub struct UNetHead {
    /// Of the input, at strides 1, 2, … below the encoder's finest.
    pixel: Vec<Convolution>,
    /// Coarsest first.
    up: Vec<[Convolution; 2]>,
    last: nn::Conv2D,
}

/// A 3×3 convolution, its batch norm and `ReLU`.
#[derive(Debug)]
struct Convolution {
    conv: nn::Conv2D,
    stride: i64,
    norm: nn::BatchNorm,
}

impl UNetHead {
    /// A head for `maps`, finest first, on inputs of `in_channels`, giving `classes` maps; `width` channels at the
    /// input's resolution.
    ///
    /// # Errors
    /// [`MimError::Data`] for an encoder without maps.
    pub fn new(
        path: &Path<'_>,
        maps: &[MapShape],
        in_channels: i64,
        classes: i64,
        width: i64,
    ) -> Result<Self, MimError> {
        let (Some(finest), Some(deepest)) = (maps.first(), maps.last()) else {
            let message = "the encoder gives no map to segment with".to_owned();
            return Err(MimError::Data { message });
        };
        let width_at = |stride: i64| (width * stride).min(WIDEST);
        let mut pixel = Vec::new();
        let mut skips: Vec<(i64, i64)> = Vec::new();
        let (mut stride, mut from) = (1, in_channels);
        while stride < finest.stride {
            let step = if stride == 1 { 1 } else { 2 };
            let path = path / "pixel" / pixel.len();
            pixel.push(Convolution::new(&path, from, width_at(stride), step));
            from = width_at(stride);
            skips.push((from, stride));
            stride *= 2;
        }
        let before_deepest = &maps[..maps.len() - 1];
        skips.extend(before_deepest.iter().map(|map| (map.channels, map.stride)));
        let mut from = deepest.channels;
        let mut up = Vec::new();
        for (channels, stride) in skips.iter().rev() {
            let path = path / "up" / up.len();
            let to = width_at(*stride);
            up.push([
                Convolution::new(&(&path / 0), from + channels, to, 1),
                Convolution::new(&(&path / 1), to, to, 1),
            ]);
            from = to;
        }
        let last = nn::conv2d(
            path / "last",
            from,
            classes,
            1,
            nn::ConvConfig {
                ws_init: pytorch_init::uniform_fan_in(from),
                bs_init: nn::Init::Const(0.0),
                ..nn::ConvConfig::default()
            },
        );
        Ok(Self { pixel, up, last })
    }

    /// Logits `(image, class, y, x)` at the size of `input` `(image, channel, y, x)`, whose `maps` the encoder gave.
    ///
    /// # Errors
    /// [`MimError::Torch`] when the maps do not fit the head.
    pub fn forward(
        &self,
        input: &Tensor,
        maps: &[Tensor],
        train: bool,
    ) -> Result<Tensor, MimError> {
        let mut skips = Vec::new();
        let mut x = input.shallow_clone();
        for convolution in &self.pixel {
            x = convolution.forward(&x, train)?;
            skips.push(x.shallow_clone());
        }
        skips.extend(maps.iter().map(Tensor::shallow_clone));
        let mut x = skips.pop().unwrap_or(x);
        for ([first, second], skip) in self.up.iter().zip(skips.iter().rev()) {
            let (_, _, height, width) = skip.size4()?;
            let enlarged = enlarge(&x, [height, width])?;
            let beside = Tensor::f_cat(&[enlarged, skip.shallow_clone()], 1)?;
            x = second.forward(&first.forward(&beside, train)?, train)?;
        }
        let (_, _, height, width) = input.size4()?;
        enlarge(&convolved(&x, &self.last, 1, 0)?, [height, width])
    }
}

impl Convolution {
    fn new(path: &Path<'_>, from: i64, to: i64, stride: i64) -> Self {
        let config = nn::ConvConfig {
            stride,
            padding: 1,
            bias: false,
            ws_init: nn::Init::Kaiming {
                dist: nn::init::NormalOrUniform::Normal,
                fan: nn::init::FanInOut::FanOut,
                non_linearity: nn::init::NonLinearity::ReLU,
            },
            ..nn::ConvConfig::default()
        };
        Self {
            conv: nn::conv2d(path / "conv", from, to, 3, config),
            stride,
            norm: nn::batch_norm2d(path / "norm", to, pytorch_init::batch_norm()),
        }
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, MimError> {
        let x = convolved(input, &self.conv, self.stride, 1)?;
        Ok(nn::ModuleT::forward_t(&self.norm, &x, train).f_relu()?)
    }
}

/// A failure is an error and no panic: a head may be given maps of another encoder.
fn convolved(
    input: &Tensor,
    conv: &nn::Conv2D,
    stride: i64,
    padding: i64,
) -> Result<Tensor, MimError> {
    let bias = conv.bs.as_ref();
    Ok(input.f_conv2d(&conv.ws, bias, [stride; 2], [padding; 2], [1, 1], 1)?)
}

fn enlarge(map: &Tensor, size_yx: [i64; 2]) -> Result<Tensor, MimError> {
    let (_, _, height, width) = map.size4()?;
    if [height, width] == size_yx {
        return Ok(map.shallow_clone());
    }
    // In single precision under autocast too: what lies between cells is not to be rounded.
    let kind = map.kind();
    let enlarged = map
        .f_to_kind(Kind::Float)?
        .f_upsample_bilinear2d(size_yx, false, None, None)?;
    Ok(enlarged.f_to_kind(kind)?)
}
