//! The largest parts of a mask.

use scarce_image::{Connectivity, Mask, connected_components};

/// The components with the `count` largest numbers of voxels; those that tie with the last stay too.
///
/// Voxels that touch at a corner are of one component: 8 neighbours in a slice, 26 in a volume. The released tools keep every
/// component whose area is in the list of the `count` largest areas, which is the same.
pub fn largest_components(mask: &Mask, count: usize) -> Mask {
    let (labels, voxels) = connected_components(mask.voxels().view(), Connectivity::Corners26);
    let mut sizes = voxels.clone();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let least = match count.checked_sub(1) {
        None => usize::MAX,
        Some(last) => sizes.get(last).copied().unwrap_or(0),
    };
    // Of the background, then of each label.
    let stays: Vec<bool> = std::iter::once(false)
        .chain(voxels.iter().map(|size| *size >= least))
        .collect();
    let inside = labels.mapv(|label| stays[label as usize]);
    // Of one shape by construction.
    mask.with_voxels(inside).unwrap_or_else(|_| mask.clone())
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use scarce_image::{Geometry, Volume};

    use super::*;

    #[test]
    fn ties_stay_and_corners_connect() {
        let check = |row: &str, count: usize, expected: &str| {
            let voxels: Vec<bool> = row.chars().map(|c| c == '#').collect();
            let shape = (1, 2, voxels.len() / 2);
            let mask = Volume::new(
                Array3::from_shape_vec(shape, voxels).unwrap(),
                Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap(),
            );
            let kept = largest_components(&mask, count);
            let told: String = (kept.voxels().iter())
                .map(|v| if *v { '#' } else { '.' })
                .collect();
            assert_eq!(told, expected, "{row} {count}");
        };
        // Rows one above the other.
        check("##..#.#.#.......", 1, "##......#.......");
        check("##..#.#.........", 1, "##..............");
        check("##..#.#.........", 2, "##..#.#.........");
        check("#.......".repeat(2).as_str(), 0, &".".repeat(16));
        check(&".".repeat(16), 3, &".".repeat(16));
        check("#........#......", 1, "#........#......");
    }
}
