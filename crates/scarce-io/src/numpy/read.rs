//! Arrays as volumes: axes `(z, y, x)`, a slice `(y, x)` as a volume of one.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::header::read_header;
use crate::error::{At, system};
use crate::opened::{Opened, Voxels, Wanted, geometry_of_no_format};
use crate::provenance::Warnings;
use crate::stored::Layout;
use crate::{Format, IoError, ReadOptions};

pub(crate) fn open_npy(
    stream: Box<dyn Read + Send>,
    compressed: bool,
    options: &ReadOptions,
    path: &Path,
) -> Result<Opened, IoError> {
    open_array(Format::Npy, stream, compressed, options, path)
}

/// One array of an archive: the one that is asked for, else `image` or `label` by what is wanted, else
/// the only one.
pub(crate) fn open_npz(
    path: &Path,
    options: &ReadOptions,
    wanted: Wanted,
) -> Result<Opened, IoError> {
    let damaged = |error: &dyn std::fmt::Display| IoError::Compression {
        message: error.to_string(),
        path: path.to_owned(),
    };
    let file = File::open(path).map_err(system("cannot open", path))?;
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(&error))?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let name = choose_array(&names, options, wanted, path)?;
    let mut entry = archive.by_name(&name).map_err(|error| match error {
        ZipError::UnsupportedArchive(what) => At(path).unsupported(what),
        other => damaged(&other),
    })?;
    // The array is inflated whole, since the archive cannot be lent to another thread; what it may
    // take is known before.
    if entry.size() > options.max_alloc_bytes {
        return Err(At(path).budget(u128::from(entry.size()), options.max_alloc_bytes));
    }
    let mut bytes = Vec::new();
    let limit = entry.size() + 1;
    (&mut entry)
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(&error))?;
    open_array(
        Format::Npz,
        Box::new(Cursor::new(bytes)),
        true,
        options,
        path,
    )
}

fn choose_array(
    names: &[String],
    options: &ReadOptions,
    wanted: Wanted,
    path: &Path,
) -> Result<String, IoError> {
    let default = match wanted {
        Wanted::Values => "image",
        Wanted::Labels => "label",
    };
    let wanted = options.dataset.as_deref().unwrap_or(default);
    let entry = format!("{wanted}.npy");
    if names.contains(&entry) {
        return Ok(entry);
    }
    match names {
        [only] if options.dataset.is_none() => Ok(only.clone()),
        _ => Err(At(path).header("arrays", "one of the name asked for", {
            let mut names = names.to_vec();
            names.sort();
            format!("no {wanted:?} among {}", names.join(", "))
        })),
    }
}

fn open_array(
    format: Format,
    mut stream: Box<dyn Read + Send>,
    compressed: bool,
    options: &ReadOptions,
    path: &Path,
) -> Result<Opened, IoError> {
    let at = At(path);
    let header = read_header(&mut stream, at)?;
    let [z, y, x] = match header.shape[..] {
        [z, y, x] => [z, y, x],
        [y, x] => [1, y, x],
        _ => return Err(at.unsupported(format!("an array of shape {:?}", header.shape))),
    };
    if [z, y, x].contains(&0) {
        return Err(at.header("shape", "positive sizes", format!("{:?}", header.shape)));
    }
    let mut warnings = Warnings::default();
    let layout = Layout {
        // In Fortran order the first axis runs fastest.
        shape_xyz: if header.fortran_order {
            [z, y, x]
        } else {
            [x, y, z]
        },
        frames: 1,
        geometry: geometry_of_no_format(options, &mut warnings, path)?,
        stored: header.stored,
        big_endian: header.big_endian,
        slope: 1.0,
        intercept: 0.0,
    };
    let mut opened = if header.fortran_order {
        let voxels = layout.volume(&mut stream, options, &mut warnings, path)?;
        let turned = voxels.reversed_axes().as_standard_layout().into_owned();
        let empty = Box::new(std::io::empty());
        let mut opened = Opened::stream(format, compressed, layout, empty, path);
        opened.shape_zyx = [z, y, x];
        opened.voxels = Voxels::Values(turned);
        opened
    } else {
        Opened::stream(format, compressed, layout, stream, path)
    };
    opened.warnings = warnings;
    Ok(opened)
}
