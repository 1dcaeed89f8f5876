//! What the authors' code computes.

use tch::{Kind, Tensor};

use super::{Anchors, Correlation, LARGEST, PairedFeatures, distances};
use crate::CornError;

/// The CORAL distances of each class's voxels to each class's anchors, a vector of K pairs for each branch, and
/// (1/K)(−Σₖ aₖ log softmax(v)ₖ): PyTorch's cross entropy of one unbatched sample with v for logits and a for class
/// probabilities, over K.
///
/// Neither is normalised or kept from the gradient, which is positive in every aₖ: the term drives the second branch's
/// distances to 0, those between classes too, and collapsed features are its optimum. [`super::repaired`] has none of that.
///
/// # Errors
/// [`CornError::Shape`] for features of another width or pairs of different length.
pub fn correlation(
    features: &[PairedFeatures],
    anchors: &[Option<Anchors>],
) -> Result<Correlation, CornError> {
    let covariances: Vec<Tensor> = anchors
        .iter()
        .flatten()
        .filter_map(|anchors| anchors.covariance().transpose())
        .collect::<Result<_, _>>()?;
    let missing = anchors.len() - covariances.len();
    let mut skipped = (missing * features.len()) as u32;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for pair in features {
        if pair.rows()? < 2 || covariances.is_empty() {
            skipped += covariances.len() as u32;
            continue;
        }
        first.push(distances(&pair.first, &covariances)?);
        second.push(distances(&pair.second, &covariances)?);
    }
    if first.is_empty() {
        return Correlation::of(&[], skipped, features);
    }
    let (v, a) = (Tensor::f_cat(&first, 0)?, Tensor::f_cat(&second, 0)?);
    let computable = v.f_maximum(&a)?.f_le(LARGEST)?.f_nonzero()?.f_view([-1])?;
    let (all, k) = (v.size1()?, computable.size1()?);
    skipped += (all - k) as u32;
    if k == 0 {
        return Correlation::of(&[], skipped, features);
    }
    let (v, a) = (
        v.f_index_select(0, &computable)?,
        a.f_index_select(0, &computable)?,
    );
    let log = v.f_log_softmax(0, Kind::Double)?;
    let loss = a.f_mul(&log)?.f_sum(Kind::Double)? / -(k as f64);
    Ok(Correlation {
        rows: k as u32,
        ..Correlation::of(&[loss], skipped, features)?
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{anchors, pair, rows};
    use super::*;

    fn features() -> [PairedFeatures; 2] {
        [
            pair(&rows(30, 1.6, 0.5), &rows(30, 1.2, 0.3)),
            pair(&rows(20, 2.6, 0.9), &rows(20, 2.2, 0.2)),
        ]
    }

    /// With `rows`, `coral` and `anchors` as for the paper's form:
    ///
    /// ```python
    /// import torch
    /// v, a = [torch.tensor([coral(rows(n, s, p), c) for n, s, p in of for c in anchors])
    ///         for of in (((30, 1.6, .5), (20, 2.6, .9)), ((30, 1.2, .3), (20, 2.2, .2)))]
    /// print(torch.nn.functional.cross_entropy(v, a) / len(v))
    /// ```
    #[test]
    fn equals_pytorchs_cross_entropy_of_raw_distances() {
        let found = correlation(&features(), &anchors()).unwrap();
        let got = found.loss.double_value(&[]);
        assert!((got - TORCH).abs() < 1e-9 * TORCH, "{got} {TORCH}");
        assert_eq!((found.rows, found.skipped), (4, 0));
    }

    /// ∂L/∂aₖ = (logsumexp(v) − vₖ)/K > 0: the second branch descends to smaller distances, whichever anchor they are to.
    #[test]
    fn it_drives_the_second_branchs_distances_to_nothing() {
        let first = rows(30, 1.6, 0.5);
        let mut scale = Tensor::from(1.2f64).set_requires_grad(true);
        // The anchors' covariances are 0: features of none are nearest to all of them.
        let anchors = [1.0, 2.0].map(|_| Some(Anchors::Rows(rows(40, 0.0, 0.0))));
        for _ in 0..200 {
            let second = rows(30, 1.0, 0.3) * &scale;
            let loss = correlation(&[pair(&first, &second)], &anchors)
                .unwrap()
                .loss;
            loss.backward();
            tch::no_grad(|| scale -= scale.grad() * 0.5);
            scale.zero_grad();
        }
        assert!(scale.double_value(&[]).abs() < 0.3, "{scale:?}");
    }

    #[test]
    fn a_class_without_anchors_costs_its_pairs() {
        let mut anchors = anchors();
        anchors[1] = None;
        let found = correlation(&features(), &anchors).unwrap();
        assert_eq!((found.rows, found.skipped), (2, 2));
    }

    const TORCH: f64 = 0.8918246526346265;
}
