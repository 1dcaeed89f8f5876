//! PSNR and SSIM against scikit-image's, what must hold for any images, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array, Array2, Array3, ArrayView, ArrayView2, Dimension, ShapeBuilder as _};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;
use scarce_metrics::reconstruction::{ReconstructionError, SsimOptions, SsimWindow, psnr_db, ssim};

/// ```python
/// i = np.arange(np.prod(shape)).reshape(shape).astype(float)
/// a = np.sin(i * 0.37) + 0.5 * np.cos(i * 0.011); b = a + 0.2 * np.sin(i * i * 0.013)
/// ```
fn pair<Sh: ndarray::IntoDimension<Dim = D> + Copy, D: Dimension>(shape: Sh) -> [Array<f64, D>; 2] {
    let shape = shape.into_dimension();
    let a = |i: f64| (i * 0.37).sin() + 0.5 * (i * 0.011).cos();
    let of = |value: &dyn Fn(f64) -> f64| {
        let values = (0..shape.size()).map(|i| value(i as f64)).collect();
        Array::from_shape_vec(shape.clone(), values).unwrap()
    };
    [of(&a), of(&|i| a(i) + 0.2 * (i * i * 0.013).sin())]
}

fn check<D: Dimension>([a, b]: &[Array<f64, D>; 2], expected: [f64; 7]) {
    let uniform = |side| SsimOptions::default().with_window(SsimWindow::Uniform { side });
    let gaussian = |sigma| SsimOptions::default().with_window(SsimWindow::Gaussian { sigma });
    for ((range, options), expected) in [
        (3.0, SsimOptions::default()),
        (3.0, uniform(3)),
        (2.5, uniform(9).with_sample_covariance(false)),
        (3.0, gaussian(1.5)),
        (3.0, SsimOptions::wang()),
        (1.0, gaussian(0.8).with_constants(0.02, 0.05)),
    ]
    .into_iter()
    .zip(expected)
    {
        let got = ssim(a.view(), b.view(), range, &options).unwrap();
        assert!(
            (got - expected).abs() < 1e-9,
            "{options:?}: {got}, not {expected}"
        );
    }
    let psnr = psnr_db(a.view(), b.view(), 3.0).unwrap().unwrap();
    assert!((psnr - expected[6]).abs() < 1e-9, "{psnr}");
}

/// scikit-image 0.26.0: `structural_similarity(a, b, data_range=r, **kw)` with kw `{}`,
/// `dict(win_size=3)`, `dict(win_size=9, use_sample_covariance=False)`, `dict(gaussian_weights=True)`,
/// `dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`,
/// `dict(gaussian_weights=True, sigma=0.8, K1=0.02, K2=0.05)`; `peak_signal_noise_ratio(a, b, data_range=3.0)`.
#[test]
fn equal_scikit_image() {
    check(
        &pair((24, 31)),
        [
            0.9548140298369381,
            0.8983288059158892,
            0.9606317732594338,
            0.9449073243217406,
            0.9449087078098233,
            0.9037613741971551,
            26.396421700186107,
        ],
    );
    check(
        &pair((16, 17, 19)),
        [
            0.9764295834381539,
            0.9467556852357353,
            0.9683112709183203,
            0.9743467045670475,
            0.9743468200743223,
            0.9431814940789217,
            26.50117718519575,
        ],
    );
}

/// `u, v = (np.round(127 + 60 * x).clip(0, 255).astype(np.uint8) for x in (a, b))`, data range 255.
#[test]
fn bytes_equal_scikit_image() {
    let [u, v] = pair((16, 17, 19)).map(|a| a.mapv(|a| (127.0 + 60.0 * a).round() as u8));
    let got = ssim(u.view(), v.view(), 255.0, &SsimOptions::default()).unwrap();
    assert!((got - 0.9838474069055463).abs() < 1e-9, "{got}");
    let got = psnr_db(u.view(), v.view(), 255.0).unwrap().unwrap();
    assert!((got - 29.514645809356633).abs() < 1e-9, "{got}");
}

#[test]
fn equal_images_have_no_noise_and_full_similarity() {
    let [a, _] = pair((9, 12));
    assert_eq!(psnr_db(a.view(), a.view(), 1.0), Ok(None));
    let same = ssim(a.view(), a.view(), 1.0, &SsimOptions::default()).unwrap();
    assert!((same - 1.0).abs() < 1e-12);
}

#[test]
fn threads_and_memory_order_change_nothing() {
    let [a, b] = pair((40, 20, 20));
    let of = |threads: usize| {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| ssim(a.view(), b.view(), 3.0, &SsimOptions::wang()).unwrap())
    };
    assert_eq!(of(1), of(3));
    let transposed = |a: &Array3<f64>| {
        let mut columns = Array3::zeros(a.raw_dim().f());
        columns.assign(a);
        columns
    };
    let (ta, tb) = (transposed(&a), transposed(&b));
    let got = ssim(ta.view(), tb.view(), 3.0, &SsimOptions::wang()).unwrap();
    assert_eq!(got, of(1));
}

fn refused<D: Dimension>(
    a: ArrayView<'_, f64, D>,
    b: ArrayView<'_, f64, D>,
    range: f64,
    options: &SsimOptions,
) -> String {
    ssim(a, b, range, options).unwrap_err().to_string()
}

#[test]
fn what_cannot_be_compared_is_named() {
    let of = |h: usize, w: usize| Array2::<f64>::zeros((h, w));
    let default = SsimOptions::default();
    let window = |window| default.with_window(window);
    let mut holed = of(8, 8);
    holed[[1, 2]] = f64::NAN;
    let wide = "expected odd, from 3 to the images' smallest side of 8";
    for (a, b, range, options, said) in [
        (
            of(8, 8),
            of(8, 9),
            1.0,
            default,
            "reference has shape [8, 8], reconstruction [8, 9]".to_owned(),
        ),
        (
            of(0, 8),
            of(0, 8),
            1.0,
            default,
            "the images have no pixel".to_owned(),
        ),
        (
            of(8, 8),
            of(8, 8),
            0.0,
            default,
            "data range 0, expected finite and above 0".to_owned(),
        ),
        (
            of(8, 8),
            of(8, 8),
            f64::NAN,
            default,
            "data range NaN, expected finite and above 0".to_owned(),
        ),
        (
            of(8, 8),
            holed,
            1.0,
            default,
            "reconstruction is NaN at 10, in C order, expected a finite value".to_owned(),
        ),
        (
            of(8, 8),
            of(8, 8),
            1.0,
            window(SsimWindow::Uniform { side: 4 }),
            format!("window of 4 pixels: {wide}"),
        ),
        (
            of(8, 8),
            of(8, 8),
            1.0,
            window(SsimWindow::Uniform { side: 0 }),
            format!("window of 0 pixels: {wide}"),
        ),
        (
            of(8, 9),
            of(8, 9),
            1.0,
            SsimOptions::wang(),
            format!("window of 11 pixels: {wide}"),
        ),
        (
            of(8, 8),
            of(8, 8),
            1.0,
            window(SsimWindow::Gaussian { sigma: 0.0 }),
            "sigma 0: expected finite and above 0".to_owned(),
        ),
        (
            of(8, 8),
            of(8, 8),
            1.0,
            default.with_constants(0.01, -1.0),
            "k2 -1: expected finite and at least 0".to_owned(),
        ),
    ] {
        assert_eq!(refused(a.view(), b.view(), range, &options), said);
    }
    let line = Array::from_vec(vec![0.0; 9]);
    assert_eq!(
        ssim(line.view(), line.view(), 1.0, &default),
        Err(ReconstructionError::Axes { n_axes: 1 })
    );
    let (a, b) = (of(2, 3), of(3, 2));
    assert!(matches!(
        psnr_db(a.view(), b.view(), 1.0),
        Err(ReconstructionError::Shape { .. })
    ));
}

proptest! {
    #[test]
    fn hold_for_any_images(values in prop::collection::vec((0.0f64..1.0, 0.0f64..1.0), 8 * 11), shift in 0.01f64..0.5) {
        let (a, b): (Vec<f64>, Vec<f64>) = values.into_iter().unzip();
        let view = |v: &[f64]| ArrayView2::from_shape((8, 11), v).unwrap().to_owned();
        let (a, b) = (view(&a), view(&b));
        let options = SsimOptions::default();
        let forth = ssim(a.view(), b.view(), 1.0, &options).unwrap();
        let back = ssim(b.view(), a.view(), 1.0, &options).unwrap();
        prop_assert!((forth - back).abs() < 1e-12 && (-1.0..=1.0).contains(&forth));
        // A constant difference is noise of that size.
        let shifted = a.mapv(|v| v + shift);
        let psnr = psnr_db(a.view(), shifted.view(), 1.0).unwrap().unwrap();
        prop_assert!((psnr + 20.0 * shift.log10()).abs() < 1e-9);
        // Both axes are alike.
        let (at, bt) = (a.t(), b.t());
        let turned = ssim(at, bt, 1.0, &options).unwrap();
        prop_assert!((forth - turned).abs() < 1e-12);
    }
}
