//! A hundred steps on fixed gradients end where PyTorch's and timm's optimizers end.
//!
//! ```python
//! # torch 2.11.0, timm 1.0.31 (float32: 1.0.20); dtype = float64, then float32 with SGD(…, fused=True) and AdamW(…, fused=True)
//! def run(make, clip=None):
//!     w = torch.tensor([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]], dtype=dtype, requires_grad=True)
//!     b = torch.tensor([0.1, -0.2, 0.3], dtype=dtype, requires_grad=True)
//!     opt = make(w, b)
//!     for t in range(100):
//!         g = [((t * 37 + i * 101) % 211 - 95) / 105 for i in range(9)]
//!         w.grad = torch.tensor(g[:6], dtype=dtype).view(2, 3)
//!         b.grad = None if t % 3 == 2 else torch.tensor(g[6:], dtype=dtype)
//!         if clip: torch.nn.utils.clip_grad_norm_([w, b], clip)
//!         opt.step()
//!     return torch.cat([w.detach().flatten(), b.detach()])
//! sgd = lambda **k: lambda w, b: SGD([dict(params=[w], lr=.01), dict(params=[b], lr=.005)], **k)
//! groups = lambda w, b: [dict(params=[w], lr=.01, weight_decay=.1), dict(params=[b], lr=.005, weight_decay=0.0)]
//! adamw = lambda b2: lambda w, b: AdamW(groups(w, b), betas=(.9, b2), eps=1e-8)
//! lamb = lambda b2, **k: lambda w, b: Lamb(groups(w, b), betas=(.9, b2), eps=1e-6, **k)
//! run(sgd()); run(sgd(momentum=.9, weight_decay=.01))
//! run(sgd(momentum=.9, weight_decay=.01, nesterov=True), 1.0)
//! run(adamw(.99)); run(adamw(.999), 1.0)
//! run(lamb(.95, max_grad_norm=1.0))
//! run(lamb(.95, max_grad_norm=None, always_adapt=True, bias_correction=False))
//! run(lamb(.999, max_grad_norm=5.0, trust_clip=True))
//! ```

use tch::{Kind, Tensor};

use super::{GroupsConfig, LayerDepth, Optimizer, OptimizerConfig, clip_scale};

fn run(config: OptimizerConfig, clip: f64, kind: Kind) -> Vec<f64> {
    let start = [0.5, -1.0, 2.0, 0.25, 0.0, -0.75, 0.1, -0.2, 0.3];
    let leaf = |values: &[f64], shape: &[i64]| {
        let values = Tensor::from_slice(values).to_kind(kind).view(shape);
        values.set_requires_grad(true)
    };
    let (w, b) = (leaf(&start[..6], &[2, 3]), leaf(&start[6..], &[3]));
    let groups = GroupsConfig {
        layer_decay: 0.5,
        ..GroupsConfig::default()
    };
    let parameters = vec![
        ("w".to_owned(), w.shallow_clone()),
        ("b".to_owned(), b.shallow_clone()),
    ];
    let mut optimizer = Optimizer::with_groups(config, &groups, parameters, |name| {
        Some(LayerDepth {
            layer: u32::from(name == "w"),
            layers: 2,
        })
    });
    for t in 0..100 {
        optimizer.zero_grad();
        let gradient = |from: i64, to: i64| {
            let values: Vec<f64> = (from..to)
                .map(|i| ((t * 37 + i * 101) % 211 - 95) as f64 / 105.0)
                .collect();
            Tensor::from_slice(&values).to_kind(kind)
        };
        let mut loss = (&w * gradient(0, 6).view([2, 3])).sum(kind);
        if t % 3 != 2 {
            loss += (&b * gradient(6, 9)).sum(kind);
        }
        optimizer.backward(&loss).unwrap();
        let scale = clip_scale(optimizer.gradient_norm().unwrap(), clip);
        optimizer.step(0.01, scale).unwrap();
    }
    let all = Tensor::cat(&[w.detach().flatten(0, -1), b.detach()], 0);
    Vec::<f64>::try_from(all.to_kind(Kind::Double)).unwrap()
}

const fn lamb(beta2: f64, max_gradient_norm: f64) -> OptimizerConfig {
    OptimizerConfig::Lamb {
        beta1: 0.9,
        beta2,
        eps: 1e-6,
        weight_decay: 0.1,
        max_gradient_norm,
        bias_correction: true,
        trust_clip: false,
        always_adapt: false,
    }
}

fn cases() -> [(OptimizerConfig, f64, Reference); 8] {
    let sgd = |momentum, weight_decay, nesterov| OptimizerConfig::Sgd {
        momentum,
        weight_decay,
        nesterov,
    };
    let adamw = |beta2| OptimizerConfig::AdamW {
        beta1: 0.9,
        beta2,
        eps: 1e-8,
        weight_decay: 0.1,
    };
    let mut finetuning = lamb(0.95, 0.0);
    let mut clipped_trust = lamb(0.999, 5.0);
    if let (
        OptimizerConfig::Lamb {
            bias_correction,
            always_adapt,
            ..
        },
        OptimizerConfig::Lamb { trust_clip, .. },
    ) = (&mut finetuning, &mut clipped_trust)
    {
        (*bias_correction, *always_adapt, *trust_clip) = (false, true, true);
    }
    [
        (sgd(0.0, 0.0, false), 0.0, PLAIN_SGD),
        (sgd(0.9, 0.01, false), 0.0, SGD),
        (sgd(0.9, 0.01, true), 1.0, NESTEROV),
        (adamw(0.99), 0.0, ADAMW),
        (adamw(0.999), 1.0, ADAMW_CLIPPED),
        (lamb(0.95, 1.0), 0.0, LAMB),
        (finetuning, 0.0, LAMB_FINETUNING),
        (clipped_trust, 0.0, LAMB_TRUST_CLIP),
    ]
}

#[test]
fn a_hundred_steps_equal_the_reference() {
    // In f32, PyTorch's fused optimizers differ from its others by up to 1.5e-7, and either from f64 by up to 3e-6.
    // Ours differ where gradients are clipped, whose norm is put together in f64.
    for (kind, tolerance) in [(Kind::Double, 1e-10), (Kind::Float, 5e-7)] {
        for (config, clip, reference) in cases() {
            let expected = match kind {
                Kind::Double => reference.double,
                _ => reference.single.map(f64::from),
            };
            for (got, expected) in run(config, clip, kind).iter().zip(expected) {
                let difference = (got - expected).abs();
                assert!(
                    difference < tolerance,
                    "{config:?} in {kind:?}: {got} against {expected}"
                );
            }
        }
    }
}

/// The parameters after the hundred steps.
struct Reference {
    double: [f64; 9],
    single: [f32; 9],
}

const PLAIN_SGD: Reference = Reference {
    double: [
        0.419904761905,
        -1.09752380952,
        1.90514285714,
        0.137714285714,
        -0.0895238095238,
        -0.836857142857,
        0.0705238095238,
        -0.23019047619,
        0.279142857143,
    ],
    single: [
        0.41990477,
        -1.0975235,
        1.9051429,
        0.13771427,
        -0.08952382,
        -0.8368571,
        0.070523806,
        -0.23019046,
        0.27914286,
    ],
};

const SGD: Reference = Reference {
    double: [
        -0.326475697704,
        -1.68912927213,
        0.99644197766,
        -0.726283543558,
        -0.803999357581,
        -1.45980949625,
        -0.161003259933,
        -0.466330253796,
        0.0972864725433,
    ],
    single: [
        -0.3264756,
        -1.6891291,
        0.9964423,
        -0.7262833,
        -0.80399936,
        -1.4598092,
        -0.1610032,
        -0.46633026,
        0.09728651,
    ],
};

const NESTEROV: Reference = Reference {
    double: [
        -0.0534294390665,
        -1.45868772573,
        1.34688929071,
        -0.362683268359,
        -0.387653468476,
        -1.11098236134,
        -0.0088794509984,
        -0.329873906222,
        0.232520303585,
    ],
    single: [
        -0.053429417,
        -1.4586881,
        1.3468894,
        -0.36268327,
        -0.38765344,
        -1.1109825,
        -0.008879413,
        -0.32987392,
        0.23252033,
    ],
};

const ADAMW: Reference = Reference {
    double: [
        0.344321297816,
        -1.06124044317,
        1.65698851315,
        0.0459535137521,
        -0.150400304577,
        -0.826865524699,
        0.0484320219317,
        -0.24718563061,
        0.261602421924,
    ],
    single: [
        0.34432188,
        -1.0612416,
        1.6569904,
        0.04595367,
        -0.15040037,
        -0.82686657,
        0.04843201,
        -0.24718565,
        0.26160252,
    ],
};

const ADAMW_CLIPPED: Reference = Reference {
    double: [
        0.331760578685,
        -1.07813270943,
        1.66317842785,
        0.0476072245798,
        -0.121852804899,
        -0.812157208856,
        0.0614626630821,
        -0.239313398455,
        0.278399415043,
    ],
    single: [
        0.33176115,
        -1.0781342,
        1.6631811,
        0.047607355,
        -0.12185283,
        -0.8121585,
        0.061462685,
        -0.23931342,
        0.2783995,
    ],
};

const LAMB: Reference = Reference {
    double: [
        -0.207501264226,
        -1.25797114554,
        0.792477714591,
        -0.501206106352,
        -0.415141388649,
        -0.974668270719,
        0.0605761947698,
        -0.239488419195,
        0.277574138233,
    ],
    single: [
        -0.20750122,
        -1.2579712,
        0.7924775,
        -0.50120616,
        -0.4151413,
        -0.9746682,
        0.060576204,
        -0.23948841,
        0.27757415,
    ],
};

const LAMB_FINETUNING: Reference = Reference {
    double: [
        -0.170038242704,
        -1.20064620837,
        0.791824774906,
        -0.492140527399,
        -0.520049948962,
        -1.04896301459,
        0.0537880851863,
        -0.250079623619,
        0.27041767823,
    ],
    single: [
        -0.17003818,
        -1.2006464,
        0.7918247,
        -0.49214047,
        -0.5200499,
        -1.0489627,
        0.05378809,
        -0.2500796,
        0.27041778,
    ],
};

const LAMB_TRUST_CLIP: Reference = Reference {
    double: [
        0.343934648554,
        -1.06124581819,
        1.65752848063,
        0.0453570113125,
        -0.149936526035,
        -0.827515410981,
        0.0412038133806,
        -0.25519775353,
        0.256053037789,
    ],
    single: [
        0.34393466,
        -1.0612457,
        1.6575279,
        0.045357063,
        -0.14993647,
        -0.8275152,
        0.04120382,
        -0.2551976,
        0.25605297,
    ],
};
