//! The network as an ONNX graph: `image` and `text` in, `logits` and `presence` out.

use anyhow::ensure;
use scarce_train::interchange::WeightsError;
use scarce_train::interchange::onnx::{Attribute, Dim, OnnxGraph, Value};
use scarce_vlm::scarce_open::OpenNetwork;
use tch::{Device, Kind, Tensor, nn};

use super::network::{Block, Network, TEXT_WIDTH};

/// How far logits may lie from libtorch's, relative to the largest.
const PARITY: f64 = 1e-5;

/// The graph's bytes.
pub fn graph(network: &Network, metadata: &[(&str, String)]) -> Result<Vec<u8>, WeightsError> {
    let mut writer = Writer {
        graph: OnnxGraph::new("scarce-open"),
    };
    for (key, value) in metadata {
        writer.graph.metadata(key, value);
    }
    let slices = Dim::Named("slices");
    let prompts = Dim::Named("prompts");
    let (rows, columns) = (Dim::Named("rows"), Dim::Named("columns"));
    let shape = [slices.clone(), Dim::Fixed(1), rows.clone(), columns.clone()];
    let image = writer.graph.input("image", &shape);
    let text = writer
        .graph
        .input("text", &[prompts.clone(), Dim::Fixed(TEXT_WIDTH)]);
    let features = writer.look(network, &image)?;
    let (logits, presence) = writer.answer(network, &features, &text)?;
    let shape = [slices.clone(), prompts.clone(), rows, columns];
    writer.graph.output("logits", &logits, &shape);
    writer
        .graph
        .output("presence", &presence, &[slices, prompts]);
    Ok(writer.graph.into_bytes())
}

/// Runs the graph and the network on random slices and prompts.
///
/// # Errors
/// Where they disagree by more than 1e-5.
pub fn check_parity(network: &Network, onnx: &mut OpenNetwork) -> anyhow::Result<()> {
    let _guard = tch::no_grad_guard();
    tch::manual_seed(0);
    for (slices, prompts, rows, columns) in [(1, 1, 96, 96), (3, 5, 64, 112)] {
        let on = (Kind::Float, Device::Cpu);
        let image = Tensor::rand([slices, 1, rows, columns], on);
        let text = Tensor::randn([prompts, TEXT_WIDTH], on) / (TEXT_WIDTH as f64).sqrt();
        let features = network.look(&image, false);
        let expected = network.answer(&features, &text.unsqueeze(0).repeat([slices, 1, 1]));
        let image = scarce_train::array3_from_tensor(&image.squeeze_dim(1))?;
        let text = scarce_train::array2_from_tensor(&text)?;
        let got = onnx.run(image.view(), text.view())?;
        for (what, expected, got) in [
            (
                "logits",
                expected.logits,
                scarce_train::tensor_from_array(&got.logits),
            ),
            (
                "presence",
                expected.presence,
                scarce_train::tensor_from_array(&got.presence),
            ),
        ] {
            let largest = expected.abs().max().double_value(&[]).max(1.0);
            let off = (expected - got).abs().max().double_value(&[]) / largest;
            ensure!(
                off <= PARITY,
                "the exported graph's {what} are {off:e} from libtorch's, expected at most {PARITY:e}"
            );
            tracing::info!("the exported graph's {what} are within {off:.1e} of libtorch's");
        }
    }
    Ok(())
}

struct Writer {
    graph: OnnxGraph,
}

struct Seen {
    maps: Vec<Value>,
    whole: Value,
}

impl Writer {
    fn look(&mut self, network: &Network, image: &Value) -> Result<Seen, WeightsError> {
        let number = |graph: &mut OnnxGraph, value: f32| {
            graph.weight("constant", &Tensor::from_slice(&[value]))
        };
        let two = number(&mut self.graph, 2.0)?;
        let one = number(&mut self.graph, 1.0)?;
        let x = self.graph.node("Mul", &[image, &two], &[]);
        let x = self.graph.node("Sub", &[&x, &one], &[]);
        let mut stages = vec![self.block("encoder.0", &x, &network.down[0])?];
        for (k, (down, deepen)) in network.down[1..].iter().zip(&network.deepen).enumerate() {
            let name = format!("encoder.{}", k + 1);
            let x = self.block(&format!("{name}.down"), &stages[k], down)?;
            let deep = self.block(&format!("{name}.deepen"), &x, deepen)?;
            stages.push(self.graph.node("Add", &[&deep, &x], &[]));
        }
        let deepest = &stages[4];
        let mean = self.graph.node("GlobalAveragePool", &[deepest], &[]);
        let mean = self
            .graph
            .node("Flatten", &[&mean], &[("axis", Attribute::Int(1))]);
        let whole = self.graph.linear("whole", &mean, &network.whole)?;
        let whole = self.graph.node("Relu", &[&whole], &[]);
        let context = self.graph.linear("context", &mean, &network.context)?;
        let axes = self.graph.integers("rows and columns", &[2, 3])?;
        let context = self.graph.node("Unsqueeze", &[&context, &axes], &[]);
        let mut x = self.graph.node("Add", &[deepest, &context], &[]);
        let mut maps = Vec::new();
        for (k, (lateral, up)) in network.lateral.iter().zip(&network.up).enumerate() {
            let name = format!("decoder.{}", 3 - k);
            let narrow =
                self.graph
                    .convolution(&format!("{name}.lateral"), &x, lateral, None, (1, 0))?;
            let doubled = self.graph.double(&narrow)?;
            let joined = self.graph.node("Add", &[&doubled, &stages[3 - k]], &[]);
            x = self.block(&name, &joined, up)?;
            maps.push(x.clone());
        }
        Ok(Seen { maps, whole })
    }

    /// A prompt's weights become the kernels of 1 x 1 convolutions.
    fn answer(
        &mut self,
        network: &Network,
        seen: &Seen,
        text: &Value,
    ) -> Result<(Value, Value), WeightsError> {
        let hidden = self.graph.linear("text.hidden", text, &network.hidden)?;
        let hidden = self.graph.node("Relu", &[&hidden], &[]);
        let axes = self.graph.integers("kernel axes", &[2, 3])?;
        let flat = self.graph.integers("one axis", &[-1])?;
        let bias = self.head("text.bias", &hidden, &network.bias)?;
        let bias = self.graph.node("Reshape", &[&bias, &flat], &[]);
        let last = seen.maps.len() - 1;
        let mut logits: Option<Value> = None;
        for (k, (map, weights)) in seen.maps.iter().zip(&network.weights).enumerate() {
            let kernel = self.head(&format!("text.weights.{}", last - k), &hidden, weights)?;
            let kernel = self.graph.node("Unsqueeze", &[&kernel, &axes], &[]);
            let mut inputs = vec![map, &kernel];
            if k == last {
                inputs.push(&bias);
            }
            let one = ("kernel_shape", Attribute::Ints(vec![1, 1]));
            let read = self.graph.node("Conv", &inputs, &[one]);
            logits = Some(match logits {
                None => read,
                Some(coarse) => {
                    let coarse = self.graph.double(&coarse)?;
                    self.graph.node("Add", &[&coarse, &read], &[])
                }
            });
        }
        let logits = logits.unwrap_or_else(|| unreachable!("there are four maps"));
        let weights = self.head("text.whole", &hidden, &network.whole_weights)?;
        let bias = self.head("text.presence", &hidden, &network.presence_bias)?;
        let bias = self.graph.node("Reshape", &[&bias, &flat], &[]);
        let across = [("transB", Attribute::Int(1))];
        let presence = self
            .graph
            .node("Gemm", &[&seen.whole, &weights, &bias], &across);
        Ok((logits, presence))
    }

    fn head(
        &mut self,
        name: &str,
        hidden: &Value,
        layer: &nn::Linear,
    ) -> Result<Value, WeightsError> {
        self.graph.linear(name, hidden, layer)
    }

    fn block(&mut self, name: &str, input: &Value, block: &Block) -> Result<Value, WeightsError> {
        let (stride, norm) = (block.stride, Some(&block.norm));
        let x = self
            .graph
            .convolution(name, input, &block.conv, norm, (stride, 1))?;
        Ok(self.graph.node("Relu", &[&x], &[]))
    }
}

#[cfg(test)]
mod tests {
    use scarce_vlm::onnx::SessionOptions;
    use tch::nn::VarStore;

    use super::super::network::Widths;
    use super::*;

    /// An untrained network with statistics that batch norms must not ignore.
    fn network(store: &VarStore) -> Network {
        tch::manual_seed(3);
        let widths = Widths {
            encoder: [4, 6, 8, 10, 12],
            features: [5, 6, 7, 8],
            whole: 9,
            text: 16,
        };
        let network = Network::new(&store.root(), &widths);
        let _guard = tch::no_grad_guard();
        for (name, mut variable) in scarce_train::named_variables(store) {
            if name.contains("norm") {
                let _ = variable.uniform_(0.5, 1.5);
            }
        }
        network
    }

    #[test]
    fn the_graph_computes_what_the_network_does() {
        let store = VarStore::new(Device::Cpu);
        let network = network(&store);
        let bytes = graph(&network, &[("seed", "3".to_owned())]).unwrap();
        let options = SessionOptions::default();
        let mut onnx = OpenNetwork::from_bytes("test.onnx", &bytes, &options).unwrap();
        check_parity(&network, &mut onnx).unwrap();
    }

    #[test]
    fn a_graph_of_other_weights_is_noticed() {
        let store = VarStore::new(Device::Cpu);
        let network = network(&store);
        let bytes = graph(&network, &[]).unwrap();
        let options = SessionOptions::default();
        let mut onnx = OpenNetwork::from_bytes("test.onnx", &bytes, &options).unwrap();
        let _guard = tch::no_grad_guard();
        let _ = store.variables()["decoder.0.lateral.bias"]
            .shallow_clone()
            .fill_(0.3);
        let error = check_parity(&network, &mut onnx).unwrap_err().to_string();
        assert!(error.contains("from libtorch's"), "{error}");
    }
}
