//! A detector as graphs up to what chooses among boxes.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use scarce_detect::Images;
use scarce_detect::export::{DetectorGraphs, detector_graphs, detector_outputs};
use scarce_detect::finetune::{Detector, FinetuneConfig};
use scarce_vlm::onnx::{Model, ModelInput, SessionOptions};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use super::{Apart, array, write};
use crate::finetune::predict::detector_of;

/// The maps that boxes are looked up in, by their names.
const PYRAMID: [&str; 4] = ["pyramid0", "pyramid1", "pyramid2", "pyramid3"];

/// Writes the graphs of a run into a folder.
pub fn export(run: &Path, folder: &Path) -> anyhow::Result<Value> {
    let (config, detector) = detector_of(run, Device::Cpu)?;
    let graphs = detector_graphs(detector.network(), &config.method.network)?;
    let DetectorGraphs {
        proposals,
        boxes,
        masks,
    } = graphs;
    let named = [
        ("proposals", Some(proposals)),
        ("boxes", Some(boxes)),
        ("masks", masks),
    ];
    let (mut models, mut files) = (BTreeMap::new(), Vec::new());
    for (name, graph) in named {
        let Some(graph) = graph else { continue };
        let (path, bytes) = (folder.join(format!("{name}.onnx")), graph.into_bytes());
        let model = Model::from_bytes(name, &path, &bytes, &SessionOptions::default())?;
        models.insert(name, model);
        files.push((path, bytes));
    }
    let apart = compare(&detector, &config.method, &mut models)?;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    for (path, bytes) in &files {
        write(path, bytes)?;
    }
    let files: Vec<_> = files.iter().map(|(path, _)| path).collect();
    Ok(json!({ "model": "mask-rcnn", "apart": apart, "onnx": files }))
}

/// Runs graphs and network on noise, and on boxes for every level of the pyramid.
fn compare(
    detector: &Detector,
    config: &FinetuneConfig,
    models: &mut BTreeMap<&str, Model>,
) -> anyhow::Result<BTreeMap<String, f64>> {
    tch::manual_seed(0);
    let mut apart = Apart::default();
    let stride = config.network.encoder.stride() as i64;
    for (batch, [rows, columns]) in [(1, [4, 4]), (2, [3, 5])] {
        let (height, width) = (rows * stride, columns * stride);
        let size = [batch, config.network.encoder.in_channels, height, width];
        let images = Images {
            pixels: Tensor::randn(size, (Kind::Float, Device::Cpu)),
            sizes_yx: vec![[height, width]; batch as usize],
        };
        let boxes = noise_boxes(batch, [height, width]);
        let expected = detector_outputs(detector.network(), &images, &boxes)?;
        let shown = array::<f32>(&images.pixels)?;
        let mut found = run(
            models,
            "proposals",
            &[("image", ModelInput::Floats(shown.view()))],
        )?;

        let maps = PYRAMID.map(|name| found.get(name).cloned());
        let corners = array::<f32>(&Tensor::f_cat(&boxes, 0)?)?;
        let of_image = (0..batch)
            .map(|image| Tensor::full([boxes[0].size()[0]], image, (Kind::Int64, Device::Cpu)));
        let image_of_box = array::<i64>(&Tensor::f_cat(&of_image.collect::<Vec<_>>(), 0)?)?;
        let mut inputs = vec![
            ("boxes", ModelInput::Floats(corners.view())),
            ("image_of_box", ModelInput::Integers(image_of_box.view())),
        ];
        for (name, map) in PYRAMID.into_iter().zip(&maps) {
            inputs.extend(
                map.as_ref()
                    .map(|map| (name, ModelInput::Floats(map.view()))),
            );
        }
        for name in ["boxes", "masks"] {
            found.extend(run(models, name, &inputs)?);
        }
        for (name, expected) in expected {
            apart.compare(&name, &expected, &found)?;
        }
    }
    Ok(apart.0)
}

/// Runs the graph of that name; nothing where there is none.
fn run(
    models: &mut BTreeMap<&str, Model>,
    name: &str,
    inputs: &[(&'static str, ModelInput<'_>)],
) -> anyhow::Result<BTreeMap<String, ndarray::ArrayD<f32>>> {
    match models.get_mut(name) {
        None => Ok(BTreeMap::new()),
        Some(model) => Ok(model.run_on(inputs)?),
    }
}

/// Boxes `(n, 4)` for each image, from a few pixels to beyond the image.
fn noise_boxes(batch: i64, [height, width]: [i64; 2]) -> Vec<Tensor> {
    let on = (Kind::Float, Device::Cpu);
    let sides = [6.0, 40.0, 120.0, 230.0, 460.0, 1000.0];
    let of_image = |_| {
        let low = Tensor::rand([sides.len() as i64, 2], on)
            * Tensor::from_slice(&[width as f32 * 0.8, height as f32 * 0.8]);
        let side = Tensor::from_slice(&sides.map(|side: f64| side as f32)).unsqueeze(1);
        let high = &low + side * (Tensor::rand([sides.len() as i64, 2], on) + 0.5);
        Tensor::cat(&[low, high], 1)
    };
    (0..batch).map(of_image).collect()
}
