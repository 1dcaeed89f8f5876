//! What each figure means, in words that travel with it.

use super::{BoundaryWidth, Convention, EmptyPolicy, Metric, SegmentationOptions, Unit};
use crate::statistics::RESAMPLES;

/// Formula, convention, unit, empty-mask policy and source of a figure under the options. A prefix
/// up to a dot names the label it is about.
pub(crate) fn definition(name: &str, options: &SegmentationOptions) -> String {
    let (label, figure) = match (Metric::parse(name), name.split_once('.')) {
        (None, Some((label, figure))) => (Some(label), figure),
        _ => (None, name),
    };
    let Some((metric, _)) = Metric::parse(figure) else {
        return format!("no definition of {figure:?}");
    };
    let mut parts = vec![
        formula(metric, options),
        "A prediction, B reference".to_owned(),
    ];
    parts.extend(label.map(str::to_owned));
    if metric.is_of_surfaces() {
        parts.push(surface(options.convention).to_owned());
    }
    let empty = when_empty(metric, options.empty);
    parts.push(format!("empty masks ({}): {empty}", options.empty));
    parts.push(format!(
        "mean with 95 % BCa bootstrap interval, {RESAMPLES} resamples of the cases"
    ));
    parts.join("; ")
}

/// The formula with its unit, and who calls it so.
fn formula(metric: Metric, options: &SegmentationOptions) -> String {
    let (unit, volume) = match options.unit {
        Unit::Mm => ("mm", " times a voxel's volume, mm³"),
        Unit::Voxel => ("voxels", ", voxels"),
    };
    let convention = options.convention;
    let by_area = convention == Convention::Area;
    match metric {
        Metric::Dice => "2|A∩B| / (|A|+|B|)".to_owned(),
        Metric::Jaccard => "|A∩B| / |A∪B|".to_owned(),
        Metric::Precision => "|A∩B| / |A|".to_owned(),
        Metric::Recall => "|A∩B| / |B|".to_owned(),
        Metric::VolumeError => format!("|A|−|B|{volume}"),
        Metric::RelativeVolumeError => "(|A|−|B|) / |B|".to_owned(),
        Metric::BoundaryIou => format!("|A′∩B′| / |A′∪B′|, {}", boundary(options.boundary)),
        Metric::Hd => format!(
            "largest distance from either surface to the other, {unit} ({})",
            if by_area {
                "area, as surface-distance's robust Hausdorff at 100 %"
            } else {
                "the same under pooled and max-directed, as medpy, MONAI and Metrics Reloaded"
            }
        ),
        Metric::Hd95 => format!(
            "95th percentile of surface distances, {convention}, {unit} ({})",
            match convention {
                Convention::Pooled =>
                    "of both directions' distances together, linearly interpolated, as medpy",
                Convention::MaxDirected =>
                    "larger of the two directions', linearly interpolated, as MONAI and Metrics Reloaded",
                Convention::Area =>
                    "larger of the two directions', each the least distance within which 95 % of the area lie, as surface-distance",
            }
        ),
        Metric::Asd if by_area => format!(
            "Σ w(a) d(a,∂B) / Σ w(a) over a in ∂A, w areas, {unit} (directed, as surface-distance's average from prediction to reference)"
        ),
        Metric::Asd => format!(
            "mean of d(a,∂B) over a in ∂A, {unit} (directed, the same under pooled and max-directed, as medpy's asd and MONAI's average surface distance)"
        ),
        Metric::Assd if by_area => format!(
            "(Σ w(a) d(a,∂B) + Σ w(b) d(b,∂A)) / (Σ w(a) + Σ w(b)), w areas, {unit} (of surface-distance's distances and areas)"
        ),
        Metric::Assd => format!(
            "(Σ d(a,∂B) + Σ d(b,∂A)) / (|∂A|+|∂B|), {unit} (the same under pooled and max-directed, as medpy's assd since 0.5, MONAI's symmetric average and Metrics Reloaded's ASSD)"
        ),
        Metric::Masd if by_area => format!(
            "mean of the two directions' means weighted by area, {unit} (of surface-distance's pair of averages)"
        ),
        Metric::Masd => format!(
            "½ (mean of d(a,∂B) + mean of d(b,∂A)), {unit} (the same under pooled and max-directed, as Metrics Reloaded's MASD and medpy's assd before 0.5)"
        ),
        Metric::Nsd(tolerance) if by_area => format!(
            "(Σ w(a) where d(a,∂B) ≤ τ + Σ w(b) where d(b,∂A) ≤ τ) / (Σ w(a) + Σ w(b)), w areas, τ = {tolerance} {unit} (Nikolov et al. 2021, as surface-distance's surface Dice)"
        ),
        Metric::Nsd(tolerance) => format!(
            "(|a: d(a,∂B) ≤ τ| + |b: d(b,∂A) ≤ τ|) / (|∂A|+|∂B|), τ = {tolerance} {unit} (the same under pooled and max-directed, as MONAI's surface Dice and Metrics Reloaded's NSD)"
        ),
    }
}

fn boundary(width: BoundaryWidth) -> String {
    match width {
        BoundaryWidth::DiagonalShare(share) => format!(
            "A′ the voxels of A from which d steps, diagonal ones included, lead out of it or the image, d = {share} of the image's diagonal in voxels, rounded, at least 1 (Cheng et al. 2021)"
        ),
        BoundaryWidth::Voxels(width) => format!(
            "A′ the voxels of A less than {width} voxels from one with a face neighbour outside, Euclidean (Metrics Reloaded)"
        ),
    }
}

fn surface(convention: Convention) -> &'static str {
    match convention {
        Convention::Pooled | Convention::MaxDirected => {
            "a surface is the voxels with a face neighbour outside, the image's edge included"
        }
        Convention::Area => {
            "a surface is the elements that marching cubes put at corners of voxels, each with its area, in 2-D its length, the image's edge included"
        }
    }
}

/// What an empty mask makes of the figure.
fn when_empty(metric: Metric, policy: EmptyPolicy) -> String {
    let left_out = "left out of the mean and counted";
    // Which empty mask leaves it undefined, what it is then, what for the other one, what for both.
    let (undefined_for, worst, other, both) = match metric {
        Metric::VolumeError => return "counted as 0 voxels".to_owned(),
        Metric::Dice | Metric::Jaccard | Metric::BoundaryIou | Metric::Nsd(_) => {
            return match policy {
                EmptyPolicy::LegacyZero => "one or both empty: 0".to_owned(),
                _ => "one empty: 0, both: 1".to_owned(),
            };
        }
        Metric::Precision => ("A", "0", ", B: 0", "1"),
        Metric::Recall => ("B", "0", ", A: 0", "1"),
        Metric::RelativeVolumeError => ("B", "1", ", A: −1", "0"),
        _ => ("one", "the image's diagonal", "", "0"),
    };
    let (undefined, both) = match policy {
        EmptyPolicy::Undefined => (left_out, both),
        EmptyPolicy::WorstCase => (worst, both),
        EmptyPolicy::LegacyZero => ("0", "0"),
    };
    format!("{undefined_for} empty: {undefined}{other}, both: {both}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_unit_convention_policy_and_label() {
        let options = SegmentationOptions::default()
            .with_convention(Convention::MaxDirected)
            .with_unit(Unit::Voxel)
            .with_empty(EmptyPolicy::WorstCase);
        let area = SegmentationOptions::default().with_convention(Convention::Area);
        for (name, options, parts) in [
            (
                "label-3.hd95",
                &options,
                &[
                    "max-directed",
                    "voxels",
                    "worst-case",
                    "diagonal",
                    "label-3",
                    "MONAI",
                ][..],
            ),
            (
                "label-3.nsd_2.5voxel",
                &options,
                &["τ = 2.5 voxels", "label-3"],
            ),
            (
                "nsd_0.5mm",
                &area,
                &["τ = 0.5 mm", "area", "surface-distance"],
            ),
            (
                "hd95",
                &area,
                &["area, mm", "95 % of the area", "marching cubes"],
            ),
            ("volume_error", &area, &["mm³"]),
            ("boundary_iou", &area, &["0.02", "Cheng"]),
        ] {
            let text = definition(name, options);
            for part in parts {
                assert!(text.contains(part), "{text} lacks {part}");
            }
        }
        assert!(definition("speed", &options).starts_with("no definition"));
    }

    /// A convention that changes a figure changes its definition, and no other one does.
    #[test]
    fn tells_what_a_convention_changes() {
        let of = |metric: Metric, convention| {
            let options = SegmentationOptions::default().with_convention(convention);
            definition(&metric.name(options.unit), &options)
        };
        for metric in Metric::all(&SegmentationOptions::default()) {
            let pooled = of(metric, Convention::Pooled);
            assert!(!pooled.contains("no definition"), "{pooled}");
            assert_eq!(
                pooled != of(metric, Convention::MaxDirected),
                metric == Metric::Hd95
            );
            assert_eq!(
                pooled != of(metric, Convention::Area),
                metric.is_of_surfaces()
            );
        }
    }
}
