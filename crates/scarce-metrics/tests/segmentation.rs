//! Figures against the published golden table, and what must hold for any masks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::Array3;
use proptest::prelude::*;
use scarce_image::{Geometry, Mask, Seed};
use scarce_metrics::report::EvaluationReport;
use scarce_metrics::{
    Convention, EmptyPolicy, MetricsError, SegmentationOptions, Unit, evaluate_case,
};

fn mask(shape: [usize; 3], spacing_mm_xyz: [f64; 3], inside: impl Fn([usize; 3]) -> bool) -> Mask {
    let voxels = Array3::from_shape_fn(shape, |(z, y, x)| inside([z, y, x]));
    Mask::new(
        voxels,
        Geometry::from_spacing_mm_xyz(spacing_mm_xyz).unwrap(),
    )
}

fn cube(at: [usize; 3], from: [usize; 3], to: [usize; 3]) -> bool {
    (0..3).all(|a| (from[a]..to[a]).contains(&at[a]))
}

fn value(p: &Mask, r: &Mask, options: &SegmentationOptions, name: &str) -> Option<f64> {
    evaluate_case(p, r, options).unwrap()[name].value
}

/// Made with medpy 0.5.2 (`dc`, `jc`, `hd95`, `asd`, `assd`, `hd`) and, for the directed maximum,
/// `max(percentile(sd(A, B), 95), percentile(sd(B, A), 95))` of its surface distances, SciPy 1.17:
/// ```python
/// g = np.zeros((20, 20, 20), bool); g[5:15, 5:15, 5:15] = 1
/// p1 = np.zeros_like(g); p1[7:17, 5:15, 5:15] = 1      # shifted
/// p2 = g.copy(); p2[0, 0, 0] = 1                       # one far voxel
/// p3 = np.zeros_like(g); p3[6:14, 6:14, 6:14] = 1      # smaller; also with spacing (2, 1, .5)
/// full = np.ones((6, 6, 6), bool); p5 = full.copy(); p5[0] = 0
/// ```
#[test]
fn equals_the_golden_table() {
    let ones = [1.0; 3];
    let g = |spacing| mask([20; 3], spacing, |at| cube(at, [5; 3], [15; 3]));
    let smaller = |spacing| mask([20; 3], spacing, |at| cube(at, [6; 3], [14; 3]));
    let anisotropic = [0.5, 1.0, 2.0];
    let cases: [(Mask, Mask, [f64; 7]); 5] = [
        (
            mask([20; 3], ones, |at| cube(at, [7, 5, 5], [17, 15, 15])),
            g(ones),
            [0.8, 0.6666666667, 2.0, 2.0, 0.6885245902, 0.6885245902, 2.0],
        ),
        (
            mask([20; 3], ones, |at| {
                cube(at, [5; 3], [15; 3]) || at == [0; 3]
            }),
            g(ones),
            [
                0.9995002499,
                0.999000999,
                0.0,
                0.0,
                0.0177101310,
                0.0088641290,
                8.6602540378,
            ],
        ),
        (
            smaller(ones),
            g(ones),
            [
                0.6772486772,
                0.512,
                1.4142135624,
                1.4142135624,
                1.0,
                1.0581899342,
                1.7320508076,
            ],
        ),
        (
            smaller(anisotropic),
            g(anisotropic),
            [
                0.6772486772,
                0.512,
                2.2098907028,
                2.2360679775,
                0.9054054054,
                1.1576929282,
                2.2912878475,
            ],
        ),
        (
            mask([6; 3], ones, |at| at[0] > 0),
            mask([6; 3], ones, |_| true),
            [
                0.9090909091,
                0.8333333333,
                1.0,
                1.0,
                0.1212121212,
                0.1830985915,
                1.0,
            ],
        ),
    ];
    let pooled = SegmentationOptions::default();
    let directed = pooled.with_convention(Convention::MaxDirected);
    for (row, (p, r, expected)) in cases.iter().enumerate() {
        let got = [
            value(p, r, &pooled, "dice"),
            value(p, r, &pooled, "jaccard"),
            value(p, r, &pooled, "hd95"),
            value(p, r, &directed, "hd95"),
            value(p, r, &pooled, "asd"),
            value(p, r, &pooled, "assd"),
            value(p, r, &directed, "hd"),
        ];
        for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
            let got = got.unwrap();
            assert!(
                (got - expected).abs() < 1e-9,
                "row {row}, figure {k}: {got} {expected}"
            );
        }
    }
    let voxels = pooled.with_unit(Unit::Voxel);
    let (p, r) = (smaller(anisotropic), g(anisotropic));
    assert!((value(&p, &r, &voxels, "hd95").unwrap() - 2f64.sqrt()).abs() < 1e-9);
}

/// A slice alone is a 2-D image. Made with medpy 0.5.2 on the 2-D arrays:
/// ```python
/// r = np.zeros((16, 16), bool); r[3:12, 4:13] = 1
/// p = np.zeros_like(r); p[4:14, 5:11] = 1
/// [f(p, r, (.5, 2.)) for f in (hd, hd95, asd, assd)]
/// ```
#[test]
fn a_slice_is_scored_in_two_dimensions() {
    let slices = |axis: usize| {
        let lay = |rows: std::ops::Range<usize>, columns: std::ops::Range<usize>| {
            let mut shape = [16; 3];
            shape[axis] = 1;
            let mut spacing_zyx = [0.5, 2.0, 2.0];
            spacing_zyx[axis] = 9.0;
            let (r, c) = if axis == 0 { (1, 2) } else { (0, 3 - axis) };
            spacing_zyx[r] = 0.5;
            let [z, y, x] = spacing_zyx;
            mask(shape, [x, y, z], |at| {
                rows.contains(&at[r]) && columns.contains(&at[c])
            })
        };
        (lay(4..14, 5..11), lay(3..12, 4..13))
    };
    for axis in 0..3 {
        let (p, r) = slices(axis);
        for (name, expected) in [
            ("hd", 4.031128874149275),
            ("hd95", 4.0),
            ("asd", 0.8928571428571429),
            ("assd", 1.5025705749961156),
        ] {
            let got = value(&p, &r, &SegmentationOptions::default(), name).unwrap();
            assert!((got - expected).abs() < 1e-12, "{name}, axis {axis}: {got}");
        }
    }
    let voxel = mask([1; 3], [1.0; 3], |_| true);
    let alone = value(&voxel, &voxel, &SegmentationOptions::default(), "assd");
    assert_eq!(alone, Some(0.0));
}

#[test]
fn empty_masks_follow_the_policy() {
    let something = mask([4, 5, 6], [1.0; 3], |at| at == [1, 2, 3]);
    let nothing = mask([4, 5, 6], [1.0; 3], |_| false);
    let diagonal = (9f64 + 16.0 + 25.0).sqrt();
    for (policy, expected, penalised) in [
        (EmptyPolicy::Undefined, None, false),
        (EmptyPolicy::WorstCase, Some(diagonal), true),
        (EmptyPolicy::LegacyZero, Some(0.0), true),
    ] {
        let options = SegmentationOptions::default().with_empty(policy);
        for (p, r) in [(&something, &nothing), (&nothing, &something)] {
            let figures = evaluate_case(p, r, &options).unwrap();
            assert_eq!(figures["dice"].value, Some(0.0));
            for name in ["hd", "hd95", "asd", "assd"] {
                assert_eq!(
                    (figures[name].value, figures[name].penalised),
                    (expected, penalised)
                );
            }
        }
        // Two empty masks agree, but for the rule that scores every empty prediction (0, 0, 0, 0).
        let legacy = policy == EmptyPolicy::LegacyZero;
        let both = evaluate_case(&nothing, &nothing, &options).unwrap();
        for (name, expected) in [
            ("dice", if legacy { 0.0 } else { 1.0 }),
            ("jaccard", if legacy { 0.0 } else { 1.0 }),
            ("hd95", 0.0),
            ("asd", 0.0),
        ] {
            assert_eq!(
                (both[name].value, both[name].penalised),
                (Some(expected), legacy),
                "{name} under {policy}"
            );
        }
    }
    assert_eq!(
        value(
            &nothing,
            &something,
            &SegmentationOptions::default(),
            "precision"
        ),
        None
    );
    assert_eq!(
        value(
            &something,
            &nothing,
            &SegmentationOptions::default(),
            "recall"
        ),
        None
    );
}

#[test]
fn a_mean_counts_what_it_leaves_out() {
    let options = SegmentationOptions::default();
    let reference = mask([6; 3], [1.0; 3], |at| cube(at, [1; 3], [4; 3]));
    let shifted = mask([6; 3], [1.0; 3], |at| cube(at, [2, 1, 1], [5, 4, 4]));
    let nothing = mask([6; 3], [1.0; 3], |_| false);
    let cases = [("a", &reference), ("b", &shifted), ("c,d", &nothing)].map(|(id, p)| {
        (
            id.to_owned(),
            evaluate_case(p, &reference, &options).unwrap(),
        )
    });
    let report = EvaluationReport::from_cases(cases.to_vec(), &options, Seed(0));
    let hd95 = &report.mean["hd95"];
    assert_eq!((hd95.n, hd95.n_undefined, hd95.value), (2, 1, Some(0.5)));
    assert_eq!(report.mean["dice"].n, 3);
    let dice = &report.mean["dice"];
    assert!(dice.low < dice.value && dice.value < dice.high);
    assert!(
        report.definition["hd95"].contains("pooled, mm")
            && report.definition["hd95"].contains("undefined")
    );
    let csv = report.to_csv();
    assert!(
        csv.starts_with("id,asd,assd,dice,") && csv.contains("\n\"c,d\",,,0,"),
        "{csv}"
    );
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(
        serde_json::from_str::<EvaluationReport>(&json).unwrap(),
        report
    );
}

#[test]
fn one_case_has_no_interval_and_penalties_are_counted() {
    let options = SegmentationOptions::default().with_empty(EmptyPolicy::WorstCase);
    let reference = mask([6; 3], [1.0; 3], |at| cube(at, [1; 3], [4; 3]));
    let nothing = mask([6; 3], [1.0; 3], |_| false);
    let figures = evaluate_case(&nothing, &reference, &options).unwrap();
    let cases = vec![("a\r\"b".to_owned(), figures)];
    let report = EvaluationReport::from_cases(cases, &options, Seed(0));
    let hd95 = &report.mean["hd95"];
    assert_eq!((hd95.n, hd95.n_undefined, hd95.n_penalised), (1, 0, 1));
    assert_eq!((hd95.low, hd95.high), (None, None));
    assert_eq!(
        (report.mean["precision"].value, report.mean["precision"].n),
        (None, 0)
    );
    assert!(
        report.to_csv().contains("\n\"a\r\"\"b\","),
        "{}",
        report.to_csv()
    );

    let none = EvaluationReport::from_cases(Vec::new(), &options, Seed(0));
    assert!(none.mean.is_empty() && none.to_csv() == "id\n");
}

#[test]
fn other_grids_are_refused() {
    let a = mask([4; 3], [1.0; 3], |_| true);
    for b in [
        mask([4, 4, 5], [1.0; 3], |_| true),
        mask([4; 3], [1.0, 1.0, 1.5], |_| true),
    ] {
        let error = evaluate_case(&a, &b, &SegmentationOptions::default()).unwrap_err();
        assert!(matches!(error, MetricsError::Grid { .. }));
    }
}

proptest! {
    #[test]
    fn hold_for_any_masks(bits in prop::collection::vec(any::<(bool, bool)>(), 60), spacing in 0.3f64..3.0) {
        let shape = [3, 4, 5];
        let of = |pick: fn(&(bool, bool)) -> bool| {
            mask(shape, [spacing, 1.0, 2.0], |[z, y, x]| pick(&bits[(z * 4 + y) * 5 + x]))
        };
        let (p, r) = (of(|b| b.0), of(|b| b.1));
        let options = SegmentationOptions::default();
        let forth = evaluate_case(&p, &r, &options).unwrap();
        let back = evaluate_case(&r, &p, &options).unwrap();
        let same = evaluate_case(&p, &p, &options).unwrap();
        for name in ["dice", "jaccard", "hd", "hd95", "assd"] {
            prop_assert_eq!(forth[name], back[name], "{} is symmetric", name);
        }
        prop_assert_eq!((same["dice"].value, same["hd"].value), (Some(1.0), Some(0.0)));
        let (d, j) = (forth["dice"].value.unwrap(), forth["jaccard"].value.unwrap());
        prop_assert!((0.0..=1.0).contains(&d) && (j - d / (2.0 - d)).abs() < 1e-12);
        if let (Some(hd), Some(hd95)) = (forth["hd"].value, forth["hd95"].value) {
            prop_assert!(hd95 <= hd && hd <= 20.0);
        }
    }
}
