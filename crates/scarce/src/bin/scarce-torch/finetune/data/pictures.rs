//! Image files as what a network can be shown.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::{Array3, Axis};
use scarce_io::{ReadOptions, read_image_with};
use scarce_mim::finetune::look::{Fit, Frame};

/// What luminance is made of (ITU-R BT.601, as Pillow's `L`).
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// How images come into a network.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Channels of its input.
    pub channels: i64,
    /// Pixels of its input.
    pub input_yx: [usize; 2],
    /// How images fit in.
    pub fit: Fit,
}

impl Shown {
    /// An image's canvas, and where it lies on it. The format is found by content, whatever the name says.
    pub fn read(&self, path: &Path) -> anyhow::Result<(Array3<f32>, Frame)> {
        let pixels = read_in_unit(path)?;
        let (_, height, width) = pixels.dim();
        let image = in_channels(pixels, self.channels as usize)
            .with_context(|| format!("cannot show {}", path.display()))?;
        let frame = Frame::new([height, width], self.input_yx, self.fit)?;
        Ok((frame.canvas(image.view()), frame))
    }
}

/// An image `(channel, y, x)` from 0 to 1.
pub fn read_in_unit(path: &Path) -> anyhow::Result<Array3<f32>> {
    let loaded = read_image_with(path, &ReadOptions::default())?;
    Ok(to_unit(
        loaded.value.pixels(),
        loaded.provenance.stored_type,
    ))
}

/// A file's name without its ending, which only tells its format, or lies about it.
pub fn stem(path: impl AsRef<Path>) -> String {
    let stem = path.as_ref().file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Bytes and 16-bit words by their range; other kinds, such as Hounsfield units, by what the image holds.
fn to_unit(pixels: &Array3<f32>, stored_type: &str) -> Array3<f32> {
    let (low, high) = match stored_type {
        "uint8" => (0.0, 255.0),
        "uint16" => (0.0, 65535.0),
        _ => pixels
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| {
                (low.min(*v), high.max(*v))
            }),
    };
    let range = if high > low { high - low } else { 1.0 };
    pixels.mapv(|v| (v - low) / range)
}

fn in_channels(pixels: Array3<f32>, channels: usize) -> anyhow::Result<Array3<f32>> {
    let has = pixels.len_of(Axis(0));
    Ok(match (has, channels) {
        (a, b) if a == b => pixels,
        (3, 1) => {
            let mut grey = Array3::zeros((1, pixels.len_of(Axis(1)), pixels.len_of(Axis(2))));
            for (plane, weight) in pixels.outer_iter().zip(LUMA) {
                grey.index_axis_mut(Axis(0), 0).scaled_add(weight, &plane);
            }
            grey
        }
        (1, 3) => {
            let plane = pixels.index_axis(Axis(0), 0);
            ndarray::stack(Axis(0), &[plane, plane, plane])?
        }
        _ => anyhow::bail!("it has {has} channels, the network {channels}"),
    })
}

/// The files of a folder in order of their names; `deep` of those below it, too. What begins with a dot is left out.
pub fn files_in(folder: &Path, deep: bool) -> anyhow::Result<Vec<PathBuf>> {
    let list = || format!("cannot list {}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(list)? {
        let path = entry.with_context(list)?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if !path.is_dir() {
            files.push(path);
        } else if deep {
            files.append(&mut files_in(&path, true)?);
        }
    }
    files.sort();
    Ok(files)
}
