//! What each detection figure means, in words that travel with it.

use super::figure::FigureKind;
use super::{DetectionArea, DetectionOptions, Overlap};

/// Formula, thresholds, limits and source of a figure.
pub(super) fn definition(kind: &FigureKind, options: &DetectionOptions) -> String {
    let thresholds: Vec<String> = kind
        .thresholds
        .iter()
        .map(|t| format!("{:.2}", options.iou_thresholds[*t]))
        .collect();
    let formula = if kind.precision {
        "mean over recall r = 0, 0.01, …, 1 of the best precision TP/(TP+FP) at any recall of r or more"
    } else {
        "largest recall TP/(TP+FN)"
    };
    let at = match thresholds.as_slice() {
        [] => "undefined, since its threshold is not among the options'".to_owned(),
        [one] => format!("at IoU {one}"),
        [first, .., last] => format!(
            "mean over the {} IoU thresholds {first} to {last}",
            thresholds.len()
        ),
    };
    let overlap = match options.overlap {
        Overlap::Boxes => "of boxes",
        Overlap::Masks => "of masks",
    };
    let limit = options.max_detections[kind.limit];
    let range = &options.area_ranges[kind.range];
    let by = match (options.overlap, options.detection_area) {
        (Overlap::Masks, DetectionArea::Scored) => "by its pixels",
        _ => "by its box",
    };
    let categories = if options.class_agnostic {
        format!("categories set aside; at most {limit} detections an image, the surest first")
    } else {
        format!(
            "mean over the categories with such objects; at most {limit} detections an image and category, the surest first"
        )
    };
    let mut parts = vec![
        formula.to_owned(),
        format!("{at}, {overlap}"),
        categories,
        format!(
            "objects of {} to {} square pixels ({}); crowds and other objects count neither way, nor do unmatched detections of another size ({by})",
            range.low, range.high, range.name
        ),
        "no object: undefined; no detection: 0".to_owned(),
        "source: COCO, as pycocotools".to_owned(),
    ];
    parts.push(match options.resamples {
        0 => "no interval".to_owned(),
        n => format!("95 % percentile bootstrap interval, {n} resamples of the images"),
    });
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::figure::figures;
    use super::*;

    #[test]
    fn names_thresholds_limit_range_and_resamples() {
        let options = DetectionOptions::default()
            .with_overlap(Overlap::Masks)
            .with_max_detections([1, 7]);
        let text = |name: &str| {
            let kinds = figures(&options);
            definition(
                kinds.iter().find(|kind| kind.name == name).unwrap(),
                &options,
            )
        };
        for (name, parts) in [
            (
                "ap",
                &[
                    "precision",
                    "10 IoU",
                    "0.50 to 0.95",
                    "masks",
                    "at most 7",
                    "all",
                ][..],
            ),
            ("ap75", &["at IoU 0.75"]),
            ("ap_small", &["0 to 1024", "small", "by its pixels"]),
            (
                "ar_1",
                &["recall TP/(TP+FN)", "at most 1 ", "1000 resamples"],
            ),
            ("ar_large", &["large", "pycocotools"]),
        ] {
            let text = text(name);
            for part in parts {
                assert!(text.contains(part), "{text} lacks {part}");
            }
        }
    }
}
