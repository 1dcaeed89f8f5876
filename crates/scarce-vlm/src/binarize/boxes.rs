//! Boxes around the parts of a region, and room around them.

use scarce_image::{Connectivity, Mask, connected_components};
use serde::{Deserialize, Serialize};

use crate::RegionBox;
use crate::region::{Extent, voxel_at};

/// How a box grows: the two ways of the released code, which differ by pixels and at the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum ExpansionRule {
    /// Around the centre `start + size / 2`, cut at the border: what is done with SAM's masks.
    #[default]
    AroundCentre,
    /// From a corner half the growth before the old one, never cut before its full size and one pixel longer, since its end is
    /// inside: what is done with coarse masks.
    FromCorner,
}

/// By how much boxes grow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoxExpansion {
    /// New size for old, along each axis that has more than one voxel; 1 in the scripts of Mask What Matters, 1.5 by its tool.
    pub ratio: f64,
    /// From where.
    pub rule: ExpansionRule,
}

impl Default for BoxExpansion {
    fn default() -> Self {
        Self {
            ratio: 1.0,
            rule: ExpansionRule::AroundCentre,
        }
    }
}

impl BoxExpansion {
    /// One expanded box around each component of `mask`, largest first; components that touch at a corner are one.
    pub fn boxes(&self, name: &str, mask: &Mask) -> Vec<RegionBox> {
        let shape_zyx = mask.shape_zyx();
        let (labels, voxels) = connected_components(mask.voxels().view(), Connectivity::Corners26);
        let mut extents = vec![Extent::default(); voxels.len()];
        let row_length = shape_zyx[2].max(1);
        for (row, along) in labels
            .as_slice()
            .unwrap_or_default()
            .chunks(row_length)
            .enumerate()
        {
            let [z, y, _] = voxel_at(row * row_length, shape_zyx);
            let mut first = 0;
            for run in along.chunk_by(|a, b| a == b) {
                if run[0] > 0 {
                    let extent = &mut extents[run[0] as usize - 1];
                    extent.include([z, y, first]);
                    extent.include([z, y, first + run.len() - 1]);
                }
                first += run.len();
            }
        }
        let mut by_size: Vec<usize> = (0..voxels.len()).collect();
        by_size.sort_by_key(|component| std::cmp::Reverse(voxels[*component]));
        by_size
            .into_iter()
            .filter_map(|component| extents[component].into_box(name, mask.geometry()))
            .map(|found| {
                let grown: Vec<[usize; 2]> = (0..3)
                    .map(|axis| {
                        let old = [found.start_zyx[axis], found.stop_zyx[axis]];
                        self.grow(old, shape_zyx[axis])
                    })
                    .collect();
                let end = |which: usize| [0, 1, 2].map(|axis| grown[axis][which]);
                RegionBox::new(name, end(0), end(1), mask.geometry())
            })
            .collect()
    }

    /// `start..stop` along an axis of `length` voxels, grown.
    fn grow(&self, [start, stop]: [usize; 2], length: usize) -> [usize; 2] {
        if length == 1 {
            return [start, stop];
        }
        let size = stop - start;
        let new_size = (size as f64 * self.ratio) as usize;
        let (start, new, length) = (start as i64, new_size as i64, length as i64);
        let (first, last) = match self.rule {
            ExpansionRule::AroundCentre => {
                let first = start + (size / 2) as i64 - new / 2;
                (first.max(0), first + new)
            }
            ExpansionRule::FromCorner => {
                let first = (start - (new - size as i64).div_euclid(2)).max(0);
                (first, first + new + 1)
            }
        };
        let last = last.clamp(first + 1, length.max(first + 1));
        [first as usize, last as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// def around_centre(x, w, r, W):
    ///     cx = x + w // 2; nw = int(w * r)
    ///     return max(0, cx - nw // 2), min(W, cx - nw // 2 + nw)
    /// def from_corner(x, w, r, W):
    ///     nw = int(w * r); nx = max(0, x - (nw - w) // 2)
    ///     return nx, min(W, nx + nw + 1)   # cv2.rectangle fills its last pixel
    /// for x, w, r, W in [(10, 4, 1, 100), (10, 5, 1.5, 100), (1, 6, 1.5, 100), (95, 5, 2, 100), (0, 100, 1.5, 100), (10, 3, 1, 100)]:
    ///     print((x, w, r, W), around_centre(x, w, r, W), from_corner(x, w, r, W))
    /// ```
    #[test]
    fn grow_by_either_rule() {
        let cases = [
            ((10, 4, 1.0), [10, 14], [10, 15]),
            ((10, 5, 1.5), [9, 16], [9, 17]),
            ((1, 6, 1.5), [0, 9], [0, 10]),
            ((95, 5, 2.0), [92, 100], [93, 100]),
            ((0, 100, 1.5), [0, 100], [0, 100]),
            ((10, 3, 1.0), [10, 13], [10, 14]),
        ];
        for ((start, size, ratio), around_centre, from_corner) in cases {
            for (rule, expected) in [
                (ExpansionRule::AroundCentre, around_centre),
                (ExpansionRule::FromCorner, from_corner),
            ] {
                let grown = BoxExpansion { ratio, rule }.grow([start, start + size], 100);
                assert_eq!(grown, expected, "{start} {size} {ratio} {rule:?}");
            }
        }
        // Through the slices of a picture nothing grows.
        assert_eq!(
            BoxExpansion {
                ratio: 3.0,
                rule: ExpansionRule::AroundCentre
            }
            .grow([0, 1], 1),
            [0, 1]
        );
    }
}
