//! The account of a mask.

mod quantisation;
mod summary;

use ndarray::{Array, ArrayViewD, Axis, Dimension, Ix2};
use serde::{Serialize, Serializer};

pub use quantisation::Quantisation;
pub use summary::{AuditSummary, Spread};

/// Which patches are hidden, and the account of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(bound(serialize = ""))]
pub struct PatchMask<D: Dimension = Ix2> {
    /// `(row, column)` or `(z, y, x)`, true = hidden; nested lists when serialized.
    #[serde(serialize_with = "nested")]
    pub hidden: Array<bool, D>,
    /// What was asked and what came of it.
    pub audit: Audit,
}

/// What was asked of a mask and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// Cells in all.
    pub cells: usize,
    /// Cells of the region.
    pub region_cells: usize,
    /// Hidden cells in all.
    pub hidden: usize,
    /// Hidden cells of the region.
    pub hidden_region: usize,
    /// Hidden cells of the rest.
    pub hidden_background: usize,
    /// Share of all cells asked to be hidden; follows from the region's size under
    /// [`crate::Policy::Region`], from the parts' under [`crate::Policy::Graded`].
    pub asked: f64,
    /// Share of the region asked to be hidden, as the policy came to it; none for a policy that does
    /// not say.
    pub asked_region: Option<f64>,
    /// Share of the rest asked to be hidden; none for a policy that does not say.
    pub asked_background: Option<f64>,
    /// Share of all cells that is hidden.
    pub achieved: f64,
    /// Share of the region's cells that is hidden; none without a region.
    pub achieved_region: Option<f64>,
    /// Share of the other cells that is hidden; none where all is region.
    pub achieved_background: Option<f64>,
    /// Whether there was a region in pixels of which the rule left no cell.
    pub region_vanished: bool,
    /// The account of each part that occurs, lowest first; empty where no parts were given.
    pub parts: Vec<PartAudit>,
    /// What could not be done as asked.
    pub warnings: Vec<String>,
}

/// What came of one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PartAudit {
    /// Its number; 0 is the rest.
    pub part: u16,
    /// Its cells.
    pub cells: usize,
    /// Its hidden cells.
    pub hidden: usize,
}

/// An array as lists of lists.
struct Nested<'a>(ArrayViewD<'a, bool>);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.ndim() {
            0 => serializer.serialize_bool(self.0.first().is_some_and(|v| *v)),
            _ => serializer.collect_seq(self.0.axis_iter(Axis(0)).map(Nested)),
        }
    }
}

fn nested<D: Dimension, S: Serializer>(
    hidden: &Array<bool, D>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Nested(hidden.view().into_dyn()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use crate::{MaskConfig, Policy, RegionGrid};
    use scarce_image::{Seed, StreamKey};

    #[test]
    fn a_mask_is_written_as_nested_lists() {
        let config = MaskConfig::new(Policy::Random { ratio: 0.5 });
        let key = StreamKey {
            epoch: 0,
            sample_id: "scan",
            purpose: "mask",
        };
        let flat = RegionGrid::new(Array2::from_elem((1, 2), false)).unwrap();
        let mask = config.sample(&flat, Seed(1), key).unwrap();
        let json = serde_json::to_value(&mask).unwrap();
        let row = [mask.hidden[[0, 0]], mask.hidden[[0, 1]]];
        assert_eq!(json["hidden"], serde_json::json!([row]));
        assert_eq!(json["audit"]["hidden"], 1);

        let deep = RegionGrid::new(Array3::from_elem((2, 1, 2), false)).unwrap();
        let mask = config.sample(&deep, Seed(1), key).unwrap();
        let json = serde_json::to_value(&mask).unwrap();
        let at = |z, x| mask.hidden[[z, 0, x]];
        let lists = serde_json::json!([[[at(0, 0), at(0, 1)]], [[at(1, 0), at(1, 1)]]]);
        assert_eq!(json["hidden"], lists);
    }
}
