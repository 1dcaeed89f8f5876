//! Every figure where a mask is empty, under every policy.

use scarce_metrics::{Convention, EmptyPolicy, Measured, Metric, SegmentationOptions};

use super::{figures, mask};

/// What a figure is: measured, put there by the policy, or undefined.
#[derive(Clone, Copy)]
enum Is {
    Plain(f64),
    Penalty(f64),
    Undefined,
}

impl From<Is> for Measured {
    fn from(is: Is) -> Self {
        let (value, penalised) = match is {
            Plain(value) => (Some(value), false),
            Penalty(value) => (Some(value), true),
            Undefined => (None, false),
        };
        Self { value, penalised }
    }
}

use Is::{Penalty, Plain, Undefined};

/// For each policy the figure of no prediction, of no reference, of neither.
fn expected(metric: Metric, diagonal: f64) -> [(EmptyPolicy, [Is; 3]); 3] {
    let [undefined, worst, legacy] = match metric {
        Metric::Dice | Metric::Jaccard | Metric::BoundaryIou | Metric::Nsd(_) => [
            [Plain(0.0), Plain(0.0), Plain(1.0)],
            [Plain(0.0), Plain(0.0), Plain(1.0)],
            [Plain(0.0), Plain(0.0), Penalty(0.0)],
        ],
        Metric::Precision => [
            [Undefined, Plain(0.0), Plain(1.0)],
            [Penalty(0.0), Plain(0.0), Plain(1.0)],
            [Penalty(0.0), Plain(0.0), Penalty(0.0)],
        ],
        Metric::Recall => [
            [Plain(0.0), Undefined, Plain(1.0)],
            [Plain(0.0), Penalty(0.0), Plain(1.0)],
            [Plain(0.0), Penalty(0.0), Penalty(0.0)],
        ],
        // One voxel of 6 mm³.
        Metric::VolumeError => [[Plain(-6.0), Plain(6.0), Plain(0.0)]; 3],
        Metric::RelativeVolumeError => [
            [Plain(-1.0), Undefined, Plain(0.0)],
            [Plain(-1.0), Penalty(1.0), Plain(0.0)],
            [Plain(-1.0), Penalty(0.0), Penalty(0.0)],
        ],
        _ => [
            [Undefined, Undefined, Plain(0.0)],
            [Penalty(diagonal), Penalty(diagonal), Plain(0.0)],
            [Penalty(0.0), Penalty(0.0), Penalty(0.0)],
        ],
    };
    [
        (EmptyPolicy::Undefined, undefined),
        (EmptyPolicy::WorstCase, worst),
        (EmptyPolicy::LegacyZero, legacy),
    ]
}

#[test]
fn each_figure_follows_the_policy() {
    let spacing = [3.0, 2.0, 1.0];
    let something = mask([4, 5, 6], spacing, |at| at == [1, 2, 3]);
    let nothing = mask([4, 5, 6], spacing, |_| false);
    let diagonal = (81f64 + 64.0 + 25.0).sqrt();
    for convention in [
        Convention::Pooled,
        Convention::MaxDirected,
        Convention::Area,
    ] {
        let options = SegmentationOptions::default().with_convention(convention);
        for metric in Metric::all(&options) {
            let name = metric.name(options.unit);
            for (policy, expected) in expected(metric, diagonal) {
                let options = options.clone().with_empty(policy);
                for ((p, r), expected) in [
                    (&nothing, &something),
                    (&something, &nothing),
                    (&nothing, &nothing),
                ]
                .into_iter()
                .zip(expected)
                {
                    let got = figures(p, r, &options)[&name];
                    assert_eq!(got, expected.into(), "{name}, {policy}, {convention}");
                }
            }
        }
    }
}
