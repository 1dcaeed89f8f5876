//! How large the input is made.

/// `transformers`' processor: the shorter side becomes 800, unless the longer one were beyond 1333 then.
const SHORTER: f64 = 800.0;
const LONGER: f64 = 1333.0;

/// The size of a picture in an input whose size is free, aspect kept.
pub(super) fn free([height, width]: [usize; 2]) -> [usize; 2] {
    let (shorter, longer) = (height.min(width) as f64, height.max(width) as f64);
    let limited = (longer / shorter * SHORTER > LONGER).then(|| LONGER * shorter / longer);
    let side = limited.map_or(SHORTER, f64::round_ties_even);
    if shorter == side {
        return [height, width];
    }
    let other = (limited.unwrap_or(side) * longer / shorter) as usize;
    let (side, other) = ((side as usize).max(1), other.max(1));
    if width < height {
        [other, side]
    } else {
        [side, other]
    }
}

/// The largest size of a picture within a fixed input, aspect kept.
pub(super) fn within([height, width]: [usize; 2], input_yx: [usize; 2]) -> [usize; 2] {
    let scale = (input_yx[0] as f64 / height as f64).min(input_yx[1] as f64 / width as f64);
    let scaled = |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
    [scaled(height, input_yx[0]), scaled(width, input_yx[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from transformers.image_transforms import get_size_with_aspect_ratio as g
    /// [g(size, 800, 1333) for size in sizes]
    /// ```
    #[test]
    fn free_sizes_are_those_of_transformers() {
        for (size_yx, expected) in [
            ([480, 640], [800, 1066]),
            ([640, 480], [1066, 800]),
            ([512, 512], [800, 800]),
            ([100, 300], [444, 1333]),
            ([301, 100], [1333, 443]),
            ([800, 900], [800, 900]),
            ([257, 511], [670, 1333]),
            ([1000, 37], [1333, 49]),
        ] {
            assert_eq!(free(size_yx), expected, "{size_yx:?}");
        }
        // There 0 comes out, which is no picture.
        assert_eq!(free([4000, 1]), [1333, 1]);
        assert_eq!(within([480, 640], [800, 1066]), [800, 1066]);
        assert_eq!(within([100, 300], [800, 800]), [267, 800]);
        assert_eq!(within([1, 5000], [800, 800]), [1, 800]);
    }
}
