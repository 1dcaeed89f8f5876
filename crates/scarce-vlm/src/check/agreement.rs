//! How alike two maps are.

use serde::{Deserialize, Serialize};

/// How alike two maps are; a mean over texts, or over images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct Agreement {
    /// Pearson's correlation over pixels, -1 to 1. Of two maps of one value each it is 1, of one such map it is 0.
    pub correlation: f64,
    /// IoU of the regions; 1 where both are empty.
    pub iou: f64,
}

/// Heat and region of one prompt in one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// A value a pixel or voxel.
    pub heat: Vec<f32>,
    /// Those inside.
    pub inside: Vec<bool>,
}

/// How alike two maps of one image are.
pub(super) fn agreement(a: &Found, b: &Found) -> Agreement {
    let pairs = || a.inside.iter().zip(&b.inside);
    let both = pairs().filter(|(a, b)| **a && **b).count();
    let either = pairs().filter(|(a, b)| **a || **b).count();
    Agreement {
        correlation: correlation(&a.heat, &b.heat),
        iou: if either == 0 {
            1.0
        } else {
            both as f64 / either as f64
        },
    }
}

/// Pearson's, in two passes, so that nothing cancels.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |values: &[f32]| {
        values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64
    };
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    match (aa > 0.0, bb > 0.0) {
        (true, true) => ab / (aa * bb).sqrt(),
        (false, false) => 1.0,
        _ => 0.0,
    }
}

pub(super) fn mean(of: &[Agreement]) -> Agreement {
    let n = of.len().max(1) as f64;
    Agreement {
        correlation: of.iter().map(|a| a.correlation).sum::<f64>() / n,
        iou: of.iter().map(|a| a.iou).sum::<f64>() / n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// np.corrcoef([0.1, 0.5, 0.9, 0.4], [0.3, 0.4, 0.8, 0.9])[0, 1]
    /// ```
    #[test]
    fn correlates_as_numpy() {
        let a = [0.1, 0.5, 0.9, 0.4];
        let check = |b: &[f32], expected: f64| {
            let found = correlation(&a, b);
            assert!((found - expected).abs() < 1e-6, "{b:?}: {found}");
        };
        check(&[0.3, 0.4, 0.8, 0.9], 0.5825813736795133);
        check(&[0.2, 1.0, 1.8, 0.8], 1.0);
        check(&[0.9, 0.5, 0.1, 0.6], -1.0);
        check(&[0.5; 4], 0.0);
        assert_eq!(correlation(&[0.5; 4], &[0.25; 4]), 1.0);
    }
}
