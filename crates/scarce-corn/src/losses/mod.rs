//! Losses over `(batch, class, z, y, x)`, each by itself. All are scalars with their graph, in double where the network is.

mod cross_entropy;
mod cross_pseudo;
mod dice;
mod mean_teacher;
mod sharpened_consistency;
mod uncertainty;

use tch::{Kind, Tensor};

use crate::CornError;
pub use cross_entropy::cross_entropy;
pub use cross_pseudo::cross_pseudo;
pub use dice::{Denominator, DiceLoss, soft_dice_loss};
pub use mean_teacher::consistency_mse;
pub use sharpened_consistency::{sharpen, sharpened_consistency};
pub use uncertainty::{predictive_entropy, uncertainty_masked_consistency};

/// The number of classes; libtorch would broadcast shapes that do not fit.
fn check_labels(maps: &Tensor, labels: &Tensor) -> Result<i64, CornError> {
    let size = maps.size();
    let [batch, classes, z, y, x] = size[..] else {
        return Err(CornError::Shape {
            what: "class maps",
            expected: "(batch, class, z, y, x)".to_owned(),
            got: size,
        });
    };
    if classes < 2 {
        return Err(CornError::Shape {
            what: "class maps",
            expected: "at least 2 classes".to_owned(),
            got: size,
        });
    }
    if labels.size() != [batch, z, y, x] || labels.kind() != Kind::Int64 {
        return Err(CornError::Shape {
            what: "labels (batch, z, y, x)",
            expected: format!("int64 of {:?}", [batch, z, y, x]),
            got: labels.size(),
        });
    }
    Ok(classes)
}

/// Refuses maps that libtorch would broadcast.
fn check_alike(what: &'static str, maps: &Tensor, other: &Tensor) -> Result<(), CornError> {
    if maps.size() == other.size() {
        return Ok(());
    }
    Err(CornError::Shape {
        what,
        expected: format!("the other's {:?}", maps.size()),
        got: other.size(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use tch::{Device, Kind, Tensor};

    pub fn logits() -> Tensor {
        let angles = Tensor::arange(36, (Kind::Double, Device::Cpu)) * 0.9;
        angles.sin().view([2, 3, 1, 2, 3])
    }

    /// The logits that another branch gives.
    pub fn others() -> Tensor {
        let angles = Tensor::arange(36, (Kind::Double, Device::Cpu)) * 1.3 + 0.4;
        angles.cos().view([2, 3, 1, 2, 3])
    }

    pub fn labels() -> Tensor {
        (Tensor::arange(12, (Kind::Int64, Device::Cpu)) * 5)
            .remainder(3)
            .view([2, 1, 2, 3])
    }

    /// Whether a loss is what NumPy makes of the same, in double; single precision differs in its last digits.
    pub fn check(what: &str, got: &Tensor, expected: f64) {
        let tolerance = if got.kind() == Kind::Double {
            1e-9
        } else {
            1e-6
        };
        let got = got.double_value(&[]);
        assert!(
            (got - expected).abs() < tolerance,
            "{what}: {got} {expected}"
        );
    }
}
