//! Sliding-window inference.

use ndarray::{Array1, Array3, Array4, ArrayView3, Axis, Slice};
use scarce_train::{array4_from_tensor, tensor_from_array};
use serde::{Deserialize, Serialize};
use tch::Device;

use crate::CornError;
use crate::vnet::{VNet, probabilities};

/// How the windows lie and how their answers are blended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    /// Voxels of a window along z, y and x; multiples of 16.
    pub patch_zyx: [usize; 3],
    /// Share of a window's side that its neighbours cover at least, from 0 to below 1.
    pub overlap: f64,
    /// What a window's answer counts for across its sides.
    pub blend: Blend,
}

/// What a window's answer counts for across its sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blend {
    /// The same everywhere (the left-atrium literature).
    Uniform,
    /// A Gaussian of σ = side/8 about the window's middle, where the network sees most context
    /// (nnU-Net's and MONAI's), at least 0.001 of its peak on each axis.
    Gaussian,
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            patch_zyx: [80, 112, 112],
            overlap: 0.5,
            blend: Blend::Gaussian,
        }
    }
}

impl Blend {
    fn profile(self, side: usize) -> Array1<f32> {
        let middle = (side as f64 - 1.0) / 2.0;
        Array1::from_shape_fn(side, |i| match self {
            Self::Uniform => 1.0,
            Self::Gaussian => {
                let distance = (i as f64 - middle) / (side as f64 / 8.0);
                (-0.5 * distance * distance).exp().max(1e-3) as f32
            }
        })
    }

    /// Weights `(z, y, x)` of a window, all above 0.
    fn weights(self, [z, y, x]: [usize; 3]) -> Array3<f32> {
        let (in_z, in_y, in_x) = (self.profile(z), self.profile(y), self.profile(x));
        Array3::from_shape_fn((z, y, x), |(z, y, x)| in_z[z] * in_y[y] * in_x[x])
    }
}

/// [`sliding_window_with`] windows that count alike ([`Blend::Uniform`]), as the left-atrium literature
/// evaluates.
///
/// # Errors
/// As [`sliding_window_with`].
pub fn sliding_window(
    network: &VNet,
    image: ArrayView3<'_, f32>,
    patch_zyx: [usize; 3],
    overlap: f64,
    device: Device,
) -> Result<Array4<f32>, CornError> {
    let windows = Windows {
        patch_zyx,
        overlap,
        blend: Blend::Uniform,
    };
    sliding_window_with(network, image, &windows, device)
}

/// Class probabilities `(class, z, y, x)` of an image `(z, y, x)`, a convex blend of the windows'
/// softmaxes.
///
/// Smaller images are padded with 0 at both ends. The network runs in evaluation mode, without
/// gradient, one window at a time: memory is that of one forward pass and of the class maps.
///
/// # Errors
/// [`CornError::Setting`] for an overlap out of range; [`CornError::Shape`] for an empty image or a
/// patch or network that does not take one channel.
pub fn sliding_window_with(
    network: &VNet,
    image: ArrayView3<'_, f32>,
    windows: &Windows,
    device: Device,
) -> Result<Array4<f32>, CornError> {
    let patch = windows.patch_zyx;
    if !(0.0..1.0).contains(&windows.overlap) {
        let expected = "at least 0 and below 1";
        return Err(CornError::setting("overlap", expected, windows.overlap));
    }
    if image.is_empty() {
        return Err(CornError::Shape {
            what: "image (z, y, x)",
            expected: "at least one voxel".to_owned(),
            got: image.shape().iter().map(|n| *n as i64).collect(),
        });
    }
    let shape: [usize; 3] = image.dim().into();
    let padded = [0, 1, 2].map(|a| shape[a].max(patch[a]));
    let before = [0, 1, 2].map(|a| (padded[a] - shape[a]) / 2);
    let mut canvas = Array3::<f32>::zeros(padded);
    canvas
        .slice_each_axis_mut(|axis| range(before, shape, axis.axis))
        .assign(&image);

    let starts = [0, 1, 2].map(|a| window_starts(padded[a], patch[a], windows.overlap));
    let weights = windows.blend.weights(patch);
    let classes = network.config().classes as usize;
    let mut sums = Array4::<f32>::zeros((classes, padded[0], padded[1], padded[2]));
    let mut total = Array3::<f32>::zeros(padded);
    let _guard = tch::no_grad_guard();
    for &z in &starts[0] {
        for &y in &starts[1] {
            for &x in &starts[2] {
                let at = |axis: Axis| range([z, y, x], patch, axis);
                let view = canvas.slice_each_axis(|axis| at(axis.axis));
                let input = tensor_from_array(&view)
                    .f_unsqueeze(0)?
                    .f_unsqueeze(0)?
                    .f_to_device(device)?;
                let logits = network.forward(&input, false)?.logits;
                let window = array4_from_tensor(&probabilities(&logits).f_squeeze_dim(0)?)?;
                for (mut sum, window) in sums.outer_iter_mut().zip(window.outer_iter()) {
                    ndarray::Zip::from(sum.slice_each_axis_mut(|axis| at(axis.axis)))
                        .and(window)
                        .and(&weights)
                        .for_each(|sum, p, weight| *sum += p * weight);
                }
                let mut total = total.slice_each_axis_mut(|axis| at(axis.axis));
                total += &weights;
            }
        }
    }
    for mut class in sums.outer_iter_mut() {
        class /= &total;
    }
    if padded == shape {
        return Ok(sums);
    }
    let inside = sums.slice_each_axis(|axis| match axis.axis.index() {
        0 => (..).into(),
        a => range(before, shape, Axis(a - 1)),
    });
    Ok(inside.to_owned())
}

/// First voxels of the windows along an axis: evenly spread, the last one flush with the end.
fn window_starts(size: usize, patch: usize, overlap: f64) -> Vec<usize> {
    let stride = ((patch as f64 * (1.0 - overlap)).floor()).max(1.0);
    let room = size - patch;
    let gaps = (room as f64 / stride).ceil() as usize;
    (0..=gaps)
        .map(|i| (i * room).checked_div(gaps).unwrap_or(0))
        .collect()
}

fn range(start: [usize; 3], shape: [usize; 3], axis: Axis) -> Slice {
    let a = axis.index();
    (start[a]..start[a] + shape[a]).into()
}

#[cfg(test)]
mod tests {
    use tch::Kind;
    use tch::nn::VarStore;

    use super::*;
    use crate::vnet::VNetConfig;

    fn network(classes: i64) -> VNet {
        let config = VNetConfig {
            base_filters: 2,
            classes,
            ..VNetConfig::default()
        };
        VNet::new(&VarStore::new(Device::Cpu).root(), &config).unwrap()
    }

    fn windows(blend: Blend) -> Windows {
        Windows {
            patch_zyx: [16; 3],
            overlap: 0.5,
            blend,
        }
    }

    fn image(z: usize, y: usize, x: usize) -> Array3<f32> {
        Array3::from_shape_fn((z, y, x), |(z, y, x)| ((z * y + x) % 7) as f32 / 7.0)
    }

    fn predict(net: &VNet, image: &Array3<f32>, windows: &Windows) -> Array4<f32> {
        sliding_window_with(net, image.view(), windows, Device::Cpu).unwrap()
    }

    #[test]
    fn windows_cover_every_voxel_with_the_overlap() {
        for (size, patch, overlap) in [
            (64, 64, 0.5),
            (65, 64, 0.5),
            (100, 32, 0.25),
            (90, 16, 0.0),
            (40, 16, 0.99),
        ] {
            let starts = window_starts(size, patch, overlap);
            assert_eq!((starts[0], starts[starts.len() - 1]), (0, size - patch));
            let widest = starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            let stride = (patch as f64 * (1.0 - overlap)).max(1.0);
            assert!(widest as f64 <= stride, "{size} {patch}: {starts:?}");
        }
    }

    #[test]
    fn one_window_is_one_forward_pass() {
        let (net, image) = (network(2), image(16, 16, 16));
        let input = tensor_from_array(&image).view([1, 1, 16, 16, 16]);
        let logits = net.forward(&input, false).unwrap().logits;
        let direct = array4_from_tensor(&logits.softmax(1, Kind::Float).squeeze_dim(0)).unwrap();
        for blend in [Blend::Uniform, Blend::Gaussian] {
            let got = predict(&net, &image, &windows(blend));
            for (a, b) in got.iter().zip(&direct) {
                assert!((a - b).abs() < 1e-6, "{blend:?}");
            }
        }
    }

    /// Two windows side by side along x, blended by hand from two forward passes.
    #[test]
    fn overlapping_windows_are_averaged_by_their_weights() {
        let (net, image) = (network(2), image(16, 16, 24));
        let alone: Vec<Array4<f32>> = [0, 8]
            .map(|x| {
                let part = image.slice_axis(Axis(2), (x..x + 16).into()).to_owned();
                predict(&net, &part, &windows(Blend::Uniform))
            })
            .into();
        for blend in [Blend::Uniform, Blend::Gaussian] {
            let got = predict(&net, &image, &windows(blend));
            let weight = blend.profile(16);
            for x in 0..24 {
                let (mut sum, mut total) = (0.0, 0.0);
                for (start, alone) in [0, 8].iter().zip(&alone) {
                    if (*start..start + 16).contains(&x) {
                        sum += weight[x - start] * alone[[1, 3, 5, x - start]];
                        total += weight[x - start];
                    }
                }
                let got = got[[1, 3, 5, x]];
                assert!((got - sum / total).abs() < 1e-5, "{blend:?} at {x}");
            }
        }
        assert!(Blend::Gaussian.profile(16)[0] < 0.1 * Blend::Gaussian.profile(16)[8]);
    }

    #[test]
    fn any_shape_gives_probabilities() {
        let net = network(3);
        for (z, y, x) in [(10, 20, 33), (1, 1, 1), (17, 16, 40)] {
            let got = predict(&net, &image(z, y, x), &windows(Blend::Gaussian));
            assert_eq!(got.dim(), (3, z, y, x));
            assert!(got.sum_axis(Axis(0)).iter().all(|p| (p - 1.0).abs() < 1e-5));
        }
    }

    #[test]
    fn refuses_what_cannot_be_windowed() {
        let net = network(2);
        let base = windows(Blend::Uniform);
        for (shape, overlap, patch) in [
            ((16, 16, 16), 1.0, 16),
            ((16, 16, 16), f64::NAN, 16),
            ((16, 16, 16), 0.5, 20),
            ((16, 16, 16), 0.5, 0),
            ((16, 0, 16), 0.5, 16),
        ] {
            let windows = Windows {
                overlap,
                patch_zyx: [16, patch, 16],
                ..base.clone()
            };
            let image = Array3::zeros(shape);
            let error = sliding_window_with(&net, image.view(), &windows, Device::Cpu);
            assert!(error.is_err(), "{shape:?} {overlap} {patch}");
        }
    }

    #[test]
    fn leaves_gradients_on() {
        predict(&network(2), &image(16, 16, 16), &windows(Blend::Uniform));
        let a = tch::Tensor::from(2.0f32).set_requires_grad(true);
        assert!((&a * 3.0).requires_grad());
    }
}
