//! The golden table: cubes scored by medpy 0.5.2, by SciPy 1.17 and by surface-distance 0.1.
//!
//! ```python
//! from medpy.metric.binary import asd, assd, dc, hd, hd95, jc
//! import surface_distance as sd
//! g = np.zeros((20, 20, 20), bool); g[5:15, 5:15, 5:15] = 1
//! shifted = np.zeros_like(g); shifted[7:17, 5:15, 5:15] = 1
//! far = g.copy(); far[0, 0, 0] = 1
//! smaller = np.zeros_like(g); smaller[6:14, 6:14, 6:14] = 1
//! full = np.ones((6, 6, 6), bool); less = full.copy(); less[0] = 0
//! # dice, jaccard: dc, jc; hd, hd95, asd, assd: of medpy
//! # max-directed: a, b = the two arrays of distances that medpy pools
//! #   max(np.percentile(a, 95), np.percentile(b, 95)); masd: (a.mean() + b.mean()) / 2
//! #   nsd: ((a <= 1).sum() + (b <= 1).sum()) / (len(a) + len(b))
//! d = sd.compute_surface_distances(reference, prediction, spacing)
//! hd, hd95 = (sd.compute_robust_hausdorff(d, percent) for percent in (100, 95))
//! back, forth = sd.compute_average_surface_distance(d)    # asd: forth; masd: their mean
//! wb, wf = d["surfel_areas_gt"].sum(), d["surfel_areas_pred"].sum()
//! assd = (back * wb + forth * wf) / (wb + wf)
//! nsd = sd.compute_surface_dice_at_tolerance(d, 1)
//! ```

use scarce_image::Mask;
use scarce_metrics::{Convention, SegmentationOptions, Unit};

use super::{assert_figures, cube, figures, mask, value};

struct Row {
    name: &'static str,
    /// `dice`, `jaccard`.
    overlap: [f64; 2],
    /// `hd`, `hd95`, `asd`, `assd`, `masd`, `nsd_1mm`; `hd95` of max-directed last.
    voxels: [f64; 7],
    /// `asd` with prediction and reference exchanged.
    asd_back: f64,
    /// As `voxels` by surface-distance, without the last.
    area: [f64; 6],
    area_asd_back: f64,
}

const NAMES: [&str; 6] = ["hd", "hd95", "asd", "assd", "masd", "nsd_1mm"];

const ROWS: [Row; 5] = [
    Row {
        name: "shifted",
        overlap: [0.8, 0.6666666666666666],
        voxels: [
            2.0,
            2.0,
            0.6885245901639344,
            0.6885245901639344,
            0.6885245901639344,
            0.7213114754098361,
            2.0,
        ],
        asd_back: 0.6885245901639344,
        area: [
            2.0,
            2.0,
            0.6797951596044622,
            0.6797951596044622,
            0.6797951596044622,
            0.7228824941751355,
        ],
        area_asd_back: 0.6797951596044622,
    },
    Row {
        name: "one far voxel",
        overlap: [0.9995002498750625, 0.999000999000999],
        voxels: [
            8.660254037844387,
            0.0,
            0.01771013095673699,
            0.008864129004958431,
            0.008855065478368495,
            0.9989764585465711,
            0.0,
        ],
        asd_back: 0.0,
        area: [
            8.660254037844387,
            0.0,
            0.023956735939025028,
            0.011996729389747557,
            0.011978367969512514,
            0.9984671183685643,
        ],
        area_asd_back: 0.0,
    },
    Row {
        name: "smaller",
        overlap: [0.6772486772486772, 0.512],
        voxels: [
            1.7320508075688772,
            1.4142135623730951,
            1.0,
            1.0581899342453676,
            1.0467427340659512,
            0.8673469387755102,
            1.4142135623730951,
        ],
        asd_back: 1.0934854681319022,
        area: [
            1.7320508075688772,
            1.4142135623730951,
            1.0,
            1.035791332749361,
            1.029161887196463,
            0.9150379101894769,
        ],
        area_asd_back: 1.058323774392926,
    },
    // The row in which the two percentiles differ.
    Row {
        name: "smaller, anisotropic",
        overlap: [0.6772486772486772, 0.512],
        voxels: [
            2.29128784747792,
            2.20989070279613,
            0.9054054054054054,
            1.1576929282011426,
            1.1080625958478827,
            0.6428571428571429,
            2.23606797749979,
        ],
        asd_back: 1.3107197862903601,
        area: [
            2.29128784747792,
            2.0615528128088303,
            0.7596141622393041,
            0.8986545338490438,
            0.8730408556794484,
            0.8016579273488169,
        ],
        area_asd_back: 0.9864675491195928,
    },
    Row {
        name: "the image's edge",
        overlap: [0.9090909090909091, 0.8333333333333334],
        voxels: [
            1.0,
            1.0,
            0.12121212121212122,
            0.18309859154929578,
            0.17902711323763953,
            1.0,
            1.0,
        ],
        asd_back: 0.23684210526315788,
        area: [
            1.0,
            1.0,
            0.1459172097218427,
            0.1778665077574539,
            0.17598826812109597,
            1.0,
        ],
        area_asd_back: 0.20605932652034928,
    },
];

/// Prediction and reference of each row.
fn masks() -> [[Mask; 2]; 5] {
    let ones = [1.0; 3];
    let fine = [2.0, 1.0, 0.5];
    let g = |spacing| mask([20; 3], spacing, |at| cube(at, [5; 3], [15; 3]));
    let smaller = |spacing| mask([20; 3], spacing, |at| cube(at, [6; 3], [14; 3]));
    let shifted = mask([20; 3], ones, |at| cube(at, [7, 5, 5], [17, 15, 15]));
    let far = mask([20; 3], ones, |at| {
        cube(at, [5; 3], [15; 3]) || at == [0; 3]
    });
    let full = mask([6; 3], ones, |_| true);
    let less = mask([6; 3], ones, |at| at[0] > 0);
    [
        [shifted, g(ones)],
        [far, g(ones)],
        [smaller(ones), g(ones)],
        [smaller(fine), g(fine)],
        [less, full],
    ]
}

#[test]
fn holds_under_each_convention() {
    for (row, [p, r]) in ROWS.iter().zip(&masks()) {
        for convention in [
            Convention::Pooled,
            Convention::MaxDirected,
            Convention::Area,
        ] {
            let options = SegmentationOptions::default().with_convention(convention);
            let (expected, back) = match convention {
                Convention::Area => (&row.area[..], row.area_asd_back),
                _ => (&row.voxels[..6], row.asd_back),
            };
            let mut expected: Vec<(&str, f64)> =
                NAMES.into_iter().zip(expected.iter().copied()).collect();
            if convention == Convention::MaxDirected {
                expected[1].1 = row.voxels[6];
            }
            expected.extend([("dice", row.overlap[0]), ("jaccard", row.overlap[1])]);
            let what = format!("{}, {convention}", row.name);
            assert_figures(&figures(p, r, &options), &expected, &what);
            assert_figures(&figures(r, p, &options), &[("asd", back)], &what);
        }
    }
}

#[test]
fn in_voxels_spacing_does_not_matter() {
    let [_, _, isotropic, [p, r], _] = &masks();
    for convention in [
        Convention::Pooled,
        Convention::MaxDirected,
        Convention::Area,
    ] {
        let options = SegmentationOptions::default().with_convention(convention);
        let in_voxels = options.clone().with_unit(Unit::Voxel);
        let got = figures(p, r, &in_voxels);
        for (name, expected) in figures(&isotropic[0], &isotropic[1], &options) {
            let name = name.replace("mm", "voxel");
            assert_eq!(got[&name], expected, "{name}, {convention}");
        }
        // 8³ of 10³ voxels of 1 mm³.
        assert_eq!(value(p, r, &options, "volume_error"), Some(512.0 - 1000.0));
    }
}
