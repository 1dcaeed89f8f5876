//! Random masks scored by the packages that conventions come from: medpy 0.5.2 (`hd`, `hd95`, `asd`, `assd`), SciPy 1.17
//! where medpy has no such figure, surface-distance 0.1. They are one noise apart:
//!
//! ```python
//! def noise(shape, seed):
//!     z, y, x = np.indices(shape if len(shape) == 3 else (1, *shape)).astype(np.uint32)
//!     u = np.uint32
//!     h = z * u(73856093) ^ y * u(19349663) ^ x * u(83492791) ^ u(seed * 2654435761 % 2**32)
//!     h = (h ^ h >> u(13)) * u(1664525) + u(1013904223)
//!     return (h >> u(24)).astype(float).reshape(shape)
//!
//! def ball(shape, centre, radii, seed):
//!     axes = np.ogrid[tuple(slice(0, n) for n in shape)]
//!     square = sum(((a - c) / r) ** 2 for a, c, r in zip(axes, centre, radii))
//!     return square < 1 + (noise(shape, seed) - 128) / 400
//!
//! border = lambda m: m ^ ndimage.binary_erosion(m)
//! a = ndimage.distance_transform_edt(~border(r), sampling=s)[border(p)]    # and b the other way
//! masd = (a.mean() + b.mean()) / 2
//! nsd = ((a <= t).sum() + (b <= t).sum()) / (len(a) + len(b))
//! # by area: as in the golden table
//!
//! def boundary_iou(near):
//!     return (near(p) & near(r)).sum() / (near(p) | near(r)).sum()
//! steps = max(1, round(share * np.sqrt(sum(n * n for n in p.shape))))      # Cheng et al. 2021
//! near = lambda m: m & ~ndimage.binary_erosion(m, np.ones((3,) * m.ndim), iterations=steps)
//! near = lambda m: m & (ndimage.distance_transform_edt(~border(m)) < d)    # Metrics Reloaded
//! ```

use ndarray::Array3;
use scarce_image::{Geometry, Mask};
use scarce_metrics::{BoundaryWidth, Convention, SegmentationOptions};

use super::{assert_figures, figures};

struct Case {
    name: &'static str,
    /// Voxels of the prediction and of the reference.
    counts: [usize; 2],
    /// In the order of [`NAMES`].
    pooled: [f64; 7],
    max_directed_hd95: f64,
    area: [f64; 7],
    /// At 0.02 and 0.1 of the diagonal, within 1 and 2.5 voxels.
    boundary: [f64; 4],
}

const NAMES: [&str; 7] = ["hd", "hd95", "asd", "assd", "masd", "nsd_1mm", "nsd_2mm"];

#[test]
fn figures_are_those_of_the_packages() {
    for (case, [p, r]) in CASES.iter().zip(&masks()) {
        let count = |mask: &Mask| mask.voxels().iter().filter(|v| **v).count();
        assert_eq!([count(p), count(r)], case.counts, "{}", case.name);
        for convention in [
            Convention::Pooled,
            Convention::MaxDirected,
            Convention::Area,
        ] {
            let options = SegmentationOptions::default().with_convention(convention);
            let mut expected = match convention {
                Convention::Area => case.area,
                _ => case.pooled,
            };
            if convention == Convention::MaxDirected {
                expected[1] = case.max_directed_hd95;
            }
            let expected: Vec<(&str, f64)> = NAMES.into_iter().zip(expected).collect();
            let what = format!("{}, {convention}", case.name);
            assert_figures(&figures(p, r, &options), &expected, &what);
        }
        let widths = [
            BoundaryWidth::DiagonalShare(0.02),
            BoundaryWidth::DiagonalShare(0.1),
            BoundaryWidth::Voxels(1.0),
            BoundaryWidth::Voxels(2.5),
        ];
        for (width, expected) in widths.into_iter().zip(case.boundary) {
            let options = SegmentationOptions::default().with_boundary(width);
            let what = format!("{}, {width}", case.name);
            let expected = [("boundary_iou", expected)];
            assert_figures(&figures(p, r, &options), &expected, &what);
        }
    }
}

fn noise([z, y, x]: [u32; 3], seed: u32) -> u32 {
    let h = z.wrapping_mul(73856093)
        ^ y.wrapping_mul(19349663)
        ^ x.wrapping_mul(83492791)
        ^ seed.wrapping_mul(2654435761);
    (h ^ h >> 13).wrapping_mul(1664525).wrapping_add(1013904223) >> 24
}

fn volume(shape: [usize; 3], spacing_mm_zyx: [f64; 3], inside: impl Fn([u32; 3]) -> bool) -> Mask {
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| inside([z, y, x].map(|i| i as u32)));
    let [z, y, x] = spacing_mm_zyx;
    Mask::new(voxels, Geometry::from_spacing_mm_xyz([x, y, z]).unwrap())
}

fn noisy(shape: [usize; 3], spacing: [f64; 3], seeds: [u32; 2], below: [u32; 2]) -> [Mask; 2] {
    [0, 1].map(|k| volume(shape, spacing, |at| noise(at, seeds[k]) < below[k]))
}

/// A ball with a ragged surface; its axis z counts for nothing where the radius is infinite.
fn ball(
    shape: [usize; 3],
    spacing: [f64; 3],
    centre: [f64; 3],
    radii: [f64; 3],
    seed: u32,
) -> Mask {
    volume(shape, spacing, |at| {
        let square: f64 = (0..3)
            .map(|a| ((f64::from(at[a]) - centre[a]) / radii[a]).powi(2))
            .sum();
        square < 1.0 + (f64::from(noise(at, seed)) - 128.0) / 400.0
    })
}

const CASES: [Case; 6] = [
    Case {
        name: "noise",
        counts: [1617, 1617],
        pooled: [
            2.0999999999999996,
            1.2206555615733703,
            0.5464178863466305,
            0.5458362468733627,
            0.5458360669106544,
            0.9331889885555212,
            0.9984534488091555,
        ],
        max_directed_hd95: 1.2206555615733703,
        area: [
            1.6552945357246849,
            0.5,
            0.0898069236815605,
            0.09112993526290414,
            0.09113836253308179,
            0.99774302232322,
            1.0,
        ],
        boundary: [
            0.14114326040931546,
            0.14114326040931546,
            0.1411930815390046,
            0.14114326040931546,
        ],
    },
    Case {
        name: "ragged balls",
        counts: [2752, 4911],
        pooled: [
            6.229767250869009,
            4.205948168962618,
            0.9751347699290287,
            1.3725702628750975,
            1.294484444255903,
            0.5023847376788553,
            0.7548489666136725,
        ],
        max_directed_hd95: 4.5,
        area: [
            6.229767250869009,
            4.281354925721529,
            0.6934325095936669,
            1.0952812200602269,
            1.0215425546908217,
            0.5972911829132416,
            0.7859135952143506,
        ],
        boundary: [
            0.21568627450980393,
            0.49872873068648543,
            0.13415073927154705,
            0.37481820070642013,
        ],
    },
    Case {
        name: "far apart",
        counts: [1582, 1537],
        pooled: [
            55.53971551961713,
            55.509008277936296,
            53.99225253019968,
            53.991322563159734,
            53.991308316598165,
            0.0,
            0.0,
        ],
        max_directed_hd95: 55.509008277936296,
        area: [
            55.52666026333657,
            55.5,
            53.22812511654382,
            53.2345053657125,
            53.234612123564766,
            0.0,
            0.0,
        ],
        boundary: [0.0, 0.0, 0.0, 0.0],
    },
    Case {
        name: "few voxels",
        counts: [12, 29],
        pooled: [
            18.0,
            11.672617529928752,
            4.299400564273414,
            6.071456959976099,
            5.552061119856346,
            0.0,
            0.0,
        ],
        max_directed_hd95: 12.741221440215723,
        area: [
            18.0,
            13.200378782444085,
            2.8840030511313164,
            4.872401943221485,
            4.2761722440435985,
            0.05955480436772615,
            0.13697605004577015,
        ],
        boundary: [0.0, 0.0, 0.0, 0.0],
    },
    Case {
        name: "a noisy slice",
        counts: [881, 912],
        pooled: [
            1.4866068747318506,
            0.8602325267042626,
            0.396963421591549,
            0.40604627587964154,
            0.40584465869233655,
            0.9914869466515324,
            1.0,
        ],
        max_directed_hd95: 0.8602325267042626,
        area: [
            1.2206555615733703,
            0.5,
            0.10490321565021804,
            0.11491575846948619,
            0.11475160935185905,
            0.9994138364452707,
            1.0,
        ],
        boundary: [
            0.21641791044776118,
            0.21641791044776118,
            0.2126634549208534,
            0.21641791044776118,
        ],
    },
    Case {
        name: "ragged discs",
        counts: [1550, 3363],
        pooled: [
            21.19015101409143,
            15.449534469031779,
            6.299676732678376,
            7.366905777299349,
            7.120372624134625,
            0.11067193675889328,
            0.18181818181818182,
        ],
        max_directed_hd95: 16.011246047700347,
        area: [
            21.19015101409143,
            16.324904287621415,
            6.220726259736439,
            7.358241881832075,
            7.129250589888986,
            0.11867221020972585,
            0.18640783143046763,
        ],
        boundary: [
            0.06134969325153374,
            0.21042532779021425,
            0.03054989816700611,
            0.06833333333333333,
        ],
    },
];

/// Prediction and reference of each case.
fn masks() -> [[Mask; 2]; 6] {
    let thick = [1.3, 0.8, 0.8];
    let flat = [1.0, 0.8, 1.25];
    let at_end = |end: u32, seed| {
        volume([40, 20, 66], [1.5, 1.0, 0.7], |at| {
            noise(at, seed) < 100 && at[0].abs_diff(end) < 3
        })
    };
    let any = f64::INFINITY;
    [
        noisy([9, 11, 70], [2.0, 0.7, 0.5], [1, 2], [60, 60]),
        [
            ball([12, 30, 33], thick, [5.0, 14.0, 15.0], [6.0, 10.0, 11.0], 3),
            ball([12, 30, 33], thick, [6.0, 15.0, 18.0], [7.0, 11.0, 16.0], 4),
        ],
        [at_end(0, 5), at_end(39, 6)],
        noisy([15, 16, 17], [0.5, 3.0, 1.0], [7, 8], [1, 2]),
        noisy([1, 40, 65], [1.0, 0.5, 0.7], [9, 10], [90, 90]),
        [
            ball([1, 70, 64], flat, [0.0, 30.0, 30.0], [any, 25.0, 20.0], 11),
            ball([1, 70, 64], flat, [0.0, 36.0, 34.0], [any, 36.0, 31.0], 12),
        ],
    ]
}
