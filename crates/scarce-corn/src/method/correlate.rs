//! The consistency of correlations: what becomes an anchor, and what is compared with it.

use scarce_train::StepContext;
use scarce_train::image::StreamKey;
use tch::Tensor;

use super::{Crops, Method, Pair};
use crate::CornError;
use crate::branch::Branch;
use crate::correlation::{Anchors, Correlation, PairedFeatures};

impl Method {
    /// Puts features of labelled voxels that both networks got right into the pool.
    pub(super) fn refresh_pool(
        &mut self,
        crops: &Crops,
        pair: &Pair<'_>,
        context: &StepContext,
    ) -> Result<(), CornError> {
        let _guard = tch::no_grad_guard();
        let truth = &crops.labels;
        let guess = |p: &Tensor| p.f_narrow(0, 0, crops.labelled())?.f_argmax(1, false);
        let right = guess(&pair.first.p)?
            .f_eq_tensor(truth)?
            .f_logical_and(&guess(&pair.second.p)?.f_eq_tensor(truth)?)?;
        let branches = self.networks.anchoring();
        let features = if branches.len() > 1 {
            vec![&pair.first.features, &pair.second.features]
        } else {
            vec![&pair.second.features]
        };
        let is_projected = !self.config.correlation.heads().is_applied_when_drawn();
        for (k, sample) in crops.labelled_samples.iter().enumerate() {
            let at = |t: &Tensor| t.f_select(0, k as i64);
            let (truth, right) = (at(truth)?, at(&right)?);
            let of_sample = features
                .iter()
                .map(|features| at(features)?.f_flatten(1, -1))
                .collect::<Result<Vec<_>, _>>()?;
            let mut rng = stream(context, &crops.ids[k], "pool refresh");
            for class in 0..self.config.network.classes {
                let candidates = right
                    .f_logical_and(&truth.f_eq(class)?)?
                    .f_flatten(0, -1)?
                    .f_nonzero()?
                    .f_view([-1])?;
                let class = class as usize;
                self.pool
                    .refresh(*sample, class, &candidates, &mut rng, |chosen| {
                        mean_of(branches, |index, branch| {
                            let rows = of_sample[index].f_index_select(1, chosen)?.f_tr()?;
                            if is_projected {
                                branch.heads.project(&rows, false)
                            } else {
                                Ok(rows)
                            }
                        })
                    })?;
            }
        }
        Ok(())
    }

    /// Compares both networks' features of confident unlabelled voxels. These alone pass through the heads, so that a batch
    /// norm there has them for its batch (the authors' has all voxels on which the networks agree).
    pub(super) fn correlate(
        &self,
        crops: &Crops,
        pair: &Pair<'_>,
        context: &StepContext,
        update: u64,
    ) -> Result<Correlation, CornError> {
        let config = &self.config.correlation;
        let tail = |t: &Tensor| t.f_narrow(0, crops.labelled(), crops.unlabelled());
        let (first, second) = (tail(&pair.first.p)?, tail(&pair.second.p)?);
        // A teacher judges its student, the main branch its auxiliary.
        let (judge, other) = if self.networks.both_train() {
            (&first, &second)
        } else {
            (&second, &first)
        };
        let mut rng = stream(context, "", "confidence filter");
        let chosen = config.filter.choose(judge, other, update, &mut rng)?;
        // A voxel that was chosen twice passes once.
        let (all, place, _) = Tensor::f_cat(&chosen, 0)?.f_internal_unique2(true, true, false)?;
        let [one, another] = self.networks.pair();
        let of_first = passed(one, &tail(&pair.first.features)?, &all, true)?;
        let of_second = if self.networks.both_train() {
            passed(another, &tail(&pair.second.features)?, &all, true)?
        } else {
            let _guard = tch::no_grad_guard();
            let trains = self.networks.teacher_trains();
            passed(another, &tail(&pair.second.features)?, &all, trains)?
        };
        let mut features = Vec::new();
        let mut start = 0;
        for chosen in &chosen {
            let n = chosen.size1()?;
            let rows = place.f_narrow(0, start, n)?;
            features.push(PairedFeatures {
                first: of_first.f_index_select(0, &rows)?,
                second: of_second.f_index_select(0, &rows)?,
            });
            start += n;
        }
        let mut rng = stream(context, "", "anchors");
        let anchors = (0..chosen.len())
            .map(|class| {
                let drawn = self.pool.sample(class, &config.anchors, &mut rng)?;
                drawn.map(|anchors| self.drawn(anchors)).transpose()
            })
            .collect::<Result<Vec<_>, _>>()?;
        config.form.compare(&features, &anchors)
    }

    /// Anchors behind the head, where they were stored before it.
    fn drawn(&self, anchors: Anchors) -> Result<Anchors, CornError> {
        match anchors {
            Anchors::Rows(rows) if self.config.correlation.heads().is_applied_when_drawn() => {
                let _guard = tch::no_grad_guard();
                let branches = self.networks.anchoring();
                let rows = mean_of(branches, |_, branch| branch.heads.project(&rows, false))?;
                Ok(Anchors::Rows(rows))
            }
            other => Ok(other),
        }
    }
}

/// A branch's features at flat indices, behind its heads.
fn passed(
    branch: &Branch,
    features: &Tensor,
    indices: &Tensor,
    train: bool,
) -> Result<Tensor, CornError> {
    let rows = rows_at(features, indices)?;
    // One row has no variance; nor can it be compared.
    let train = train && rows.size()[0] > 1;
    let projected = branch.heads.project(&rows, train)?;
    branch.heads.predict(projected, train)
}

fn mean_of(
    branches: &[Branch],
    rows: impl Fn(usize, &Branch) -> Result<Tensor, CornError>,
) -> Result<Tensor, CornError> {
    let mut sum: Option<Tensor> = None;
    for (index, branch) in branches.iter().enumerate() {
        let rows = rows(index, branch)? / branches.len() as f64;
        sum = Some(sum.map_or_else(|| rows.shallow_clone(), |sum| sum + &rows));
    }
    sum.ok_or_else(|| CornError::setting("branches", "at least one", 0))
}

fn stream(context: &StepContext, sample_id: &str, purpose: &str) -> impl rand::Rng + use<> {
    context.seed.stream(StreamKey {
        epoch: context.step,
        sample_id,
        purpose,
    })
}

/// Rows `(n, d)` of features `(batch, d, z, y, x)` at flat indices over `(batch, z, y, x)`; nothing
/// else is copied.
fn rows_at(features: &Tensor, indices: &Tensor) -> Result<Tensor, CornError> {
    let features = features.f_flatten(2, -1)?;
    let voxels = features.size()[2];
    let sample = indices.f_floor_divide_scalar(voxels)?;
    let voxel = indices.f_remainder(voxels)?;
    Ok(features.f_index(&[Some(&sample), None, Some(&voxel)])?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn rows_are_found_by_flat_index() {
        let features = Tensor::arange(2 * 3 * 8, (Kind::Float, Device::Cpu));
        let features = features.view([2, 3, 2, 2, 2]).set_requires_grad(true);
        let indices = Tensor::from_slice(&[9i64, 0, 15]);
        let rows = rows_at(&features, &indices).unwrap();
        let expected = features
            .permute([0, 2, 3, 4, 1])
            .reshape([-1, 3])
            .index_select(0, &indices);
        assert!(rows.equal(&expected));
        rows.sum(Kind::Float).backward();
        assert_eq!(features.grad().sum(Kind::Float).double_value(&[]), 9.0);
    }
}
