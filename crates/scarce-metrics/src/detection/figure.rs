//! Which figures there are under the options, and what they are means of.

use super::DetectionOptions;

/// A figure: the mean over categories and thresholds of average precision or recall.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FigureKind {
    /// Such as `ap50`.
    pub name: String,
    /// Average precision, or else recall.
    pub precision: bool,
    /// The thresholds it is over, as indices; none where the options lack the one it is about.
    pub thresholds: Vec<usize>,
    /// Index of its range of area.
    pub range: usize,
    /// Index of its limit on detections.
    pub limit: usize,
}

/// The figures in the order tables show them: pycocotools' twelve under the default options.
pub(super) fn figures(options: &DetectionOptions) -> Vec<FigureKind> {
    let all: Vec<usize> = (0..options.iou_thresholds.len()).collect();
    let last = options.max_detections.len().saturating_sub(1);
    let kind = |name: String, precision: bool| FigureKind {
        name,
        precision,
        thresholds: all.clone(),
        range: 0,
        limit: last,
    };
    let at = |threshold: f64| {
        let found = options.iou_thresholds.iter().position(|t| *t == threshold);
        found.into_iter().collect::<Vec<usize>>()
    };
    let mut kinds = vec![kind("ap".to_owned(), true)];
    for (name, threshold) in [("ap50", 0.5), ("ap75", 0.75)] {
        kinds.push(FigureKind {
            thresholds: at(threshold),
            ..kind(name.to_owned(), true)
        });
    }
    let ranges = || options.area_ranges.iter().enumerate().skip(1);
    kinds.extend(ranges().map(|(range, of)| FigureKind {
        range,
        ..kind(format!("ap_{}", of.name), true)
    }));
    let limits = options.max_detections.iter().enumerate();
    kinds.extend(limits.map(|(limit, n)| FigureKind {
        limit,
        ..kind(format!("ar_{n}"), false)
    }));
    kinds.extend(ranges().map(|(range, of)| FigureKind {
        range,
        ..kind(format!("ar_{}", of.name), false)
    }));
    kinds
}
