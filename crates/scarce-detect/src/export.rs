//! A detector as ONNX graphs, up to what no graph does well: choosing among boxes.
//!
//! | graph | from | to |
//! | --- | --- | --- |
//! | `proposals` | `image` | `pyramid0`, `pyramid1`, …, `objectness` and `proposal_offsets` of every anchor |
//! | `boxes` | these maps, `boxes` and the `image_of_box` of each | `logits` and `offsets` of every class |
//! | `masks` | the same | `masks`, probabilities of every class over each box |
//!
//! Between them stand [`crate::anchors`], [`crate::boxes::BoxCoder`] and [`crate::nms`], or their like elsewhere.

use std::cell::RefCell;

use scarce_mim::sparse::{Features, Input, Traced};
use scarce_train::interchange::onnx::{Dim, OnnxGraph, Value};
use tch::Tensor;

use crate::regions::TracedPooling;
use crate::{DetectConfig, DetectError, Images, MaskRcnn};

/// The graphs of a detector, in evaluation.
#[derive(Debug)]
pub struct DetectorGraphs {
    /// What may be anywhere.
    pub proposals: OnnxGraph,
    /// What is in boxes, and where exactly.
    pub boxes: OnnxGraph,
    /// In which of their pixels; none where the network has no masks.
    pub masks: Option<OnnxGraph>,
}

const BATCH: Dim = Dim::Named("batch");
const BOXES: Dim = Dim::Named("boxes");
const LEVELS: [[&str; 2]; 4] = [
    ["rows0", "columns0"],
    ["rows1", "columns1"],
    ["rows2", "columns2"],
    ["rows3", "columns3"],
];

/// The graphs of a network that was made by `config`, for images of any size that the encoder's stride divides.
///
/// # Errors
/// [`DetectError::Weights`] for weights that are not of 32 bits.
pub fn detector_graphs(
    network: &MaskRcnn,
    config: &DetectConfig,
) -> Result<DetectorGraphs, DetectError> {
    let _guard = tch::no_grad_guard();
    let classes = Dim::Fixed(config.regions.classes);
    let (mut boxes, pooling) = graph_of_regions(network, config, "boxes")?;
    let [logits, offsets] = network.regions.trace_boxes(&mut boxes, &pooling)?;
    boxes.output("logits", &logits, &[BOXES, classes.clone()]);
    boxes.output(
        "offsets",
        &offsets,
        &[BOXES, classes.clone(), Dim::Fixed(4)],
    );
    let (mut masks, pooling) = graph_of_regions(network, config, "masks")?;
    let traced = network.regions.trace_masks(&mut masks, &pooling)?;
    let masks = traced.map(|traced| {
        let cells = Dim::Named("cells");
        masks.output("masks", &traced, &[BOXES, classes, cells.clone(), cells]);
        masks
    });
    Ok(DetectorGraphs {
        proposals: graph_of_proposals(network, config)?,
        boxes,
        masks,
    })
}

fn graph_of_proposals(network: &MaskRcnn, config: &DetectConfig) -> Result<OnnxGraph, DetectError> {
    let mut graph = OnnxGraph::new("proposals");
    graph.metadata("architecture", config.encoder.architecture.name());
    let channels = Dim::Fixed(config.encoder.in_channels);
    let (rows, columns) = (Dim::Named("rows"), Dim::Named("columns"));
    let image = graph.input("image", &[BATCH, channels, rows, columns]);
    let graph = RefCell::new(graph);
    let mut maps = Vec::new();
    let input = Input::Graph(Traced::new(&graph, image, 2));
    for map in network.encoder().features(&input, false)? {
        if let Features::Traced(map) = map {
            maps.push(map.value().clone());
        }
    }
    drop(input);
    let mut graph = graph.into_inner();
    let pyramid = network.pyramid.trace(&mut graph, &maps)?;
    let [objectness, offsets] = network.proposals.trace(&mut graph, &pyramid)?;
    for (k, (map, shape)) in pyramid.iter().zip(shapes(config)).enumerate() {
        graph.output(&format!("pyramid{k}"), map, &shape);
    }
    let anchors = Dim::Named("anchors");
    graph.output("objectness", &objectness, &[BATCH, anchors.clone()]);
    graph.output(
        "proposal_offsets",
        &offsets,
        &[BATCH, anchors, Dim::Fixed(4)],
    );
    Ok(graph)
}

/// The beginning of a graph from maps and boxes, and how boxes are pooled in it.
fn graph_of_regions(
    network: &MaskRcnn,
    config: &DetectConfig,
    name: &str,
) -> Result<(OnnxGraph, TracedPooling), DetectError> {
    let mut graph = OnnxGraph::new(name);
    let strides = network.encoder().maps().iter().map(|map| map.stride as f64);
    let levels: Vec<(Value, f64)> = shapes(config)
        .iter()
        .zip(strides)
        .enumerate()
        .map(|(k, (shape, stride))| (graph.input(&format!("pyramid{k}"), shape), stride.recip()))
        .collect();
    let boxes = graph.input("boxes", &[BOXES, Dim::Fixed(4)]);
    let image = graph.integer_input("image_of_box", &[BOXES]);
    let pooling = TracedPooling::new(&mut graph, levels, boxes, image)?;
    Ok((graph, pooling))
}

/// Of the pyramid's maps.
fn shapes(config: &DetectConfig) -> Vec<[Dim; 4]> {
    let levels = LEVELS.iter();
    levels
        .map(|[rows, columns]| {
            let channels = Dim::Fixed(config.pyramid_channels);
            [BATCH, channels, Dim::Named(rows), Dim::Named(columns)]
        })
        .collect()
}

/// What the graphs give, computed by libtorch, by output name; `boxes` are `(n, 4)` of each image.
///
/// # Errors
/// [`DetectError::Shape`] for images that do not fit the network.
pub fn detector_outputs(
    network: &MaskRcnn,
    images: &Images,
    boxes: &[Tensor],
) -> Result<Vec<(String, Tensor)>, DetectError> {
    let _guard = tch::no_grad_guard();
    let pyramid = network.maps(images, false)?;
    let proposals = network.proposals.forward(&pyramid, images)?;
    let (logits, offsets, masks) = network.regions.answers(&pyramid, images, boxes)?;
    let mut outputs = vec![
        ("objectness".to_owned(), proposals.objectness),
        ("proposal_offsets".to_owned(), proposals.offsets),
        ("logits".to_owned(), logits),
        ("offsets".to_owned(), offsets),
    ];
    outputs.extend(masks.map(|masks| ("masks".to_owned(), masks)));
    let levels = pyramid.into_iter().enumerate();
    // The coarsest is for proposals alone.
    let levels = levels.take(network.encoder().maps().len());
    outputs.extend(levels.map(|(k, map)| (format!("pyramid{k}"), map)));
    Ok(outputs)
}
