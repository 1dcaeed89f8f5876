//! A safetensors file into variables.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use tch::{Kind, TchError, Tensor};

use super::error::io;
use super::name_table::matches;
use super::{NameTable, WeightsError};

/// What may disagree between a file and the variables. By default nothing: every variable is found, every
/// tensor used, each of the variable's kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// Variables that may keep their values, by name; a `*` in front or at the end stands for anything.
    pub allow_missing: Vec<String>,
    /// Tensors of the file that may go unused, by their names after renaming, with `*` as above.
    pub allow_extra: Vec<String>,
    /// Whether values of another floating-point kind, such as half precision, are converted.
    pub convert_floats: bool,
    /// Weights `(out, in, …)` of the layers that see the input, by name. Where a file has them for red, green and blue
    /// and the network sees another number of channels, they are fitted as timm does: summed for one channel, else
    /// repeated and scaled by 3 / channels.
    pub input_layers: Vec<String>,
}

/// What an import did, each list in order of its names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Variables that were filled, with the file's name for each.
    pub loaded: Vec<(String, String)>,
    /// Variables that kept their values, as allowed.
    pub missing: Vec<String>,
    /// The file's tensors that were not used, as allowed; names after renaming.
    pub extra: Vec<String>,
    /// The file's names that the table leaves out.
    pub left_out: Vec<String>,
    /// Variables whose values were converted from another kind.
    pub converted: Vec<String>,
    /// Weights that were fitted to another number of input channels.
    pub fitted: Vec<String>,
}

/// Copies the tensors of a safetensors file into `variables`, which share memory with the network
/// ([`crate::named_variables`]), under the names that `names` makes of the file's.
///
/// # Errors
/// [`WeightsError::Misfit`] naming every tensor that is missing, left over, of another shape or kind, or
/// shares its name with another; nothing is copied then. [`WeightsError::Pickle`] for a `.pth` file,
/// [`WeightsError::Format`] for any other that is no safetensors file.
pub fn import_weights(
    path: &Path,
    variables: &[(String, Tensor)],
    names: &NameTable,
    options: &ImportOptions,
) -> Result<ImportReport, WeightsError> {
    let bytes = read(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| WeightsError::Format {
        message: error.to_string(),
        path: path.to_owned(),
    })?;
    let mut faults = Vec::new();
    let mut report = ImportReport::default();
    // By the name here: the file's name for it, and the tensor.
    let mut found = BTreeMap::new();
    let mut in_file: Vec<_> = file.iter().collect();
    in_file.sort_by_key(|(name, _)| *name);
    for (from, view) in in_file {
        let Some(name) = names.rename(from) else {
            report.left_out.push(from.to_owned());
            continue;
        };
        if let Some((other, _)) = found.insert(name.clone(), (from, view)) {
            faults.push(format!("{other} and {from} are both named {name}"));
        }
    }

    let mut copies = Vec::new();
    let mut ours: Vec<_> = variables.iter().collect();
    ours.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, variable) in ours {
        let Some((from, view)) = found.remove(name) else {
            if allows(&options.allow_missing, name) {
                report.missing.push(name.clone());
            } else {
                faults.push(format!("{name} is missing"));
            }
            continue;
        };
        let shape: Vec<i64> = view.shape().iter().map(|n| *n as i64).collect();
        let expected = variable.size();
        if shape != expected {
            if !(allows(&options.input_layers, name) && is_of_colours(&shape, &expected)) {
                faults.push(format!("{name} has shape {shape:?}, expected {expected:?}"));
                continue;
            }
            report.fitted.push(name.clone());
        }
        let expected = variable.kind();
        match kind(view.dtype()) {
            Some(kind) if kind == expected => {}
            Some(kind) if options.convert_floats && both_float(kind, expected) => {
                report.converted.push(name.clone());
            }
            _ => {
                let got = view.dtype();
                faults.push(format!("{name} is of kind {got:?}, expected {expected:?}"));
                continue;
            }
        }
        report.loaded.push((name.clone(), from.to_owned()));
        copies.push((variable, shape, view));
    }
    for name in found.into_keys() {
        if allows(&options.allow_extra, &name) {
            report.extra.push(name);
        } else {
            faults.push(format!("{name} is left over"));
        }
    }
    if !faults.is_empty() {
        let path = path.to_owned();
        return Err(WeightsError::Misfit { faults, path });
    }
    let _guard = tch::no_grad_guard();
    for (variable, shape, view) in copies {
        if let Some(kind) = kind(view.dtype()) {
            let values = Tensor::f_from_data_size(view.data(), &shape, kind)?;
            let values = if shape == variable.size() {
                values
            } else {
                in_channels(&values.f_to_kind(variable.kind())?, variable.size()[1])?
            };
            variable.shallow_clone().f_copy_(&values)?;
        }
    }
    Ok(report)
}

/// Whether weights differ from those expected in nothing but that they are for red, green and blue.
fn is_of_colours(weights: &[i64], expected: &[i64]) -> bool {
    weights.len() == expected.len()
        && weights.len() > 2
        && weights[1] == COLOURS
        && (0..weights.len()).all(|axis| axis == 1 || weights[axis] == expected[axis])
}

const COLOURS: i64 = 3;

/// Weights for red, green and blue as weights for so many channels, which answer grey alike.
fn in_channels(weights: &Tensor, channels: i64) -> Result<Tensor, TchError> {
    if channels == 1 {
        return weights.f_sum_dim_intlist([1i64].as_slice(), true, None);
    }
    let repeated = Tensor::f_arange(channels, (Kind::Int64, weights.device()))?;
    let repeated = weights.f_index_select(1, &repeated.f_remainder(COLOURS)?)?;
    repeated.f_mul_scalar(COLOURS as f64 / channels as f64)
}

fn read(path: &Path) -> Result<Vec<u8>, WeightsError> {
    let mut start = [0u8; 4];
    let length = File::open(path)
        .and_then(|mut file| file.read(&mut start))
        .map_err(io("cannot read", path))?;
    // A zip archive since PyTorch 1.6, a bare pickle of protocol 2 or later before.
    if start[..length].starts_with(b"PK\x03\x04") || matches!(start[..length], [0x80, 2..=5, ..]) {
        let path = path.to_owned();
        return Err(WeightsError::Pickle { path });
    }
    fs::read(path).map_err(io("cannot read", path))
}

fn allows(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

fn both_float(a: Kind, b: Kind) -> bool {
    let float = |k| matches!(k, Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double);
    float(a) && float(b)
}

/// libtorch's kind for a file's; none for those no network of ours has.
fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::Uint8,
        Dtype::I8 => Kind::Int8,
        Dtype::I16 => Kind::Int16,
        Dtype::I32 => Kind::Int,
        Dtype::I64 => Kind::Int64,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        _ => return None,
    })
}
