//! How many parameters the networks have, and what they are called.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use scarce_mim::models::Model;
use scarce_train::named_variables;
use tch::Device;
use tch::nn::VarStore;

/// Of timm's encoders without a head, and of the whole with modules of PyTorch:
///
/// ```python
/// def decoder(d, width, levels, out):  # d = 2 or 3
///     for k in range(levels):
///         c = width >> k
///         up(c, c, 4, 2, 1), conv(c, c, 3, bias=False), bn(c), conv(c, c // 2, 3, bias=False), bn(c // 2)
///     conv(width >> levels, out, 1)
/// def densify(d, widths, width):  # and a mask token of c values each
///     for k, c in enumerate(reversed(widths)):
///         bn(c), conv(c, width >> k, 1 if k == 0 else 3) if k > 0 or c != width else nn.Identity()
/// ```
///
/// For ResNet-50 they are SparK's own: 23,508,032 + 6,230,688 + 23,183,115. MAE's published 111,907,840 for ViT-B hold the
/// fixed positions, 197 · (768 + 512), which are no parameters here.
const PARAMETERS: [(&str, usize, usize); 13] = [
    ("small", 307_248, 23_812_945),
    ("resnet18", 11_176_512, 35_918_379),
    ("resnet34", 21_284_672, 46_026_539),
    ("resnet50", 23_508_032, 52_921_835),
    ("resnet101", 42_500_160, 71_913_963),
    ("convnext-tiny", 27_818_592, 52_748_523),
    ("convnext-small", 49_453_152, 74_383_083),
    ("convnext-base", 87_564_416, 113_863_595),
    ("vit-tiny", 5_486_592, 31_200_000),
    ("vit-small", 21_590_016, 47_401_728),
    ("vit-base", 85_647_360, 111_655_680),
    ("resnet18-3d", 33_160_000, 119_149_049),
    ("vnet-3d", 7_376_896, 91_185_137),
];

#[test]
fn parameters_are_as_many_as_published() {
    let listed: Vec<String> = Model::all().map(Model::name).collect();
    for (name, of_encoder, in_all) in PARAMETERS {
        let family = if name.starts_with("vit") {
            "mae"
        } else {
            "spark"
        };
        let whole = format!("{family}-{name}");
        assert!(listed.iter().any(|listed| listed == name) && listed.contains(&whole));
        let store = VarStore::new(Device::Cpu);
        let model = Model::by_name(&whole).unwrap();
        model.build(&store.root()).unwrap();
        let count = |prefix: &str| -> usize {
            let variables = named_variables(&store).into_iter();
            variables
                .filter(|(name, t)| t.requires_grad() && name.starts_with(prefix))
                .map(|(_, t)| t.numel())
                .sum()
        };
        assert_eq!(
            [count("encoder."), count("")],
            [of_encoder, in_all],
            "{name}"
        );
        // tch renames a second variable of one name.
        assert!(
            named_variables(&store)
                .iter()
                .all(|(name, _)| !name.contains("__")),
            "{name}"
        );
    }
    assert_eq!(listed.len(), 2 * PARAMETERS.len());
    assert!(Model::by_name("resnet19").is_none());
}

/// The first and last of `sorted(timm.create_model(name, num_classes=0).state_dict())` but for `num_batches_tracked` and
/// the norm before ConvNeXt's head; of the V-Net, scarce-corn's.
#[test]
fn parameters_are_named_as_timm_names_them() {
    for (name, first, last) in [
        ("resnet18", "bn1.bias", "layer4.1.conv2.weight"),
        ("resnet50", "bn1.bias", "layer4.2.conv3.weight"),
        (
            "convnext-tiny",
            "stages.0.blocks.0.conv_dw.bias",
            "stem.1.weight",
        ),
        (
            "vnet-3d",
            "encoder.0.block.0.bn.bias",
            "encoder.4.down.conv.weight",
        ),
    ] {
        let store = VarStore::new(Device::Cpu);
        Model::by_name(name).unwrap().build(&store.root()).unwrap();
        let variables = store.variables();
        assert_eq!(variables.keys().min().unwrap(), first);
        assert_eq!(variables.keys().max().unwrap(), last);
    }
}
