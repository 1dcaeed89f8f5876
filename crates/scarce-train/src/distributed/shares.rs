//! How a batch is shared by the processes: the batch in all is fixed, whatever their number.

use std::ops::Range;

use super::DistributedError;

/// One process's share of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Positions in the batch.
    pub range: Range<usize>,
    /// What to multiply the mean loss of the share by, so that the average over the processes is the
    /// mean over the batch: 1 where all shares are equally large.
    pub loss_weight: f64,
}

impl Share {
    /// The share of `rank` in a batch of `samples`: in order, their sizes differing by 1 at most.
    ///
    /// # Errors
    /// [`DistributedError::BatchTooSmall`] where a process would get none.
    pub fn of_rank(samples: usize, rank: u32, world_size: u32) -> Result<Self, DistributedError> {
        let (rank, processes) = (rank as usize, world_size.max(1) as usize);
        if samples < processes {
            return Err(DistributedError::BatchTooSmall {
                samples,
                world_size,
            });
        }
        let range = rank * samples / processes..(rank + 1) * samples / processes;
        let loss_weight = (range.len() * processes) as f64 / samples as f64;
        Ok(Self { range, loss_weight })
    }
}

/// The samples of `batch` that `rank` works on. Which batch comes when is a function of seed and epoch,
/// so every process knows it whole and takes its part by position.
///
/// # Errors
/// [`DistributedError::BatchTooSmall`] where a process would get none.
pub fn samples_of_rank<T>(
    batch: &[T],
    rank: u32,
    world_size: u32,
) -> Result<&[T], DistributedError> {
    let share = Share::of_rank(batch.len(), rank, world_size)?;
    Ok(batch.get(share.range).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_the_batch() {
        for (samples, world_size) in [(1, 1), (8, 2), (7, 2), (10, 4), (64, 64), (13, 5)] {
            let batch: Vec<usize> = (100..100 + samples).collect();
            let shares: Vec<Share> = (0..world_size)
                .map(|rank| Share::of_rank(samples, rank, world_size).unwrap())
                .collect();
            let together: Vec<usize> = (0..world_size)
                .flat_map(|rank| samples_of_rank(&batch, rank, world_size).unwrap().to_vec())
                .collect();
            assert_eq!(together, batch);
            let sizes = shares.iter().map(|share| share.range.len());
            let (least, most) = (sizes.clone().min().unwrap(), sizes.max().unwrap());
            assert!(least >= 1 && most - least <= 1, "{samples} by {world_size}");
            // The weighted mean of the shares' means is the batch's mean.
            let mean_of =
                |numbers: &[usize]| numbers.iter().sum::<usize>() as f64 / numbers.len() as f64;
            let mean = shares
                .iter()
                .map(|share| share.loss_weight * mean_of(&batch[share.range.clone()]))
                .sum::<f64>()
                / f64::from(world_size);
            assert!(
                (mean - mean_of(&batch)).abs() < 1e-9,
                "{samples} by {world_size}"
            );
        }
        let error = Share::of_rank(3, 0, 4).unwrap_err();
        assert!(error.to_string().contains("3 samples"), "{error}");
    }
}
