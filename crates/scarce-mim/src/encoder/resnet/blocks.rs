//! Residual blocks.

use tch::nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use tch::nn::{Init, Path};

use crate::MimError;
use crate::sparse::{BatchNorm, Convolution, Features, Geometry, Input, drop_path};

/// Which residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::encoder) enum BlockKind {
    /// Two 3-wide convolutions.
    Basic,
    /// 1-wide, 3-wide with the stride, 1-wide to four times the channels.
    Bottleneck,
}

impl BlockKind {
    pub(super) fn expansion(self) -> i64 {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// A convolution without bias, then batch normalisation.
#[derive(Debug)]
pub(super) struct NormedConvolution {
    convolution: Convolution,
    norm: BatchNorm,
}

impl NormedConvolution {
    /// γ starts as `scale`.
    pub(super) fn new(
        path: &Path<'_>,
        [convolution, norm]: [&str; 2],
        channels: [i64; 2],
        geometry: Geometry,
        scale: f64,
    ) -> Self {
        let kaiming = Init::Kaiming {
            dist: NormalOrUniform::Normal,
            fan: FanInOut::FanOut,
            non_linearity: NonLinearity::ReLU,
        };
        Self {
            convolution: Convolution::new(&(path / convolution), channels, geometry, kaiming, None),
            norm: BatchNorm::new(&(path / norm), channels[1], scale),
        }
    }

    pub(super) fn forward_input<'a>(
        &self,
        input: &Input<'_, 'a>,
        train: bool,
    ) -> Result<Features<'a>, MimError> {
        let x = self.convolution.forward_input(input)?;
        self.norm.forward(x, train)
    }

    fn forward<'a>(&self, input: &Features<'a>, train: bool) -> Result<Features<'a>, MimError> {
        self.norm.forward(self.convolution.forward(input)?, train)
    }
}

/// A residual branch of convolutions with rectifiers in between, beside its shortcut.
#[derive(Debug)]
pub(super) struct Block {
    branch: Vec<NormedConvolution>,
    downsample: Option<NormedConvolution>,
    drop_path: f64,
}

impl Block {
    pub(super) fn new(
        path: &Path<'_>,
        kind: BlockKind,
        dimensions: usize,
        [from, width]: [i64; 2],
        stride: i64,
        drop_path: f64,
    ) -> Self {
        let to = width * kind.expansion();
        let geometry = |kernel, stride| Geometry::centred(dimensions, kernel, stride);
        let downsample = (stride != 1 || from != to).then(|| {
            let path = path / "downsample";
            NormedConvolution::new(&path, ["0", "1"], [from, to], geometry(1, stride), 1.0)
        });
        let layers: &[([i64; 2], Geometry)] = match kind {
            BlockKind::Basic => &[
                ([from, to], geometry(3, stride)),
                ([to, to], geometry(3, 1)),
            ],
            BlockKind::Bottleneck => &[
                ([from, width], geometry(1, 1)),
                ([width, width], geometry(3, stride)),
                ([width, to], geometry(1, 1)),
            ],
        };
        let branch = layers
            .iter()
            .enumerate()
            .map(|(k, (channels, geometry))| {
                let names = [format!("conv{}", k + 1), format!("bn{}", k + 1)];
                let scale = if k + 1 == layers.len() { 0.0 } else { 1.0 };
                let names = [names[0].as_str(), names[1].as_str()];
                NormedConvolution::new(path, names, *channels, *geometry, scale)
            })
            .collect();
        Self {
            branch,
            downsample,
            drop_path,
        }
    }

    pub(super) fn forward<'a>(
        &self,
        input: &Features<'a>,
        train: bool,
    ) -> Result<Features<'a>, MimError> {
        let shortcut = match &self.downsample {
            None => input.shallow_clone(),
            Some(downsample) => downsample.forward(input, train)?,
        };
        let mut x = input.shallow_clone();
        for (k, layer) in self.branch.iter().enumerate() {
            if k > 0 {
                x = x.relu()?;
            }
            x = layer.forward(&x, train)?;
        }
        drop_path(x, self.drop_path, train)?.add(&shortcut)?.relu()
    }
}
