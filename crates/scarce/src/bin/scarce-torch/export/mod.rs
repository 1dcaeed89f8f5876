//! `export`: networks as ONNX graphs, which have to say what libtorch says.

mod detector;
mod encoder;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use ndarray::{ArrayD, IxDyn};
use scarce_cli::arguments::ExportArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use tch::Tensor;
use tch::kind::Element;

/// How far outputs may lie from libtorch's, relative to the largest of each.
const PARITY: f64 = 1e-4;

/// Writes the graphs, and compares them in ONNX Runtime first.
pub fn run(arguments: &ExportArguments) -> anyhow::Result<()> {
    let (checkpoint, model, weights) =
        (&arguments.checkpoint, &arguments.model, &arguments.weights);
    let found = match (checkpoint, model, weights) {
        (Some(run), _, _) => detector::export(run, &arguments.onnx)?,
        (None, Some(model), Some(weights)) => encoder::export(arguments, model, weights)?,
        _ => return Err(UsageError("--weights: expected a file".to_owned()).into()),
    };
    json_output::tell(arguments.json.as_deref(), &found)
}

/// How far each output was off at most, relative to the largest of its values.
#[derive(Default)]
struct Apart(BTreeMap<String, f64>);

impl Apart {
    /// Compares the output `name` of a graph with what libtorch has.
    fn compare(
        &mut self,
        name: &str,
        expected: &Tensor,
        got: &BTreeMap<String, ArrayD<f32>>,
    ) -> anyhow::Result<()> {
        let output = got.get(name).with_context(|| format!("no output {name}"))?;
        let got = scarce_train::tensor_from_array(output);
        ensure!(
            got.size() == expected.size(),
            "the exported graph's {name} has shape {:?}, libtorch's {:?}",
            got.size(),
            expected.size()
        );
        let largest = expected.abs().max().double_value(&[]).max(1e-6);
        let off = (expected - got).abs().max().double_value(&[]) / largest;
        ensure!(
            off <= PARITY,
            "the exported graph's {name} is {off:e} from libtorch's, expected at most {PARITY:e}"
        );
        let most = self.0.entry(name.to_owned()).or_default();
        *most = most.max(off);
        Ok(())
    }
}

fn array<T: Element + Copy>(tensor: &Tensor) -> anyhow::Result<ArrayD<T>> {
    let shape: Vec<usize> = tensor.size().iter().map(|n| *n as usize).collect();
    let values = Vec::<T>::try_from(tensor.f_flatten(0, -1)?)?;
    Ok(ArrayD::from_shape_vec(IxDyn(&shape), values)?)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    Ok(scarce_io::write_atomic(path, |file| file.write_all(bytes))?)
}
