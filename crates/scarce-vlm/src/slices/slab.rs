//! Several slices as one picture.

use ndarray::{Array2, ArrayView3, Axis, Slice};
use serde::{Deserialize, Serialize};

/// How slices that lie above one another become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Projection {
    /// Their mean: less noise, and the contrast of thicker slices.
    #[default]
    Mean,
    /// The brightest of each pixel: vessels and nodules run through.
    Maximum,
}

/// What a model is shown at one place of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Slab {
    /// How many slices, those of the place in their middle; at the volume's ends, as many of them as there are. 1 is the slice
    /// itself.
    pub slices: usize,
    /// How they become one picture.
    pub projection: Projection,
}

impl Default for Slab {
    fn default() -> Self {
        Self {
            slices: 1,
            projection: Projection::default(),
        }
    }
}

impl Slab {
    /// The slab around slice `z` of `volume`, which has it.
    pub(super) fn around(&self, volume: ArrayView3<'_, f32>, z: usize) -> Array2<f32> {
        let before = self.slices.saturating_sub(1) / 2;
        let start = z.saturating_sub(before);
        let stop = (z + self.slices.saturating_sub(before)).clamp(z + 1, volume.len_of(Axis(0)));
        let slab = volume.slice_axis_move(Axis(0), Slice::from(start..stop));
        if stop - start == 1 {
            return slab.index_axis_move(Axis(0), 0).to_owned();
        }
        match self.projection {
            Projection::Mean => slab.sum_axis(Axis(0)) / (stop - start) as f32,
            Projection::Maximum => {
                slab.fold_axis(Axis(0), f32::NEG_INFINITY, |most, value| most.max(*value))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    /// ```python
    /// v = np.array([1., 5., 3., 8.])
    /// [(v[max(0, z - (n - 1) // 2):z + n // 2 + 1].mean(), v[max(0, z - (n - 1) // 2):z + n // 2 + 1].max()) for z in range(4)]
    /// ```
    #[test]
    fn slabs_are_cut_at_the_ends() {
        let column = array![1.0_f32, 5.0, 3.0, 8.0];
        let volume = Array3::from_shape_fn((4, 1, 2), |(z, _, _)| column[z]);
        let check = |slices: usize, mean: [f32; 4], maximum: [f32; 4]| {
            for (projection, expected) in [(Projection::Mean, mean), (Projection::Maximum, maximum)]
            {
                let slab = Slab { slices, projection };
                for (z, expected) in expected.into_iter().enumerate() {
                    let found = slab.around(volume.view(), z);
                    assert_eq!(found, Array2::from_elem((1, 2), expected), "{slab:?} {z}");
                }
            }
        };
        check(1, [1.0, 5.0, 3.0, 8.0], [1.0, 5.0, 3.0, 8.0]);
        check(2, [3.0, 4.0, 5.5, 8.0], [5.0, 5.0, 8.0, 8.0]);
        check(3, [3.0, 3.0, 16.0 / 3.0, 5.5], [5.0, 5.0, 8.0, 8.0]);
        check(99, [4.25; 4], [8.0; 4]);
    }
}
