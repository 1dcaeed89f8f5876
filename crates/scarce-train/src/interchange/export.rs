//! Variables into a safetensors file.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};
use tch::{Device, Kind, Tensor};

use super::error::io;
use super::{NameTable, WeightsError};

/// Writes `variables` to a safetensors file under the names that `names` makes of theirs, marked as
/// PyTorch's. It is written beside its place and renamed: a file that is there is whole.
///
/// # Errors
/// [`WeightsError::Misfit`] when two variables get one name, or one is of a kind that the format lacks;
/// [`WeightsError::Io`].
pub fn export_weights(
    path: &Path,
    variables: &[(String, Tensor)],
    names: &NameTable,
) -> Result<(), WeightsError> {
    let mut faults = Vec::new();
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, variable) in variables {
        let Some(renamed) = names.rename(name) else {
            continue;
        };
        let Some(dtype) = dtype(variable.kind()) else {
            faults.push(format!("{name} is of kind {:?}", variable.kind()));
            continue;
        };
        let shape = variable.size().iter().map(|n| *n as usize).collect();
        let tensor = (dtype, shape, values(variable)?);
        if tensors.insert(renamed.clone(), tensor).is_some() {
            faults.push(format!("{name} is named {renamed} as another is"));
        }
    }
    let misfit = |faults| WeightsError::Misfit {
        faults,
        path: path.to_owned(),
    };
    if !faults.is_empty() {
        return Err(misfit(faults));
    }
    let refuse = |error: safetensors::SafeTensorError| misfit(vec![error.to_string()]);
    let views = tensors
        .iter()
        .map(|(name, (dtype, shape, data))| {
            Ok((name, TensorView::new(*dtype, shape.clone(), data)?))
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    // Transformers refuses files without it. One entry alone: the format's writer does not sort them.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(refuse)?;

    write_beside(path, &bytes)
}

/// Writes a file beside its place and renames it.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), WeightsError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = Path::new(&temporary);
    File::create(temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .map_err(io("cannot write", temporary))?;
    fs::rename(temporary, path).map_err(io("cannot rename", temporary))
}

/// The tensor's values in C order, little-endian.
pub(super) fn values(tensor: &Tensor) -> Result<Vec<u8>, WeightsError> {
    let tensor = tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
    let count = tensor.numel();
    let mut bytes = vec![0; count * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, count)?;
    Ok(bytes)
}

fn dtype(kind: Kind) -> Option<Dtype> {
    Some(match kind {
        Kind::Bool => Dtype::BOOL,
        Kind::Uint8 => Dtype::U8,
        Kind::Int8 => Dtype::I8,
        Kind::Int16 => Dtype::I16,
        Kind::Int => Dtype::I32,
        Kind::Int64 => Dtype::I64,
        Kind::Half => Dtype::F16,
        Kind::BFloat16 => Dtype::BF16,
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        _ => return None,
    })
}
