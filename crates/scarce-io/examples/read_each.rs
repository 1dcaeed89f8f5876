//! Reads each volume or picture named on standard input and says what it is; with a folder as argument the
//! voxels are written there for NumPy.
//!
//! ```text
//! find scans -name '*.nii.gz' | cargo run --release -p scarce-io --example read_each -- voxels
//! ```
//!
//! A line of input is a path, or a path, a tab and the number of a volume in a file of several. A line
//! of output is a JSON object: `shape_zyx` and `affine`, or `channels` for colours, or `code` and
//! `error`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::io::stdin;
use std::path::{Path, PathBuf};

use ndarray::Axis;
use scarce_image::{Geometry, Volume};
use scarce_io::{IoError, ReadOptions, read_image_with, read_volume_with, write_volume};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).map(PathBuf::from);
    for (number, line) in stdin().lines().enumerate() {
        let line = line?;
        let (path, frame) = match line.split_once('\t') {
            Some((path, frame)) => (path, Some(frame.parse()?)),
            None => (line.as_str(), None),
        };
        let mut options = ReadOptions::default();
        options.frame = frame;
        let voxels = out
            .as_deref()
            .map(|folder| folder.join(format!("{number}.npy")));
        let mut told = match read(Path::new(path), &options, voxels.as_deref()) {
            Ok(told) => told,
            Err(error) => json!({ "code": error.code(), "error": error.to_string() }),
        };
        told["path"] = json!(path);
        println!("{told}");
    }
    Ok(())
}

fn read(path: &Path, options: &ReadOptions, voxels: Option<&Path>) -> Result<Value, IoError> {
    let loaded = match read_volume_with(path, options) {
        // Colours make no volume, but a picture.
        Err(IoError::Unsupported { what, .. }) if what.starts_with("a coloured") => {
            return read_colours(path, options, voxels);
        }
        other => other?,
    };
    let volume = loaded.value;
    if let Some(voxels) = voxels {
        write_volume(voxels, &volume)?;
    }
    let affine = volume.geometry().world_from_voxel();
    let (m, t) = (affine.matrix3, affine.translation);
    let row = |r: usize| [m.x_axis[r], m.y_axis[r], m.z_axis[r], t[r]];
    Ok(json!({
        "shape_zyx": volume.shape_zyx(),
        "affine": [row(0), row(1), row(2)],
        "frames": loaded.provenance.frames,
        "warnings": loaded.provenance.warnings,
    }))
}

fn read_colours(
    path: &Path,
    options: &ReadOptions,
    voxels: Option<&Path>,
) -> Result<Value, IoError> {
    let loaded = read_image_with(path, options)?;
    let pixels = loaded.value.pixels();
    if let Some(voxels) = voxels {
        // (channel, y, x) has the shape of a volume.
        let geometry = Geometry::from_spacing_mm_xyz([1.0; 3]).map_err(|source| {
            let path = path.to_owned();
            IoError::Geometry { source, path }
        })?;
        write_volume(voxels, &Volume::new(pixels.clone(), geometry))?;
    }
    Ok(json!({ "channels": pixels.len_of(Axis(0)), "warnings": loaded.provenance.warnings }))
}
