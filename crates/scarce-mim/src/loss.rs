//! Mean squared error on the normalised pixels of hidden patches.

use tch::{Kind, Tensor};

use crate::MimError;

/// Added to a patch's variance before its root is taken.
const EPS: f64 = 1e-6;

/// Pixels `(batch, channel, y, x)` as patches `(batch, cell, pixel·channel)`: cells row by row, within
/// a cell pixels row by row, channels last.
///
/// # Errors
/// [`MimError::Shape`] when the patch does not divide the sides.
pub fn patchify(pixels: &Tensor, patch: i64) -> Result<Tensor, MimError> {
    let (b, c, h, w) = pixels.size4()?;
    if h % patch != 0 || w % patch != 0 {
        return Err(MimError::Shape {
            what: "pixels to cut into patches",
            expected: format!("sides that {patch} divides"),
            got: vec![b, c, h, w],
        });
    }
    let cut = pixels.f_view([b, c, h / patch, patch, w / patch, patch])?;
    Ok(cut.f_permute([0, 2, 4, 3, 5, 1])?.f_reshape([
        b,
        (h / patch) * (w / patch),
        patch * patch * c,
    ])?)
}

/// The inverse of [`patchify`] for `channels` and a grid of `rows` and `columns`.
///
/// # Errors
/// [`MimError::Torch`] when the sizes do not fit.
pub fn unpatchify(
    patches: &Tensor,
    channels: i64,
    rows: i64,
    columns: i64,
) -> Result<Tensor, MimError> {
    let (b, _, values) = patches.size3()?;
    let patch = ((values / channels) as f64).sqrt().round() as i64;
    let cut = patches.f_view([b, rows, columns, patch, patch, channels])?;
    Ok(cut.f_permute([0, 5, 1, 3, 2, 4])?.f_reshape([
        b,
        channels,
        rows * patch,
        columns * patch,
    ])?)
}

/// Each patch with its own mean and spread taken out, and both.
#[derive(Debug)]
pub struct NormalisedPatches {
    /// `(batch, cell, value)`.
    pub values: Tensor,
    /// `(batch, cell, 1)`.
    pub mean: Tensor,
    /// Root of the unbiased variance plus 1e-6, `(batch, cell, 1)`.
    pub spread: Tensor,
    /// The unbiased variance, `(batch, cell)`.
    pub variance: Tensor,
}

/// Normalises patches `(batch, cell, value)`.
///
/// # Errors
/// [`MimError::Torch`] from libtorch.
pub fn normalise(patches: &Tensor) -> Result<NormalisedPatches, MimError> {
    let mean = patches.f_mean_dim([2i64].as_slice(), true, Kind::Float)?;
    let variance = patches.f_var_dim([2i64].as_slice(), true, true)?;
    let spread = (&variance + EPS).f_sqrt()?;
    let values = (patches - &mean) / &spread;
    Ok(NormalisedPatches {
        values,
        mean,
        spread,
        variance: variance.f_squeeze_dim(2)?,
    })
}

/// The loss over hidden patches, and over those of the region and of the rest alone.
#[derive(Debug)]
pub struct ReconstructionLoss {
    /// Mean over hidden patches that are not flat; predicting each patch's mean scores 1.
    pub total: Tensor,
    /// The same over the region's; none without such a patch.
    pub region: Option<f64>,
    /// The same over the others'.
    pub background: Option<f64>,
    /// Hidden patches that the mean is over.
    pub counted: f64,
    /// Hidden patches left out for being flat.
    pub flat: i64,
}

/// How many hidden patches [`reconstruction_loss`] takes its mean over: a share's loss is to be weighted by
/// its part of them.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn counted_patches(
    pixels: &Tensor,
    hidden: &Tensor,
    flat_variance: f64,
) -> Result<f64, MimError> {
    let counted = hidden * uneven(&normalise(pixels)?, flat_variance)?;
    Ok(counted.f_sum(Kind::Float)?.f_double_value(&[])?)
}

fn uneven(target: &NormalisedPatches, flat_variance: f64) -> Result<Tensor, MimError> {
    Ok(target.variance.f_ge(flat_variance)?.to_kind(Kind::Float))
}

/// Compares predicted patches `(batch, cell, value)` with the pixels' own.
///
/// `hidden` and `region` are `(batch, cell)` of 0 and 1. A patch of air has no spread to divide by,
/// only noise to blow up: patches whose variance is below `flat_variance` are left out and counted.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn reconstruction_loss(
    predicted: &Tensor,
    pixels: &Tensor,
    hidden: &Tensor,
    region: &Tensor,
    flat_variance: f64,
) -> Result<ReconstructionLoss, MimError> {
    let target = normalise(pixels)?;
    let counted = hidden * uneven(&target, flat_variance)?;
    let error = (predicted - target.values).f_square()?.f_mean_dim(
        [2i64].as_slice(),
        false,
        Kind::Float,
    )?;
    let mean_over = |weights: &Tensor| -> Result<(Tensor, f64), MimError> {
        let n = weights.f_sum(Kind::Float)?;
        let count = n.f_double_value(&[])?;
        Ok((
            (&error * weights).f_sum(Kind::Float)? / n.f_clamp_min(1.0)?,
            count,
        ))
    };
    let part = |weights: Tensor| -> Result<Option<f64>, MimError> {
        let (mean, count) = mean_over(&weights)?;
        Ok(if count > 0.0 {
            Some(mean.f_double_value(&[])?)
        } else {
            None
        })
    };
    let (total, number) = mean_over(&counted)?;
    Ok(ReconstructionLoss {
        total,
        counted: number,
        region: part(&counted * region)?,
        background: part(&counted * (region.neg() + 1.0))?,
        flat: (hidden - &counted)
            .f_sum(Kind::Float)?
            .f_double_value(&[])?
            .round() as i64,
    })
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    /// ```python
    /// import numpy as np
    /// x = np.arange(48).reshape(1, 2, 4, 6)
    /// x.reshape(1, 2, 2, 2, 3, 2).transpose(0, 2, 4, 3, 5, 1).reshape(1, 6, 8)[0, 4]
    /// ```
    #[test]
    fn patches_come_in_order_and_back() {
        let x = Tensor::arange(48, (Kind::Float, Device::Cpu)).view([1, 2, 4, 6]);
        let patches = patchify(&x, 2).unwrap();
        let fifth = Vec::<f32>::try_from(patches.select(0, 0).select(0, 4)).unwrap();
        assert_eq!(fifth, [14.0, 38.0, 15.0, 39.0, 20.0, 44.0, 21.0, 45.0]);
        assert_eq!(unpatchify(&patches, 2, 2, 3).unwrap(), x);
        assert!(patchify(&x, 4).is_err());
    }

    #[test]
    fn shares_weighted_by_what_they_count_give_the_batch() {
        let options = (Kind::Float, Device::Cpu);
        let pixels = Tensor::rand([5, 4, 400], options);
        // A flat patch, and shares that hide unequally many.
        let _ = pixels.select(0, 1).select(0, 0).fill_(0.5);
        let hidden = Tensor::arange(20, options).fmod(3.0).gt(0.0).view([5, 4]);
        let hidden = hidden.to_kind(Kind::Float);
        let predicted = Tensor::rand([5, 4, 400], options);
        let loss = |from: i64, length: i64| {
            let part = |t: &Tensor| t.narrow(0, from, length);
            let (predicted, pixels, hidden) = (part(&predicted), part(&pixels), part(&hidden));
            let loss =
                reconstruction_loss(&predicted, &pixels, &hidden, &hidden.zeros_like(), 1e-4)
                    .unwrap();
            let counted = counted_patches(&pixels, &hidden, 1e-4).unwrap();
            assert_eq!(loss.counted, counted);
            (loss.total.double_value(&[]), counted)
        };
        let (whole, counted) = loss(0, 5);
        let shares = [loss(0, 2), loss(2, 3)];
        assert_ne!(shares[0].1 * 1.5, shares[1].1, "by samples it would not do");
        let mean = shares
            .iter()
            .map(|(loss, n)| loss * n / counted)
            .sum::<f64>();
        assert!((mean - whole).abs() < 1e-6, "{mean} {whole}");
    }

    #[test]
    fn the_mean_scores_one_and_flat_patches_are_left_out() {
        let pixels = Tensor::rand([1, 3, 400], (Kind::Float, Device::Cpu));
        let pixels = Tensor::cat(
            &[
                pixels,
                Tensor::full([1, 1, 400], 0.5, (Kind::Float, Device::Cpu)),
            ],
            1,
        );
        let hidden = Tensor::from_slice(&[1f32, 1., 0., 1.]).view([1, 4]);
        let region = Tensor::from_slice(&[1f32, 0., 0., 0.]).view([1, 4]);
        let zeros = pixels.zeros_like();
        let loss = reconstruction_loss(&zeros, &pixels, &hidden, &region, 1e-4).unwrap();
        assert!((loss.total.double_value(&[]) - 1.0).abs() < 0.01);
        assert_eq!(loss.flat, 1);
        assert!(loss.region.is_some() && loss.background.is_some());
        let perfect = normalise(&pixels).unwrap().values;
        let loss =
            reconstruction_loss(&perfect, &pixels, &hidden, &region.zeros_like(), 1e-4).unwrap();
        assert!(loss.total.double_value(&[]) < 1e-9 && loss.region.is_none());
        let nothing =
            reconstruction_loss(&zeros, &pixels, &hidden.zeros_like(), &region, 1e-4).unwrap();
        assert_eq!(nothing.total.double_value(&[]), 0.0);
    }
}
