//! Layers of a ResNet-50 under SparK's fine-tuning: stem 0, layer1 1, layer2 2 + b//2, layer3 4 + b//3, layer4 6, fc 7.

use scarce_mim::Intensities;
use scarce_mim::encoder::{Architecture, EncoderConfig};
use scarce_mim::finetune::classify::{Classifier, ClassifyConfig, Mode};
use scarce_train::{GroupsConfig, OptimizerConfig, Task as _, named_variables};
use tch::Device;

use super::pictures::{classify, striped};
use super::{SEED, take_turn};

#[test]
fn layers_are_counted_as_spark_counts_them() {
    let _turn = take_turn();
    let config = ClassifyConfig {
        encoder: EncoderConfig::named(Architecture::ResNet50),
        ..classify(Mode::Full)
    };
    let network = Classifier::new(&config, 4, Intensities::identity(1), SEED, Device::Cpu).unwrap();
    for (parameter, layer) in [
        ("conv1.weight", 0),
        ("bn1.bias", 0),
        ("layer1.0.conv1.weight", 1),
        ("layer1.2.bn3.weight", 1),
        ("layer2.0.downsample.0.weight", 2),
        ("layer2.1.conv2.weight", 2),
        ("layer2.2.conv1.weight", 3),
        ("layer2.3.bn1.bias", 3),
        ("layer3.0.conv1.weight", 4),
        ("layer3.2.conv1.weight", 4),
        ("layer3.3.conv1.weight", 5),
        ("layer3.5.bn3.bias", 5),
        ("layer4.0.conv1.weight", 6),
        ("layer4.2.conv3.weight", 6),
        ("fc.weight", 7),
        ("fc.bias", 7),
    ] {
        let depth = network.layer(parameter);
        assert_eq!((depth.layer, depth.layers), (layer, 8), "{parameter}");
    }
}

/// `0.7 ** (7 - layer)`
#[test]
fn learning_rates_fall_towards_the_stem() {
    let _turn = take_turn();
    let task = super::classifier::task(classify(Mode::Full), striped(12, 0)).unwrap();
    let groups = GroupsConfig {
        layer_decay: 0.7,
        ..GroupsConfig::default()
    };
    let optimizer = OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        weight_decay: 0.05,
    };
    let scales: Vec<f64> = ["conv1.weight", "layer4.0.conv1.weight", "fc.weight"]
        .iter()
        .map(|name| {
            let all = task.parameters();
            let (_, parameter) = all.iter().find(|(known, _)| known == name).unwrap();
            let depth = task.layer(name);
            let settings = groups.settings(&optimizer, name, parameter, depth);
            settings.learning_rate_scale
        })
        .collect();
    assert!(scales[0] < scales[1] && scales[1] < scales[2], "{scales:?}");
    assert_eq!(scales[2], 1.0);
}

/// ```python
/// import timm
/// m = timm.create_model("convnext_tiny", num_classes=4)
/// [(n, tuple(p.shape)) for n, p in m.named_parameters() if n.startswith("head")], len(m.state_dict())
/// ```
#[test]
fn other_networks_have_timms_heads() {
    let _turn = take_turn();
    let config = ClassifyConfig {
        encoder: EncoderConfig {
            in_channels: 3,
            ..EncoderConfig::named(Architecture::ConvNextTiny)
        },
        ..classify(Mode::Full)
    };
    let network = Classifier::new(&config, 4, Intensities::identity(3), SEED, Device::Cpu).unwrap();
    let variables = named_variables(&network.store);
    let head: Vec<(&str, Vec<i64>)> = variables
        .iter()
        .filter(|(name, _)| name.starts_with("head"))
        .map(|(name, tensor)| (name.as_str(), tensor.size()))
        .collect();
    let expected = [
        ("head.fc.bias", vec![4]),
        ("head.fc.weight", vec![4, 768]),
        ("head.norm.bias", vec![768]),
        ("head.norm.weight", vec![768]),
    ];
    assert_eq!(head, expected);
    assert_eq!(variables.len(), 182);
    let transformer = ClassifyConfig {
        encoder: EncoderConfig::named(Architecture::VitTiny),
        ..config.clone()
    };
    let network =
        Classifier::new(&transformer, 4, Intensities::identity(1), SEED, Device::Cpu).unwrap();
    for (parameter, layer) in [
        ("patch_embed.proj.weight", 0),
        ("cls_token", 0),
        ("blocks.0.attn.qkv.weight", 1),
        ("blocks.11.mlp.fc2.bias", 12),
        ("head.weight", 13),
    ] {
        let known = named_variables(&network.store);
        assert!(
            known.iter().any(|(name, _)| name == parameter),
            "{parameter}"
        );
        assert_eq!(network.layer(parameter).layer, layer, "{parameter}");
    }
    let volumes = ClassifyConfig {
        encoder: EncoderConfig::named(Architecture::ResNet18Volume),
        ..config
    };
    let refused = Classifier::new(&volumes, 4, Intensities::identity(1), SEED, Device::Cpu);
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("one for images, got resnet18-3d"), "{error}");
}
