//! Encoders as ONNX graphs.

use std::cell::RefCell;

use scarce_train::interchange::onnx::{Attribute, Dim, OnnxGraph};
use tch::Tensor;

use crate::MimError;
use crate::encoder::{Encoder, EncoderConfig};
use crate::sparse::{Features, Input, Traced};

/// A linear classifier on the mean of an encoder's deepest map.
#[derive(Debug)]
pub struct LinearHead {
    /// `(class, channel)`.
    pub weight: Tensor,
    /// `(class)`.
    pub bias: Tensor,
    /// Scale and shift of a layer norm before it, with ε = 1e-6: ConvNeXt's.
    pub norm: Option<[Tensor; 2]>,
}

/// Of the norm before a classifier.
const EPS: f64 = 1e-6;

/// The encoder as it is in evaluation, everything visible: from `image` `(batch, channel, side…)` to `map0`, `map1`, …,
/// finest first, to `features` `(batch, channel)`, the mean of the deepest map, and with a head to `logits`.
///
/// # Errors
/// [`MimError::NotInGraph`] for a transformer; [`MimError::Weights`] for weights that are not of 32 bits.
pub fn encoder_graph(
    encoder: &dyn Encoder,
    config: &EncoderConfig,
    head: Option<&LinearHead>,
) -> Result<OnnxGraph, MimError> {
    const BATCH: Dim = Dim::Named("batch");
    const SIDES: [&str; 3] = ["columns", "rows", "planes"];
    const OUT_SIDES: [[&str; 3]; 5] = [
        ["columns0", "rows0", "planes0"],
        ["columns1", "rows1", "planes1"],
        ["columns2", "rows2", "planes2"],
        ["columns3", "rows3", "planes3"],
        ["columns4", "rows4", "planes4"],
    ];
    let _guard = tch::no_grad_guard();
    let architecture = config.architecture;
    let dimensions = architecture.dimensions();
    let shape = |channels: i64, sides: &[&'static str; 3]| -> Vec<Dim> {
        let sides = sides[..dimensions].iter().rev();
        [BATCH, Dim::Fixed(channels)]
            .into_iter()
            .chain(sides.map(|side| Dim::Named(side)))
            .collect()
    };
    let mut graph = OnnxGraph::new(architecture.name());
    graph.metadata("architecture", architecture.name());
    let image = graph.input("image", &shape(config.in_channels, &SIDES));
    let graph = RefCell::new(graph);
    let mut maps = Vec::new();
    for map in encoder.features(&Input::Graph(Traced::new(&graph, image, dimensions)), false)? {
        if let Features::Traced(map) = map {
            maps.push(map.value().clone());
        }
    }
    let mut graph = graph.into_inner();
    let shapes = encoder.maps().iter().zip(OUT_SIDES);
    for (k, (map, (of, sides))) in maps.iter().zip(shapes).enumerate() {
        graph.output(&format!("map{k}"), map, &shape(of.channels, &sides));
    }
    if let (Some(deepest), Some(of)) = (maps.last(), encoder.maps().last()) {
        let mean = graph.node("GlobalAveragePool", &[deepest], &[]);
        let features = graph.node("Flatten", &[&mean], &[("axis", Attribute::Int(1))]);
        graph.output("features", &features, &[BATCH, Dim::Fixed(of.channels)]);
        if let Some(head) = head {
            let classes = Dim::Fixed(head.bias.numel() as i64);
            let weight = graph.weight("head.weight", &head.weight.detach())?;
            let bias = graph.weight("head.bias", &head.bias.detach())?;
            let transposed = [("transB", Attribute::Int(1))];
            let mut features = features;
            if let Some([scale, shift]) = &head.norm {
                let scale = graph.weight("head.norm.weight", &scale.detach())?;
                let shift = graph.weight("head.norm.bias", &shift.detach())?;
                let eps = ("epsilon", Attribute::Float(EPS as f32));
                let attributes = [("axis", Attribute::Int(-1)), eps];
                let inputs = [&features, &scale, &shift];
                features = graph.node("LayerNormalization", &inputs, &attributes);
            }
            let logits = graph.node("Gemm", &[&features, &weight, &bias], &transposed);
            graph.output("logits", &logits, &[BATCH, classes]);
        }
    }
    Ok(graph)
}

/// What [`encoder_graph`] gives, computed by libtorch: by output name.
///
/// # Errors
/// [`MimError::Shape`] for an image that does not fit the encoder.
pub fn encoder_outputs(
    encoder: &dyn Encoder,
    image: &Tensor,
    head: Option<&LinearHead>,
) -> Result<Vec<(String, Tensor)>, MimError> {
    let _guard = tch::no_grad_guard();
    let maps = encoder.forward(image, None, false)?;
    let mean = match maps.last() {
        None => None,
        Some(deepest) => {
            let over: Vec<i64> = (2..deepest.dim() as i64).collect();
            Some(deepest.f_mean_dim(over.as_slice(), false, None)?)
        }
    };
    let mut outputs: Vec<(String, Tensor)> = maps
        .into_iter()
        .enumerate()
        .map(|(k, map)| (format!("map{k}"), map))
        .collect();
    if let Some(features) = mean {
        if let Some(head) = head {
            let normed = match &head.norm {
                None => features.shallow_clone(),
                Some([scale, shift]) => {
                    let (size, scale, shift) = (scale.size(), Some(scale), Some(shift));
                    features.f_layer_norm(size, scale, shift, EPS, true)?
                }
            };
            let logits = normed.f_linear(&head.weight, Some(&head.bias))?;
            outputs.push(("logits".to_owned(), logits));
        }
        outputs.push(("features".to_owned(), features));
    }
    Ok(outputs)
}
