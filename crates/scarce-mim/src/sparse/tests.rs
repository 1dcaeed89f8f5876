//! Each layer beside its definition over visible cells.

use tch::nn::{Init, VarStore};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::MimError;

fn map() -> Tensor {
    let angles = Tensor::arange(2 * 3 * 4 * 4, (Kind::Float, Device::Cpu)) * 0.7;
    (angles.sin() + 0.3).view([2, 3, 4, 4])
}

fn active(cells: &[f32; 8]) -> Active {
    Active::new(&Tensor::from_slice(cells).view([2, 1, 2, 2]))
}

fn close(got: &Tensor, expected: &[f64]) {
    let got = Vec::<f64>::try_from(got.to_kind(Kind::Double).flatten(0, -1)).unwrap();
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 2e-5, "{got} {expected}");
    }
}

/// ```python
/// import numpy as np
/// x = (np.sin(np.arange(96) * .7) + .3).reshape(2, 3, 4, 4)
/// a = np.array([1, 0, 0, 1, 0, 0, 1, 0.]).reshape(2, 1, 2, 2).repeat(2, 2).repeat(2, 3)
/// rows = x.transpose(0, 2, 3, 1)[a[:, 0] > 0]
/// rows.mean(0), rows.var(0, ddof=1), ((rows - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-5))[5]
/// ```
#[test]
fn batch_norm_is_of_visible_cells() {
    let store = VarStore::new(Device::Cpu);
    let norm = BatchNorm::new(&store.root(), 3, 1.0);
    let active = active(&[1., 0., 0., 1., 0., 0., 1., 0.]);
    let x = Features::new(&map(), Some(&active)).unwrap();
    let y = norm.forward(x, true).unwrap().map().unwrap();
    let variables = store.variables();
    close(
        &(variables["running_mean"].to_kind(Kind::Double) / 0.1),
        &[0.379812, 0.417985, 0.268091],
    );
    close(
        &((variables["running_var"].to_kind(Kind::Double) - 0.9) / 0.1),
        &[0.572466, 0.441310, 0.673637],
    );
    // The sixth visible cell of the batch is (0, 2, 3).
    let sixth = y.select(0, 0).select(1, 2).select(1, 3);
    close(&sixth, &[1.253925, -0.106223, -1.190844]);
}

type Layer<'l> = Box<dyn Fn(Features<'l>) -> Result<Features<'l>, MimError> + 'l>;

/// A batch with one visible cell a sample is a batch of 1×1 maps for libtorch's own layers, and windows that stay in
/// their patch see what they see in a dense map.
#[test]
fn norms_of_samples_see_their_visible_cells() {
    let store = VarStore::new(Device::Cpu);
    let active = active(&[1., 0., 0., 0., 0., 0., 0., 1.]);
    let corner = |sample: i64, from: i64| {
        map()
            .narrow(0, sample, 1)
            .narrow(2, from, 2)
            .narrow(3, from, 2)
    };
    let visible = Tensor::cat(&[corner(0, 0), corner(1, 2)], 0);
    let group = GroupNorm::new(&(store.root() / "group"), 3, 1);
    let instance = GroupNorm::new(&(store.root() / "instance"), 3, 3);
    let layer = LayerNorm::new(&(store.root() / "layer"), 3, 1e-6);
    tch::manual_seed(1);
    let excite = SqueezeExcite::new(&(store.root() / "se"), 3, 2);
    let layers: [(&str, Layer<'_>); 4] = [
        ("group", Box::new(|x| group.forward(x))),
        ("instance", Box::new(|x| instance.forward(x))),
        ("layer", Box::new(|x| layer.forward(x))),
        ("squeeze-excite", Box::new(|x| excite.forward(x))),
    ];
    for (name, forward) in layers {
        let dense = forward(Features::new(&visible, None).unwrap()).unwrap();
        let dense = dense.map().unwrap();
        let sparse = forward(Features::new(&map(), Some(&active)).unwrap()).unwrap();
        let sparse = sparse.map().unwrap();
        for (sample, from) in [(0, 0), (1, 2)] {
            let got = sparse
                .select(0, sample)
                .narrow(1, from, 2)
                .narrow(2, from, 2);
            let error = (got - dense.select(0, sample))
                .abs()
                .max()
                .double_value(&[]);
            assert!(error < 1e-5, "{name}: {error}");
        }
    }
}

#[test]
fn convolutions_and_pooling_equal_masked_dense_ones() {
    tch::manual_seed(2);
    for dimensions in [2, 3] {
        let mut size = vec![2, 3];
        size.resize(2 + dimensions, 8);
        let x = Tensor::rand(size, (Kind::Float, Device::Cpu));
        let mut grid = vec![2, 1];
        grid.resize(2 + dimensions, 2);
        let cells = Tensor::arange(2 << dimensions, (Kind::Float, Device::Cpu));
        let active = Active::new(&cells.fmod(3.0).eq(0.0).view(grid.as_slice()));
        let seen = &x * active.like(&x).unwrap();
        for (kernel, stride, padding, groups) in [
            (1, 1, 0, 1),
            (1, 2, 0, 1),
            (2, 2, 0, 1),
            (4, 4, 0, 1),
            (3, 1, 1, 1),
            (3, 2, 1, 1),
            (3, 1, 1, 3),
        ] {
            let geometry = Geometry {
                dimensions,
                kernel,
                stride,
                padding,
                groups,
            };
            let store = VarStore::new(Device::Cpu);
            let normal = Init::Randn {
                mean: 0.0,
                stdev: 0.3,
            };
            let channels = [3, 6];
            let layer = Convolution::new(&store.root(), channels, geometry, normal, Some(normal));
            let gradients = |y: &Tensor| {
                let variables = store.variables();
                let of = [&variables["weight"], &variables["bias"]];
                Tensor::run_backward(&[y.square().sum(Kind::Float)], &of, true, false)
            };
            let dense = layer
                .forward(&Features::Dense(seen.shallow_clone()))
                .unwrap();
            let dense = dense.map().unwrap();
            let dense = &dense * active.like(&dense).unwrap();
            let visible = Features::new(&x, Some(&active)).unwrap();
            for sparse in [
                layer.forward(&visible).unwrap(),
                layer
                    .forward_input(&Input::Pixels(&x, Some(&active)))
                    .unwrap(),
            ] {
                let sparse = sparse.map().unwrap();
                assert!(sparse.allclose(&dense, 1e-5, 1e-5, false), "{geometry:?}");
                for (a, b) in gradients(&sparse).iter().zip(gradients(&dense)) {
                    assert!(a.allclose(&b, 1e-4, 1e-4, false), "{geometry:?}");
                }
            }
        }
        let visible = Features::new(&x, Some(&active)).unwrap();
        let dense = Features::Dense(seen);
        for pool in [max_pool, average_pool] {
            let expected = pool(&dense, 3, 2, 1).unwrap().map().unwrap();
            let expected = &expected * active.like(&expected).unwrap();
            let got = pool(&visible, 3, 2, 1).unwrap().map().unwrap();
            assert!(got.allclose(&expected, 1e-6, 1e-6, false));
        }
    }
}

#[test]
fn dropped_paths_keep_the_mean() {
    tch::manual_seed(4);
    let ones = Tensor::ones([400, 1, 2, 2], (Kind::Float, Device::Cpu));
    let all = Active::new(&ones);
    for active in [None, Some(&all)] {
        let x = Features::new(&ones, active).unwrap();
        let y = drop_path(x, 0.25, true).unwrap().map().unwrap();
        let of_samples = y.flatten(1, -1);
        let (least, most) = (
            of_samples.amin([1i64].as_slice(), false),
            of_samples.amax([1i64].as_slice(), false),
        );
        assert!(least.equal(&most), "a sample is dropped as a whole");
        let mean = y.mean(Kind::Float).double_value(&[]);
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
        let x = Features::new(&ones, active).unwrap();
        assert!(
            drop_path(x, 0.25, false)
                .unwrap()
                .map()
                .unwrap()
                .equal(&ones)
        );
    }
}
