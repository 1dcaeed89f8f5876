//! Mean squared error on the normalised pixels of hidden patches.

use tch::{Kind, Tensor};

use crate::MimError;

/// Added to a patch's variance before its root is taken.
const EPS: f64 = 1e-6;

/// Pixels `(batch, channel, side…)` as patches `(batch, cell, pixel·channel)`: cells in C order, within a cell pixels
/// in C order, channels last.
///
/// # Errors
/// [`MimError::Shape`] when the patch does not divide the sides.
pub fn patchify(pixels: &Tensor, patch: i64) -> Result<Tensor, MimError> {
    let size = pixels.size();
    let sides = size.get(2..).unwrap_or_default();
    if sides.is_empty() || sides.iter().any(|side| side % patch != 0) {
        return Err(MimError::Shape {
            what: "pixels to cut into patches",
            expected: format!("sides that {patch} divides"),
            got: size,
        });
    }
    let grid: Vec<i64> = sides.iter().map(|side| side / patch).collect();
    let cut: Vec<i64> = size[..2]
        .iter()
        .copied()
        .chain(grid.iter().flat_map(|cells| [*cells, patch]))
        .collect();
    let axes = grid.len() as i64;
    // (batch, channel, cells, pixels, …) to (batch, cells…, pixels…, channel).
    let order: Vec<i64> = [0]
        .into_iter()
        .chain((0..axes).map(|axis| 2 + 2 * axis))
        .chain((0..axes).map(|axis| 3 + 2 * axis))
        .chain([1])
        .collect();
    let cells: i64 = grid.iter().product();
    let cut = pixels.f_reshape(cut.as_slice())?.f_permute(&order)?;
    Ok(cut.f_reshape([size[0], cells, -1])?)
}

/// The inverse of [`patchify`] for `channels` and a grid of so many cells along each side.
///
/// # Errors
/// [`MimError::Shape`] when the sizes do not fit.
pub fn unpatchify(patches: &Tensor, channels: i64, grid: &[i64]) -> Result<Tensor, MimError> {
    let (batch, cells, values) = patches.size3()?;
    let axes = grid.len() as i64;
    let patch = ((values / channels.max(1)) as f64)
        .powf(1.0 / axes as f64)
        .round() as i64;
    let fits =
        cells == grid.iter().product::<i64>() && values == channels * patch.pow(grid.len() as u32);
    if !fits {
        return Err(MimError::Shape {
            what: "patches to lay out",
            expected: format!("those of a grid {grid:?} with {channels} channels"),
            got: patches.size(),
        });
    }
    let mut cut = vec![batch];
    cut.extend(grid);
    cut.extend(grid.iter().map(|_| patch));
    cut.push(channels);
    let order: Vec<i64> = [0, 1 + 2 * axes]
        .into_iter()
        .chain((0..axes).flat_map(|axis| [1 + axis, 1 + axes + axis]))
        .collect();
    let mut whole = vec![batch, channels];
    whole.extend(grid.iter().map(|cells| cells * patch));
    let laid_out = patches.f_reshape(cut.as_slice())?.f_permute(&order)?;
    Ok(laid_out.f_reshape(whole.as_slice())?)
}

/// What the loss compares, and how patches count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossOptions {
    /// Hidden patches whose variance is lower are left out and counted: a patch of air has no spread to divide by, only
    /// noise to blow up. 0 leaves out none, as SparK does.
    pub flat_variance: f64,
    /// How much a patch of the region counts beside one of the rest.
    pub region_weight: f64,
    /// Whether each patch's own mean and spread are taken out of the target.
    pub normalised: bool,
}

impl LossOptions {
    /// SparK's: normalised, every hidden patch counts alike.
    pub const SPARK: Self = Self {
        flat_variance: 0.0,
        region_weight: 1.0,
        normalised: true,
    };
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
    /// Mean over hidden patches that are not flat, weighted; predicting each patch's mean scores 1 where targets are
    /// normalised.
    pub total: Tensor,
    /// The mean over the region's; none without such a patch.
    pub region: Option<f64>,
    /// The same over the others'.
    pub background: Option<f64>,
    /// The weights' sum: the hidden patches that the mean is over, where all count alike.
    pub counted: f64,
    /// Hidden patches left out for being flat.
    pub flat: i64,
}

/// The sum of weights that [`reconstruction_loss`] takes its mean over: a share's loss is to be weighted by its part
/// of it.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn counted_patches(
    pixels: &Tensor,
    hidden: &Tensor,
    region: &Tensor,
    options: &LossOptions,
) -> Result<f64, MimError> {
    let counted = hidden * uneven(&normalise(pixels)?, options)?;
    let weights = weighted(&counted, region, options)?;
    Ok(weights.f_sum(Kind::Float)?.f_double_value(&[])?)
}

fn uneven(target: &NormalisedPatches, options: &LossOptions) -> Result<Tensor, MimError> {
    let uneven = target.variance.f_ge(options.flat_variance)?;
    Ok(uneven.to_kind(Kind::Float))
}

fn weighted(counted: &Tensor, region: &Tensor, options: &LossOptions) -> Result<Tensor, MimError> {
    let surplus = options.region_weight - 1.0;
    Ok(if surplus == 0.0 {
        counted.shallow_clone()
    } else {
        counted.f_mul(&region.f_mul_scalar(surplus)?.f_add_scalar(1.0)?)?
    })
}

/// Compares predicted patches `(batch, cell, value)` with the pixels' own.
///
/// `hidden` and `region` are `(batch, cell)` of 0 and 1.
///
/// # Errors
/// [`MimError::Torch`] when the shapes do not fit.
pub fn reconstruction_loss(
    predicted: &Tensor,
    pixels: &Tensor,
    hidden: &Tensor,
    region: &Tensor,
    options: &LossOptions,
) -> Result<ReconstructionLoss, MimError> {
    let target = normalise(pixels)?;
    let counted = hidden * uneven(&target, options)?;
    let values = if options.normalised {
        &target.values
    } else {
        pixels
    };
    let over = [2i64];
    let squares = predicted.f_sub(values)?.f_square()?;
    let error = squares.f_mean_dim(over.as_slice(), false, Kind::Float)?;
    let mean_over = |weights: &Tensor| -> Result<(Tensor, f64), MimError> {
        let n = weights.f_sum(Kind::Float)?;
        let count = n.f_double_value(&[])?;
        // Without any patch 0, not 0 / 0.
        let divisor = if count > 0.0 { n } else { n.f_ones_like()? };
        Ok(((&error * weights).f_sum(Kind::Float)? / divisor, count))
    };
    let part = |weights: Tensor| -> Result<Option<f64>, MimError> {
        let (mean, count) = mean_over(&weights)?;
        Ok(if count > 0.0 {
            Some(mean.f_double_value(&[])?)
        } else {
            None
        })
    };
    let (total, number) = mean_over(&weighted(&counted, region, options)?)?;
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

    const OPTIONS: LossOptions = LossOptions {
        flat_variance: 1e-4,
        ..LossOptions::SPARK
    };

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
        assert_eq!(unpatchify(&patches, 2, &[2, 3]).unwrap(), x);
        assert!(patchify(&x, 4).is_err() && unpatchify(&patches, 2, &[2, 2]).is_err());
        let volume = Tensor::arange(192, (Kind::Float, Device::Cpu)).view([1, 2, 4, 4, 6]);
        let patches = patchify(&volume, 2).unwrap();
        // The first voxel of the last cell, both channels, and the next voxel.
        let last =
            Vec::<f32>::try_from(patches.select(0, 0).select(0, 11).narrow(0, 0, 3)).unwrap();
        assert_eq!(last, [64.0, 160.0, 65.0]);
        assert_eq!(unpatchify(&patches, 2, &[2, 2, 3]).unwrap(), volume);
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
            let region = hidden.zeros_like();
            let loss =
                reconstruction_loss(&predicted, &pixels, &hidden, &region, &OPTIONS).unwrap();
            let counted = counted_patches(&pixels, &hidden, &region, &OPTIONS).unwrap();
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
        let loss = reconstruction_loss(&zeros, &pixels, &hidden, &region, &OPTIONS).unwrap();
        assert!((loss.total.double_value(&[]) - 1.0).abs() < 0.01);
        assert_eq!(loss.flat, 1);
        assert!(loss.region.is_some() && loss.background.is_some());
        let perfect = normalise(&pixels).unwrap().values;
        let loss = reconstruction_loss(&perfect, &pixels, &hidden, &region.zeros_like(), &OPTIONS)
            .unwrap();
        assert!(loss.total.double_value(&[]) < 1e-9 && loss.region.is_none());
        // Over three patches, of which one patch errs by 1.
        let erring = &perfect + Tensor::from_slice(&[1f32, 0., 0., 0.]).view([1, 4, 1]);
        let hidden_all = Tensor::ones([1, 4], (Kind::Float, Device::Cpu));
        for (region_weight, expected) in [(1.0, 1.0 / 3.0), (3.0, 3.0 / 5.0), (0.0, 0.0)] {
            let options = LossOptions {
                region_weight,
                ..OPTIONS
            };
            let loss =
                reconstruction_loss(&erring, &pixels, &hidden_all, &region, &options).unwrap();
            let total = loss.total.double_value(&[]);
            assert!((total - expected).abs() < 1e-6, "{region_weight}: {total}");
            assert!((loss.region.unwrap() - 1.0).abs() < 1e-6);
        }
        let plain = LossOptions {
            normalised: false,
            ..OPTIONS
        };
        let loss = reconstruction_loss(&pixels, &pixels, &hidden, &region, &plain).unwrap();
        assert_eq!(loss.total.double_value(&[]), 0.0);
        let nothing =
            reconstruction_loss(&zeros, &pixels, &hidden.zeros_like(), &region, &OPTIONS).unwrap();
        assert_eq!(nothing.total.double_value(&[]), 0.0);
    }
}
