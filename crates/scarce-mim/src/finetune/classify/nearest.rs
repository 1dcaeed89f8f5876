//! Classes by the likest training images: what features are worth without any training (Wu et al. 2018; DINO's k-NN).

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use crate::MimError;

/// The share of each class in the votes of the `neighbours` training images whose features have the largest cosine with
/// an image's: `(image, class)`, each row 1 together. A neighbour of cosine s has exp(s / `temperature`) votes; of
/// training images as like as each other the earlier one counts first.
///
/// `training` `(image, feature)` has the classes `classes`; `images` `(image, feature)`.
///
/// # Errors
/// [`MimError::Data`] for fewer training images than neighbours, or another number of classes than of them.
pub fn nearest_neighbours(
    (training, classes): (&Tensor, &[usize]),
    images: &Tensor,
    class_count: usize,
    (neighbours, temperature): (usize, f64),
) -> Result<Array2<f64>, MimError> {
    let n = training.size2()?.0 as usize;
    if n != classes.len() || neighbours > n {
        let message = format!(
            "{neighbours} neighbours asked for among {n} training images of {} classes",
            classes.len()
        );
        return Err(MimError::Data { message });
    }
    let unit = |features: &Tensor| -> Result<Tensor, MimError> {
        let features = features.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let length = features
            .f_square()?
            .f_sum_dim_intlist([1i64].as_slice(), true, None)?;
        Ok(features / length.f_sqrt()?.f_clamp_min(1e-12)?)
    };
    let likeness = unit(images)?.f_matmul(&unit(training)?.f_transpose(0, 1)?)?;
    let mut votes = Array2::zeros((likeness.size2()?.0 as usize, class_count));
    for (image, mut row) in votes.outer_iter_mut().enumerate() {
        let likeness = Vec::<f64>::try_from(likeness.f_select(0, image as i64)?)?;
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| likeness[*b].total_cmp(&likeness[*a]));
        // Votes against those of the likest: exp(1 / 0.07) is a large number, its quotients are not.
        let most = likeness[order[0]];
        for index in &order[..neighbours] {
            row[classes[*index]] += ((likeness[*index] - most) / temperature).exp();
        }
        let sum = row.sum();
        row /= sum;
    }
    Ok(votes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// import numpy as np
    /// from sklearn.neighbors import KNeighborsClassifier
    /// x = np.sin(np.arange(60) * 1.7).reshape(12, 5)
    /// y = np.arange(12) % 3
    /// q = np.cos(np.arange(15) * 0.9).reshape(3, 5)
    /// for k, t in ((5, 0.07), (3, 0.5)):
    ///     votes = lambda d: np.exp((1 - d) / t)
    ///     knn = KNeighborsClassifier(k, metric="cosine", algorithm="brute", weights=votes).fit(x, y)
    ///     print(knn.predict_proba(q).round(9).tolist())
    /// ```
    #[test]
    fn equals_scikit_learns() {
        let values = |n: i64, step: f64| Tensor::arange(n, (Kind::Double, Device::Cpu)) * step;
        let training = values(60, 1.7).sin().view([12, 5]);
        let images = values(15, 0.9).cos().view([3, 5]);
        let classes: Vec<usize> = (0..12).map(|k| k % 3).collect();
        for (settings, expected) in [((5, 0.07), COLD), ((3, 0.5), WARM)] {
            let got = nearest_neighbours((&training, &classes), &images, 3, settings).unwrap();
            for (got, expected) in got.iter().zip(expected.as_flattened()) {
                assert!(
                    (got - expected).abs() < 1e-8,
                    "{settings:?}: {got} {expected}"
                );
            }
        }
        let too_many = nearest_neighbours((&training, &classes), &images, 3, (13, 0.07));
        assert!(too_many.unwrap_err().to_string().contains("13 neighbours"));
    }

    const COLD: [[f64; 3]; 3] = [
        [0.909855133, 0.0, 0.090144867],
        [0.0, 0.00759134, 0.99240866],
        [0.001240274, 0.998759726, 0.0],
    ];
    const WARM: [[f64; 3]; 3] = [
        [0.710689017, 0.0, 0.289310983],
        [0.0, 0.0, 1.0],
        [0.0, 1.0, 0.0],
    ];
}
