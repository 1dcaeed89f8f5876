//! Which encoder, and how it is made.

use serde::{Deserialize, Serialize};
use tch::nn::Path;

use super::Encoder;
use super::convnext::{ConvNext, ConvNextShape};
use super::resnet::{BlockKind, ResNet, ResNetShape, Stem};
use super::vit::Vit;
use super::vnet::VNetEncoder;
use crate::MimError;
use crate::sparse::Normalisation;

/// Networks by name. Parameters are named and initialised as timm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Architecture {
    /// A light residual network for trials on a CPU: a 3×3 stem of stride 2 without pooling, maps at strides 2, 4,
    /// 8 and 16.
    #[default]
    #[serde(rename = "small")]
    Small,
    /// ResNet-18 (He et al. 2016): maps at strides 4, 8, 16 and 32.
    #[serde(rename = "resnet18")]
    ResNet18,
    /// ResNet-34.
    #[serde(rename = "resnet34")]
    ResNet34,
    /// ResNet-50.
    #[serde(rename = "resnet50")]
    ResNet50,
    /// ResNet-101.
    #[serde(rename = "resnet101")]
    ResNet101,
    /// ConvNeXt-T (Liu et al. 2022): maps at strides 4, 8, 16 and 32.
    #[serde(rename = "convnext-tiny")]
    ConvNextTiny,
    /// ConvNeXt-S.
    #[serde(rename = "convnext-small")]
    ConvNextSmall,
    /// ConvNeXt-B.
    #[serde(rename = "convnext-base")]
    ConvNextBase,
    /// ViT-Ti/16 (Dosovitskiy et al. 2021): one map, at stride 16.
    #[serde(rename = "vit-tiny")]
    VitTiny,
    /// ViT-S/16.
    #[serde(rename = "vit-small")]
    VitSmall,
    /// ViT-B/16.
    #[serde(rename = "vit-base")]
    VitBase,
    /// ResNet-18 with cubes for squares, for volumes.
    #[serde(rename = "resnet18-3d")]
    ResNet18Volume,
    /// The encoder of the V-Net for volumes: maps at strides 1, 2, 4, 8 and 16.
    #[serde(rename = "vnet-3d")]
    VNetVolume,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Small,
        Self::ResNet18,
        Self::ResNet34,
        Self::ResNet50,
        Self::ResNet101,
        Self::ConvNextTiny,
        Self::ConvNextSmall,
        Self::ConvNextBase,
        Self::VitTiny,
        Self::VitSmall,
        Self::VitBase,
        Self::ResNet18Volume,
        Self::VNetVolume,
    ];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::ResNet18 => "resnet18",
            Self::ResNet34 => "resnet34",
            Self::ResNet50 => "resnet50",
            Self::ResNet101 => "resnet101",
            Self::ConvNextTiny => "convnext-tiny",
            Self::ConvNextSmall => "convnext-small",
            Self::ConvNextBase => "convnext-base",
            Self::VitTiny => "vit-tiny",
            Self::VitSmall => "vit-small",
            Self::VitBase => "vit-base",
            Self::ResNet18Volume => "resnet18-3d",
            Self::VNetVolume => "vnet-3d",
        }
    }

    /// Sides of what it takes: 2 for images, 3 for volumes.
    pub fn dimensions(self) -> usize {
        match self {
            Self::ResNet18Volume | Self::VNetVolume => 3,
            _ => 2,
        }
    }

    /// Pixels (voxels) a side of the deepest map's cells, and so of a patch.
    pub fn stride(self) -> usize {
        match self {
            Self::Small | Self::VNetVolume => 16,
            _ if self.is_transformer() => 16,
            _ => 32,
        }
    }

    /// Whether it looks at patches as tokens.
    pub fn is_transformer(self) -> bool {
        matches!(self, Self::VitTiny | Self::VitSmall | Self::VitBase)
    }
}

/// Which encoder, and how it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// The network's name.
    pub architecture: Architecture,
    /// Channels of the input.
    pub in_channels: i64,
    /// Chance that the last residual branch is left out for a sample in training; earlier ones less, in proportion to
    /// their depth. SparK takes 0.05 for ResNet-50, 0.08 for ResNet-101, 0.2 and 0.3 for ConvNeXt small and base.
    pub drop_path: f64,
    /// Channels of each of the four stages of `small`; other networks have theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widths: Option<[i64; 4]>,
    /// Residual blocks of each stage of `small`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<[usize; 4]>,
    /// Filters of `vnet-3d` at full resolution, 16 if left out; each level doubles them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_filters: Option<i64>,
    /// How activations of `vnet-3d` are normalised, over the batch or by instance; other networks have their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self::named(Architecture::default())
    }
}

impl EncoderConfig {
    /// Channels of `small`'s stages unless settings say otherwise.
    pub const SMALL_WIDTHS: [i64; 4] = [16, 32, 64, 128];

    /// For one channel, without drop-path.
    pub fn named(architecture: Architecture) -> Self {
        Self {
            architecture,
            in_channels: 1,
            drop_path: 0.0,
            widths: None,
            blocks: None,
            base_filters: None,
            normalisation: None,
        }
    }

    /// Pixels (voxels) a side of a patch.
    pub fn stride(&self) -> usize {
        self.architecture.stride()
    }

    /// Refuses what no network can be built from.
    ///
    /// # Errors
    /// [`MimError::Setting`].
    pub fn check(&self) -> Result<(), MimError> {
        let refuse = |name, expected: &str, got: String| {
            Err(MimError::Setting {
                name,
                expected: expected.to_owned(),
                got,
            })
        };
        if !(1..=1 << 16).contains(&self.in_channels) {
            let got = self.in_channels.to_string();
            return refuse("encoder.in_channels", "1 to 65536", got);
        }
        if !(0.0..1.0).contains(&self.drop_path) {
            let got = self.drop_path.to_string();
            return refuse("encoder.drop_path", "at least 0 and below 1", got);
        }
        let name = self.architecture.name();
        let is_small = self.architecture == Architecture::Small;
        let widths_fit = |widths: [i64; 4]| widths.iter().all(|n| (1..=1 << 16).contains(n));
        if let Some(widths) = self.widths.filter(|w| !is_small || !widths_fit(*w)) {
            let got = format!("{widths:?} for {name}");
            return refuse("encoder.widths", "1 to 65536 each, for `small` alone", got);
        }
        let blocks_fit = |blocks: [usize; 4]| blocks.iter().all(|n| (1..=1 << 10).contains(n));
        if let Some(blocks) = self.blocks.filter(|b| !is_small || !blocks_fit(*b)) {
            let got = format!("{blocks:?} for {name}");
            return refuse("encoder.blocks", "1 to 1024 each, for `small` alone", got);
        }
        let is_vnet = self.architecture == Architecture::VNetVolume;
        if let Some(filters) = self
            .base_filters
            .filter(|n| !is_vnet || !(1..=1 << 12).contains(n))
        {
            let got = format!("{filters} for {name}");
            return refuse(
                "encoder.base_filters",
                "1 to 4096, for `vnet-3d` alone",
                got,
            );
        }
        let norm_fits = |norm: Normalisation| norm != Normalisation::Layer;
        if let Some(norm) = self.normalisation.filter(|n| !is_vnet || !norm_fits(*n)) {
            let got = format!("{norm:?} for {name}");
            let expected = "batch or instance, for `vnet-3d` alone";
            return refuse("encoder.normalisation", expected, got);
        }
        Ok(())
    }
}

/// The encoder that `config` names, its variables under `path`, drawn from libtorch's generator.
///
/// # Errors
/// [`MimError::Setting`] as [`EncoderConfig::check`].
pub fn build(path: &Path<'_>, config: &EncoderConfig) -> Result<Box<dyn Encoder>, MimError> {
    config.check()?;
    let resnet = |block, blocks| {
        let shape = ResNetShape {
            stem: Stem::Pooled,
            block,
            widths: [64, 128, 256, 512],
            blocks,
        };
        Box::new(ResNet::new(path, config, &shape))
    };
    let convnext = |widths, blocks| {
        let shape = ConvNextShape { widths, blocks };
        Box::new(ConvNext::new(path, config, &shape))
    };
    Ok(match config.architecture {
        Architecture::Small => {
            let shape = ResNetShape {
                stem: Stem::Light,
                block: BlockKind::Basic,
                widths: config.widths.unwrap_or(EncoderConfig::SMALL_WIDTHS),
                blocks: config.blocks.unwrap_or([1; 4]),
            };
            Box::new(ResNet::new(path, config, &shape))
        }
        Architecture::ResNet18 | Architecture::ResNet18Volume => {
            resnet(BlockKind::Basic, [2, 2, 2, 2])
        }
        Architecture::ResNet34 => resnet(BlockKind::Basic, [3, 4, 6, 3]),
        Architecture::ResNet50 => resnet(BlockKind::Bottleneck, [3, 4, 6, 3]),
        Architecture::ResNet101 => resnet(BlockKind::Bottleneck, [3, 4, 23, 3]),
        Architecture::ConvNextTiny => convnext([96, 192, 384, 768], [3, 3, 9, 3]),
        Architecture::ConvNextSmall => convnext([96, 192, 384, 768], [3, 3, 27, 3]),
        Architecture::ConvNextBase => convnext([128, 256, 512, 1024], [3, 3, 27, 3]),
        Architecture::VitTiny | Architecture::VitSmall | Architecture::VitBase => {
            Box::new(build_vit(path, config)?)
        }
        Architecture::VNetVolume => Box::new(VNetEncoder::new(path, config)),
    })
}

/// The transformer that `config` names.
///
/// # Errors
/// [`MimError::Setting`] as [`EncoderConfig::check`], and for another network.
pub(crate) fn build_vit(path: &Path<'_>, config: &EncoderConfig) -> Result<Vit, MimError> {
    config.check()?;
    let (width, heads) = match config.architecture {
        Architecture::VitTiny => (192, 3),
        Architecture::VitSmall => (384, 6),
        Architecture::VitBase => (768, 12),
        other => {
            return Err(MimError::Setting {
                name: "encoder.architecture",
                expected: "a vision transformer".to_owned(),
                got: other.name().to_owned(),
            });
        }
    };
    Ok(Vit::new(path, config, width, heads))
}
