//! Windows: what is averaged, what is finished when, what is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;

use ndarray::{Array3, Array4, Axis};
use scarce_corn::CornError;
use scarce_corn::inference::{
    Blend, Windows, likeliest, sliding_window, sliding_window_blocks, sliding_window_labels,
};
use scarce_corn::vnet::{VNet, VNetConfig};
use scarce_train::{array4_from_tensor, tensor_from_array};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn network(classes: i64) -> VNet {
    let config = VNetConfig {
        base_filters: 2,
        classes,
        ..VNetConfig::default()
    };
    tch::manual_seed(3);
    VNet::new(&VarStore::new(Device::Cpu).root(), &config).unwrap()
}

/// Logits that tell classes apart by the intensity, voxel by voxel.
fn pointwise(classes: i64) -> impl Fn(&Tensor) -> Result<Tensor, CornError> {
    let steps = Tensor::arange(classes, (Kind::Float, Device::Cpu)).view([1, -1, 1, 1, 1]);
    move |input| Ok((input * &steps * 3.0).sin() * 4.0)
}

fn windows(blend: Blend) -> Windows {
    Windows {
        patch_zyx: [16; 3],
        blend,
        ..Windows::default()
    }
}

fn image(z: usize, y: usize, x: usize) -> Array3<f32> {
    Array3::from_shape_fn((z, y, x), |(z, y, x)| ((z * y + x) % 7) as f32 / 7.0)
}

fn predict(net: &VNet, image: &Array3<f32>, windows: &Windows) -> Array4<f32> {
    let forward = |x: &Tensor| Ok(net.forward(x, false)?.logits);
    sliding_window(&forward, image.view(), windows, Device::Cpu).unwrap()
}

fn assert_close(got: &Array4<f32>, expected: &Array4<f32>, tolerance: f32, what: &str) {
    assert_eq!(got.dim(), expected.dim(), "{what}");
    let apart = |(a, b): (&f32, &f32)| (a - b).abs();
    let worst = got.iter().zip(expected).map(apart).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what}: {worst}");
}

#[test]
fn one_window_is_one_forward_pass() {
    let (net, image) = (network(2), image(16, 16, 16));
    let input = tensor_from_array(&image).view([1, 1, 16, 16, 16]);
    let logits = net.forward(&input, false).unwrap().logits;
    let direct = array4_from_tensor(&logits.softmax(1, Kind::Float).squeeze_dim(0)).unwrap();
    for blend in [Blend::Uniform, Blend::Gaussian] {
        let got = predict(&net, &image, &windows(blend));
        assert_close(&got, &direct, 1e-6, &format!("{blend:?}"));
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
    let gaussian = |i: usize| (-0.5 * ((i as f32 - 7.5) / 2.0).powi(2)).exp().max(1e-3);
    for blend in [Blend::Uniform, Blend::Gaussian] {
        let got = predict(&net, &image, &windows(blend));
        for x in 0..24 {
            let (mut sum, mut total) = (0.0, 0.0);
            for (start, alone) in [0, 8].iter().zip(&alone) {
                if (*start..start + 16).contains(&x) {
                    let weight = match blend {
                        Blend::Uniform => 1.0,
                        Blend::Gaussian => gaussian(x - start),
                    };
                    sum += weight * alone[[1, 3, 5, x - start]];
                    total += weight;
                }
            }
            let got = got[[1, 3, 5, x]];
            assert!((got - sum / total).abs() < 1e-5, "{blend:?} at {x}");
        }
    }
}

#[test]
fn any_shape_gives_probabilities() {
    let net = network(3);
    for (z, y, x) in [(10, 20, 33), (1, 1, 1), (17, 16, 40)] {
        for strides_zyx in [None, Some([5, 16, 3])] {
            let windows = Windows {
                strides_zyx,
                ..windows(Blend::Gaussian)
            };
            let got = predict(&net, &image(z, y, x), &windows);
            assert_eq!(got.dim(), (3, z, y, x));
            let sums = got.sum_axis(Axis(0));
            assert!(sums.iter().all(|p| (p - 1.0).abs() < 1e-5));
        }
    }
}

/// A network that looks at each voxel alone says the same wherever windows lie, whatever they weigh.
#[test]
fn what_no_window_changes_stays() {
    let image = image(21, 18, 37);
    let input = tensor_from_array(&image).view([1, 1, 21, 18, 37]);
    // Of so many classes, an answer is larger than caches are, and is added a few slices at a time.
    for classes in [4, 1100] {
        let forward = pointwise(classes);
        let direct = forward(&input).unwrap().softmax(1, Kind::Float);
        let direct = array4_from_tensor(&direct.squeeze_dim(0)).unwrap();
        for (strides_zyx, flips_zyx, blend) in [
            (None, [false; 3], Blend::Gaussian),
            (Some([4, 18 - 2, 7]), [false; 3], Blend::Uniform),
            (Some([16, 2, 16]), [true, false, true], Blend::Gaussian),
            (None, [true; 3], Blend::Uniform),
        ] {
            let windows = Windows {
                strides_zyx,
                flips_zyx,
                ..windows(blend)
            };
            let got = sliding_window(&forward, image.view(), &windows, Device::Cpu).unwrap();
            assert_close(&got, &direct, 2e-6, &format!("{classes}, {windows:?}"));
        }
    }
}

/// Flips by hand: the mean of four forward passes, flipped back.
#[test]
fn flips_are_averaged() {
    let (net, image) = (network(2), image(16, 16, 16));
    let input = tensor_from_array(&image).view([1, 1, 16, 16, 16]);
    let mut sum = Tensor::zeros([1, 2, 16, 16, 16], (Kind::Float, Device::Cpu));
    for axes in [&[][..], &[2], &[4], &[2, 4]] {
        let logits = net.forward(&input.flip(axes), false).unwrap().logits;
        sum += logits.softmax(1, Kind::Float).flip(axes);
    }
    let expected = array4_from_tensor(&(sum / 4.0).squeeze_dim(0)).unwrap();
    let windows = Windows {
        flips_zyx: [true, false, true],
        ..windows(Blend::Uniform)
    };
    assert_close(&predict(&net, &image, &windows), &expected, 1e-6, "flips");
}

/// Labels that never see the whole are those of the whole.
#[test]
fn streamed_labels_are_those_of_the_whole() {
    let net = network(5);
    let forward = |x: &Tensor| Ok(net.forward(x, false)?.logits);
    for shape in [(40, 33, 20), (9, 40, 16), (16, 16, 16), (50, 12, 70)] {
        for strides_zyx in [None, Some([4, 9, 11])] {
            let windows = Windows {
                strides_zyx,
                ..windows(Blend::Gaussian)
            };
            let image = image(shape.0, shape.1, shape.2);
            let whole = sliding_window(&forward, image.view(), &windows, Device::Cpu).unwrap();
            let found =
                sliding_window_labels(&forward, image.view(), &windows, Some(2), Device::Cpu);
            let found = found.unwrap();
            assert_eq!(found.classes, 5);
            assert_eq!(found.labels, likeliest(whole.view()), "{shape:?}");
            let probability = found.probability.unwrap();
            assert_eq!(probability, whole.index_axis(Axis(0), 2), "{shape:?}");
        }
    }
}

/// Blocks come while windows go on, each voxel once.
#[test]
fn blocks_are_finished_as_soon_as_no_window_is_to_come() {
    let (image, forwards) = (image(64, 32, 16), RefCell::new(0));
    let pointwise = pointwise(2);
    let forward = |x: &Tensor| {
        *forwards.borrow_mut() += 1;
        pointwise(x)
    };
    let mut times = Array3::<u8>::zeros(image.dim());
    let mut first_after = None;
    let windows = windows(Blend::Uniform);
    sliding_window_blocks(
        &forward,
        image.view(),
        &windows,
        Device::Cpu,
        &mut |block| {
            first_after.get_or_insert(*forwards.borrow());
            times
                .slice_each_axis_mut(|axis| block.voxels(axis.axis.index()).into())
                .map_inplace(|n| *n += 1);
            Ok(())
        },
    )
    .unwrap();
    // Seven rows of windows along z, three along y: the first corner needs one window.
    assert_eq!((first_after, *forwards.borrow()), (Some(1), 21));
    assert!(times.iter().all(|n| *n == 1));
}

#[test]
fn refuses_what_cannot_be_windowed() {
    let net = network(2);
    let forward = |x: &Tensor| Ok(net.forward(x, false)?.logits);
    let base = windows(Blend::Uniform);
    let with = |change: fn(&mut Windows)| {
        let mut windows = base.clone();
        change(&mut windows);
        windows
    };
    let cases = [
        (with(|w| w.overlap = 1.0), 16, "overlap"),
        (with(|w| w.overlap = f64::NAN), 16, "overlap"),
        (with(|w| w.patch_zyx[1] = 20), 16, "16"),
        (with(|w| w.patch_zyx[1] = 0), 16, "patch_zyx"),
        (
            with(|w| w.strides_zyx = Some([4, 17, 4])),
            16,
            "strides_zyx",
        ),
        (with(|w| w.strides_zyx = Some([0, 4, 4])), 16, "strides_zyx"),
        (base.clone(), 0, "voxel"),
    ];
    for (windows, rows, part) in cases {
        let image = Array3::zeros((16, rows, 16));
        let error = sliding_window(&forward, image.view(), &windows, Device::Cpu).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    let image = image(16, 16, 16);
    let labels = |forward: &dyn Fn(&Tensor) -> Result<Tensor, CornError>, class| {
        sliding_window_labels(forward, image.view(), &base, class, Device::Cpu)
            .unwrap_err()
            .to_string()
    };
    assert!(labels(&forward, Some(2)).contains("probability_of"));
    let features = |x: &Tensor| Ok(x.shallow_clone());
    assert!(labels(&features, None).contains("at least 2"));
    let small = |x: &Tensor| {
        Ok(
            x.avg_pool3d([2, 2, 2], [2, 2, 2], 0, false, true, None::<i64>)
                .repeat([1, 2, 1, 1, 1]),
        )
    };
    assert!(labels(&small, None).contains("[1, 2, 8, 8, 8]"));
}

#[test]
fn leaves_gradients_on() {
    predict(&network(2), &image(16, 16, 16), &windows(Blend::Uniform));
    let a = Tensor::from(2.0f32).set_requires_grad(true);
    assert!((&a * 3.0).requires_grad());
}
