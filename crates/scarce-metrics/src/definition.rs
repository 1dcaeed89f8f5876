//! What each figure means, in words that travel with it.

use crate::statistics::RESAMPLES;
use crate::{Convention, EmptyPolicy, SegmentationOptions, Unit};

/// Formula, convention, unit, empty-mask policy and source of a figure under the options. A prefix
/// up to a dot names the label it is about.
pub(crate) fn definition(name: &str, options: &SegmentationOptions) -> String {
    let (label, figure) = name.rsplit_once('.').unwrap_or(("", name));
    let unit = match options.unit {
        Unit::Mm => "mm",
        Unit::Voxel => "voxels",
    };
    let convention = options.convention;
    let pooled_or_directed = match convention {
        Convention::Pooled => "of both directions' distances together, as medpy",
        Convention::MaxDirected => "larger of the two directions', as MONAI and Metrics Reloaded",
    };
    let text = match figure {
        "dice" => "2|A∩B| / (|A|+|B|)".to_owned(),
        "jaccard" => "|A∩B| / |A∪B|".to_owned(),
        "precision" => "|A∩B| / |A|".to_owned(),
        "recall" => "|A∩B| / |B|".to_owned(),
        "relative_volume_error" => "(|A|−|B|) / |B|".to_owned(),
        "hd" => format!("largest distance between the surfaces, {unit}"),
        "hd95" => format!(
            "95th percentile of surface distances, {convention}, {unit} ({pooled_or_directed})"
        ),
        "asd" => format!("mean distance from A's surface to B's, {unit} (directed, as medpy)"),
        "assd" => {
            format!("mean of both directions' surface distances together, {unit} (as medpy)")
        }
        _ => return format!("no definition of {figure:?}"),
    };
    let mut parts = vec![text, "A prediction, B reference".to_owned()];
    if !label.is_empty() {
        parts.push(label.to_owned());
    }
    if matches!(figure, "hd" | "hd95" | "asd" | "assd") {
        parts.push(
            "a surface is the voxels with a face neighbour outside, the image's edge included"
                .to_owned(),
        );
    }
    parts.push(format!(
        "empty masks ({}): {}",
        options.empty,
        when_empty(figure, options.empty)
    ));
    parts.push(format!(
        "mean with 95 % BCa bootstrap interval, {RESAMPLES} resamples of the cases"
    ));
    parts.join("; ")
}

/// What an empty mask makes of the figure.
fn when_empty(figure: &str, policy: EmptyPolicy) -> &'static str {
    match (figure, policy) {
        ("dice" | "jaccard", EmptyPolicy::LegacyZero) => "one or both empty: 0",
        ("dice" | "jaccard", _) => "one empty: 0, both: 1",
        ("precision", _) => "A empty: undefined, B: 0, both: 1",
        ("recall", _) => "B empty: undefined, A: 0, both: 1",
        ("relative_volume_error", _) => "B empty: undefined, A: −1, both: 0",
        (_, EmptyPolicy::Undefined) => "one empty: left out of the mean and counted, both: 0",
        (_, EmptyPolicy::WorstCase) => "one empty: the image's diagonal, both: 0",
        (_, EmptyPolicy::LegacyZero) => "one or both empty: 0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METRICS;

    #[test]
    fn names_unit_convention_policy_and_label() {
        let options = SegmentationOptions::default()
            .with_convention(Convention::MaxDirected)
            .with_unit(Unit::Voxel)
            .with_empty(EmptyPolicy::WorstCase);
        let text = definition("label-3.hd95", &options);
        for part in [
            "max-directed",
            "voxels",
            "worst-case",
            "diagonal",
            "label-3",
            "MONAI",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        for name in METRICS {
            let text = definition(name, &options);
            assert!(!text.contains("no definition"), "{text}");
        }
        assert!(definition("speed", &options).starts_with("no definition"));
    }
}
