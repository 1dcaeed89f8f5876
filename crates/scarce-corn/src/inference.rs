//! Sliding-window inference.

use ndarray::{Array3, Array4, ArrayView3, Axis};
use scarce_train::{array4_from_tensor, tensor_from_array};
use tch::Device;

use crate::CornError;
use crate::vnet::{VNet, probabilities};

/// Class probabilities `(class, z, y, x)` of an image `(z, y, x)`.
///
/// Windows of `patch_zyx` overlap by at least `overlap` (0 to below 1) of their sides and count
/// alike; smaller images are padded with 0 at both ends. The network runs in evaluation mode.
///
/// # Errors
/// [`CornError::Setting`] for an overlap out of range, [`CornError::Shape`] for a patch the network
/// does not take.
pub fn sliding_window(
    network: &VNet,
    image: ArrayView3<'_, f32>,
    patch_zyx: [usize; 3],
    overlap: f64,
    device: Device,
) -> Result<Array4<f32>, CornError> {
    if !(0.0..1.0).contains(&overlap) {
        return Err(CornError::Setting {
            name: "overlap",
            expected: "at least 0 and below 1",
            got: overlap.to_string(),
        });
    }
    let shape: [usize; 3] = image.dim().into();
    let padded = [0, 1, 2].map(|a| shape[a].max(patch_zyx[a]));
    let before = [0, 1, 2].map(|a| (padded[a] - shape[a]) / 2);
    let mut canvas = Array3::<f32>::zeros((padded[0], padded[1], padded[2]));
    window_mut(&mut canvas, before, shape).assign(&image);

    let starts = [0, 1, 2].map(|a| window_starts(padded[a], patch_zyx[a], overlap));
    let mut sums: Option<Array4<f32>> = None;
    let mut counts = Array3::<f32>::zeros(canvas.raw_dim());
    let _guard = tch::no_grad_guard();
    for &z in &starts[0] {
        for &y in &starts[1] {
            for &x in &starts[2] {
                let start = [z, y, x];
                let patch = canvas.slice_each_axis(|axis| range(start, patch_zyx, axis.axis));
                let input = tensor_from_array(&patch)
                    .unsqueeze(0)
                    .unsqueeze(0)
                    .to_device(device);
                let output = network.forward(&input, false)?;
                let window = array4_from_tensor(
                    &probabilities(&output.logits)
                        .squeeze_dim(0)
                        .to_device(Device::Cpu),
                )?;
                let sums = sums.get_or_insert_with(|| {
                    Array4::zeros((window.len_of(Axis(0)), padded[0], padded[1], padded[2]))
                });
                for (mut sum, window) in sums.outer_iter_mut().zip(window.outer_iter()) {
                    let mut place =
                        sum.slice_each_axis_mut(|axis| range(start, patch_zyx, axis.axis));
                    place += &window;
                }
                window_mut(&mut counts, start, patch_zyx).mapv_inplace(|n| n + 1.0);
            }
        }
    }
    let mut sums = sums.ok_or_else(|| CornError::Data {
        message: "the image is empty".to_owned(),
    })?;
    for mut class in sums.outer_iter_mut() {
        class /= &counts;
    }
    let inside = sums.slice_each_axis(|axis| match axis.axis.index() {
        0 => (..).into(),
        a => (before[a - 1]..before[a - 1] + shape[a - 1]).into(),
    });
    Ok(inside.to_owned())
}

/// First voxels of the windows along an axis: evenly spread, the last one flush with the end.
fn window_starts(size: usize, patch: usize, overlap: f64) -> Vec<usize> {
    let stride = ((patch as f64 * (1.0 - overlap)).floor()).max(1.0);
    let gaps = ((size - patch) as f64 / stride).ceil() as usize;
    let room = size - patch;
    (0..=gaps)
        .map(|i| (i * room).checked_div(gaps).unwrap_or(0))
        .collect()
}

fn range(start: [usize; 3], shape: [usize; 3], axis: Axis) -> ndarray::Slice {
    let a = axis.index();
    (start[a]..start[a] + shape[a]).into()
}

fn window_mut(
    array: &mut Array3<f32>,
    start: [usize; 3],
    shape: [usize; 3],
) -> ndarray::ArrayViewMut3<'_, f32> {
    array.slice_each_axis_mut(|axis| range(start, shape, axis.axis))
}

#[cfg(test)]
mod tests {
    use tch::Kind;
    use tch::nn::VarStore;

    use super::*;
    use crate::vnet::VNetConfig;

    #[test]
    fn windows_cover_every_voxel_with_the_overlap() {
        for (size, patch, overlap) in [(64, 64, 0.5), (65, 64, 0.5), (100, 32, 0.25), (90, 16, 0.0)]
        {
            let starts = window_starts(size, patch, overlap);
            assert_eq!((starts[0], starts[starts.len() - 1]), (0, size - patch));
            let widest = starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
            assert!(
                widest as f64 <= patch as f64 * (1.0 - overlap),
                "{size} {patch}: {starts:?}"
            );
        }
    }

    #[test]
    fn one_window_is_one_forward_pass() {
        let store = VarStore::new(Device::Cpu);
        let net = VNet::new(
            &store.root(),
            &VNetConfig {
                base_filters: 2,
                ..VNetConfig::default()
            },
        );
        let image = Array3::from_shape_fn((16, 16, 16), |(z, y, x)| ((z * y + x) % 7) as f32 / 7.0);
        let got = sliding_window(&net, image.view(), [16; 3], 0.5, Device::Cpu).unwrap();
        let input = tensor_from_array(&image).view([1, 1, 16, 16, 16]);
        let direct = tch::no_grad(|| {
            net.forward(&input, false)
                .unwrap()
                .logits
                .softmax(1, Kind::Float)
        });
        let direct = array4_from_tensor(&direct.squeeze_dim(0)).unwrap();
        for (a, b) in got.iter().zip(&direct) {
            assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn any_shape_gives_probabilities() {
        let store = VarStore::new(Device::Cpu);
        let net = VNet::new(
            &store.root(),
            &VNetConfig {
                base_filters: 2,
                ..VNetConfig::default()
            },
        );
        for shape in [(10, 20, 33), (1, 1, 1), (17, 16, 40)] {
            let image = Array3::from_elem(shape, 0.3);
            let got = sliding_window(&net, image.view(), [16; 3], 0.5, Device::Cpu).unwrap();
            assert_eq!(got.dim(), (2, shape.0, shape.1, shape.2));
            assert!(got.sum_axis(Axis(0)).iter().all(|p| (p - 1.0).abs() < 1e-5));
        }
    }
}
