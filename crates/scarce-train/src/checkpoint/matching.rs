//! Tensors of a checkpoint against those of a training, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tch::Tensor;

use super::fault::first_few;
use super::{CheckpointFault, TensorFault};
use crate::TrainError;

/// Whether `source` holds exactly the names, shapes and element types of `variables`.
///
/// # Errors
/// [`CheckpointFault::OtherTensors`] with every fault.
pub(crate) fn check_tensors(
    variables: &[(String, Tensor)],
    source: &[(String, Tensor)],
) -> Result<(), CheckpointFault> {
    let source: BTreeMap<&str, &Tensor> = source.iter().map(|(n, t)| (n.as_str(), t)).collect();
    let faults = faults(variables, &source);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(CheckpointFault::OtherTensors(faults))
    }
}

/// Copies `source` into `variables` by name. `prefix` is stripped from the source's names first,
/// and names without it are left out.
///
/// # Errors
/// [`TrainError::Checkpoint`] listing what is missing, left over, of another shape or element type;
/// nothing is copied then.
pub fn load_variables(
    variables: &[(String, Tensor)],
    source: &[(String, Tensor)],
    prefix: &str,
) -> Result<(), TrainError> {
    let source: BTreeMap<&str, &Tensor> = source
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)))
        .collect();
    let faults = faults(variables, &source);
    if !faults.is_empty() {
        return Err(TrainError::Checkpoint {
            message: first_few(&faults).to_string(),
            path: PathBuf::from(format!("{prefix}*")),
        });
    }
    let _guard = tch::no_grad_guard();
    for (name, variable) in variables {
        if let Some(tensor) = source.get(name.as_str()) {
            variable.shallow_clone().f_copy_(tensor)?;
        }
    }
    Ok(())
}

fn faults(variables: &[(String, Tensor)], source: &BTreeMap<&str, &Tensor>) -> Vec<TensorFault> {
    let mut faults = Vec::new();
    for (name, variable) in variables {
        let name = name.clone();
        let Some(tensor) = source.get(name.as_str()) else {
            faults.push(TensorFault::Missing { name });
            continue;
        };
        if tensor.size() != variable.size() {
            faults.push(TensorFault::Shape {
                name,
                expected: variable.size(),
                got: tensor.size(),
            });
        } else if tensor.kind() != variable.kind() {
            faults.push(TensorFault::Kind {
                name,
                expected: format!("{:?}", variable.kind()),
                got: format!("{:?}", tensor.kind()),
            });
        }
    }
    let known: BTreeSet<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
    faults.extend(
        source
            .keys()
            .filter(|name| !known.contains(*name))
            .map(|name| TensorFault::LeftOver {
                name: (*name).to_owned(),
            }),
    );
    faults
}
