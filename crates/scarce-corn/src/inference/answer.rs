//! What a network says of one window.

use tch::{Device, Kind, Tensor};

use super::Forward;
use crate::CornError;

/// Class probabilities `(class, z, y, x)` of a window `(1, 1, z, y, x)`, on the CPU: the mean over the flips along the
/// axes that `flips` names, no flip among them.
pub(super) fn answer(
    forward: &Forward<'_>,
    window: &Tensor,
    flips: [bool; 3],
) -> Result<Tensor, CornError> {
    let axes: Vec<i64> = (2..5).filter(|axis| flips[*axis as usize - 2]).collect();
    let mut mean: Option<Tensor> = None;
    let combinations = 1_u32 << axes.len();
    for combination in 0..combinations {
        let chosen = |k: &usize| combination >> k & 1 == 1;
        let flipped: Vec<i64> = (0..axes.len()).filter(chosen).map(|k| axes[k]).collect();
        // A network gets a tensor of its own to flip or to change, never a view of the image.
        let logits = forward(&window.f_flip(&flipped)?.f_contiguous()?)?;
        check(&logits, window)?;
        let shares = logits.f_softmax(1, Kind::Float)?;
        drop(logits);
        let shares = if flipped.is_empty() {
            shares
        } else {
            shares.f_flip(&flipped)?
        };
        mean = Some(match mean {
            None => shares,
            Some(mut sum) => sum.f_add_(&shares)?,
        });
    }
    // There is always the one without a flip.
    let mut mean = mean.unwrap_or_default();
    if combinations > 1 {
        mean = mean.f_div_scalar_(f64::from(combinations))?;
    }
    Ok(mean.f_squeeze_dim(0)?.f_to_device(Device::Cpu)?)
}

fn check(logits: &Tensor, window: &Tensor) -> Result<(), CornError> {
    let (got, sides) = (logits.size(), window.size());
    let fits = got.len() == 5 && got[0] == 1 && got[1] >= 2 && got[2..] == sides[2..];
    if fits {
        return Ok(());
    }
    Err(CornError::Shape {
        what: "answer to a window (n, class, z, y, x)",
        expected: format!("(1, at least 2, {}, {}, {})", sides[2], sides[3], sides[4]),
        got,
    })
}
