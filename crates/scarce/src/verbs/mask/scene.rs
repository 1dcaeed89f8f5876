//! What is read for a mask: a region, flat or deep, and a map on its grid.

use std::path::Path;

use ndarray::{Array2, ArrayD, Axis};
use scarce_cli::exit::UsageError;
use scarce_io::Format;

/// A region and what may guide a policy besides.
pub(super) struct Scene {
    /// `(y, x)` or `(z, y, x)`; 0 outside.
    pub(super) labels: ArrayD<u16>,
    /// The slice, where one was taken from a volume.
    pub(super) slice: Option<usize>,
    /// Heat, attention or loss, along the same axes.
    pub(super) map: Option<ArrayD<f32>>,
}

impl Scene {
    /// Reads the whole region for a grid of three sides, else a picture or one axial slice.
    pub(super) fn read(
        region: &Path,
        map: Option<&Path>,
        slice: Option<usize>,
        axes: usize,
    ) -> anyhow::Result<Self> {
        let deep = axes == 3;
        if is_picture(region)? {
            if deep {
                let message = "--grid has three sides, the region is a picture".to_owned();
                return Err(UsageError(message).into());
            }
            let pixels = brightest(scarce_io::read_image(region)?.pixels());
            return Ok(Self {
                labels: pixels.map(|v| *v as u16).into_dyn(),
                slice: None,
                map: map.map(|path| read_map(path, Some(0), deep)).transpose()?,
            });
        }
        let volume = scarce_io::read_label_map(region)?;
        if deep {
            return Ok(Self {
                labels: volume.into_voxels().into_dyn(),
                slice: None,
                map: map.map(|path| read_map(path, None, deep)).transpose()?,
            });
        }
        let z = super::slice_of(&volume, slice);
        Ok(Self {
            labels: super::labels_of_slice(&volume, z)?.into_dyn(),
            slice: Some(z),
            map: map.map(|path| read_map(path, Some(z), deep)).transpose()?,
        })
    }
}

/// A picture, a volume's slice, or the only slice there is; all of it for a deep grid.
fn read_map(path: &Path, slice: Option<usize>, deep: bool) -> anyhow::Result<ArrayD<f32>> {
    if is_picture(path)? && !deep {
        return Ok(brightest(scarce_io::read_image(path)?.pixels()).into_dyn());
    }
    let voxels = scarce_io::read_volume(path)?.into_voxels();
    if deep {
        return Ok(voxels.into_dyn());
    }
    let depth = voxels.len_of(Axis(0));
    let z = if depth == 1 { 0 } else { slice.unwrap_or(0) };
    if z >= depth {
        let message = format!("the map has {depth} slices, the region's is {z}");
        return Err(UsageError(message).into());
    }
    Ok(voxels.index_axis(Axis(0), z).to_owned().into_dyn())
}

/// Grey values of a picture `(channel, y, x)`: its brightest channel.
fn brightest(pixels: &ndarray::Array3<f32>) -> Array2<f32> {
    pixels.map_axis(Axis(0), |channels| {
        channels.iter().copied().fold(0.0, f32::max)
    })
}

fn is_picture(path: &Path) -> anyhow::Result<bool> {
    Ok(Format::of_file(path)?.is_some_and(Format::is_picture))
}
