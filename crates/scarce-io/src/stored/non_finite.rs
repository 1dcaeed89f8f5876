//! Voxels that are NaN or infinite.

use std::path::Path;

use ndarray::Array3;

use crate::provenance::Warnings;
use crate::{IoError, NonFinitePolicy};

/// Counts values that are not finite.
#[derive(Default)]
pub(crate) struct NonFinite {
    count: usize,
    first: Option<usize>,
}

impl NonFinite {
    /// Looks at values of which the first has the number `start`.
    pub(crate) fn note(&mut self, values: &[f32], start: usize) {
        // Without an early way out the compiler vectorises the question, and a block seldom has one.
        let any = |part: &[f32]| part.iter().fold(false, |any, v| any | !v.is_finite());
        if !values.chunks(4096).any(any) {
            return;
        }
        for (k, _) in values.iter().enumerate().filter(|(_, v)| !v.is_finite()) {
            self.count += 1;
            self.first.get_or_insert(start + k);
        }
    }

    /// Does with what was counted as the policy says.
    pub(crate) fn settle(
        &self,
        voxels: &mut Array3<f32>,
        policy: NonFinitePolicy,
        warnings: &mut Warnings,
        path: &Path,
    ) -> Result<(), IoError> {
        let Some(first) = self.first else {
            return Ok(());
        };
        match policy {
            NonFinitePolicy::Keep => {
                warnings.add_many("non-finite", "voxels are not finite", self.count);
                Ok(())
            }
            NonFinitePolicy::Replace(value) => {
                let message = format!("voxels that were not finite are now {value}");
                warnings.add_many("non-finite", message, self.count);
                let broken = voxels.iter_mut().filter(|v| !v.is_finite());
                broken.for_each(|v| *v = value);
                Ok(())
            }
            NonFinitePolicy::Refuse => {
                let (_, ny, nx) = voxels.dim();
                Err(IoError::NonFinite {
                    count: self.count,
                    first_zyx: [first / (nx * ny), first / nx % ny, first % nx],
                    path: path.to_owned(),
                })
            }
        }
    }
}
