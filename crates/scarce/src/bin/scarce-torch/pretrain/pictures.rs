//! Folders of pictures with their regions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array3, Axis};
use scarce_io::{
    Format, Outline, ReadOptions, image_stem, images_in, read_image, read_image_with, read_via,
};
use serde::{Deserialize, Serialize};

/// A folder of pictures, and where their regions are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureFolder {
    /// The folder; pictures in folders below it count.
    pub images: PathBuf,
    /// Regions by the pictures' names, inside where they are not 0: `a/b.jpg` has `a/b.png`, or `b/region.png` or
    /// `a/b/region.png` as `scarce localize` writes it. Without this and `outlines` nothing matters more than the rest.
    #[serde(default)]
    pub regions: Option<PathBuf>,
    /// Outlines drawn with VIA, as JSON; a picture that it doesn't name has no region.
    #[serde(default)]
    pub outlines: Option<PathBuf>,
}

/// A picture on disk.
pub struct Picture {
    /// Its path below its folder, without the ending.
    pub id: String,
    path: PathBuf,
    region: RegionOf,
}

enum RegionOf {
    Nothing,
    File(PathBuf),
    Outlines(Vec<Outline>),
}

impl PictureFolder {
    /// Its pictures in order of their names.
    pub fn pictures(&self) -> anyhow::Result<Vec<Picture>> {
        anyhow::ensure!(
            self.regions.is_none() || self.outlines.is_none(),
            "data.pictures: `regions` and `outlines` are both given for {}",
            self.images.display()
        );
        let mut outlined = match &self.outlines {
            Some(path) => Some(outlines(path)?),
            None => None,
        };
        let mut paths = images_in(&self.images)?;
        paths.retain(|path| is_picture(path));
        anyhow::ensure!(
            !paths.is_empty(),
            "no picture (PNG, JPEG, TIFF) below {}",
            self.images.display()
        );
        let pictures = paths.into_iter().map(|path| {
            let below = path.strip_prefix(&self.images).unwrap_or(&path);
            let region = match (&self.regions, &mut outlined) {
                (Some(folder), _) => RegionOf::File(region_file(folder, below)?),
                (None, Some(outlines)) => {
                    let name = below.file_name().unwrap_or_default().to_string_lossy();
                    RegionOf::Outlines(outlines.remove(name.as_ref()).unwrap_or_default())
                }
                (None, None) => RegionOf::Nothing,
            };
            let id = below.with_extension("").display().to_string();
            Ok(Picture { id, path, region })
        });
        pictures.collect()
    }
}

impl Picture {
    /// Its pixels `(channel, y, x)` of 0 to 1, and its region `(y, x)`.
    pub fn read(&self) -> anyhow::Result<(Array3<f32>, Array2<bool>)> {
        let loaded = read_image_with(&self.path, &ReadOptions::default())?;
        let most = match loaded.provenance.stored_type {
            "uint8" => f32::from(u8::MAX),
            "uint16" if loaded.provenance.format != Format::Dicom => f32::from(u16::MAX),
            other => anyhow::bail!(
                "a picture of {other} has no scale of its own, expected 8 or 16 bits (a DICOM image goes with a \
                 window, among the volumes): {}",
                self.path.display()
            ),
        };
        let pixels = loaded.value.pixels();
        let size = [pixels.len_of(Axis(1)), pixels.len_of(Axis(2))];
        let region = match &self.region {
            RegionOf::Nothing => Array2::from_elem(size, false),
            RegionOf::Outlines(outlines) => {
                let mut region = Array2::from_elem(size, false);
                for outline in outlines {
                    region |= &outline.fill(size);
                }
                region
            }
            RegionOf::File(path) => {
                let region = read_image(path)?;
                let inside = region
                    .pixels()
                    .map_axis(Axis(0), |v| v.iter().any(|v| *v != 0.0));
                anyhow::ensure!(
                    inside.shape() == size,
                    "a region of {:?} pixels (y, x) for a picture of {size:?}: {}",
                    inside.shape(),
                    path.display()
                );
                inside
            }
        };
        Ok((pixels.mapv(|v| v / most), region))
    }
}

/// Outlines by the names of the pictures.
fn outlines(path: &Path) -> anyhow::Result<BTreeMap<String, Vec<Outline>>> {
    let files = read_via(path)?.into_iter();
    Ok(files
        .map(|file| {
            let outlines = file.outlines.into_iter().map(|(outline, _)| outline);
            (file.file_name, outlines.collect())
        })
        .collect())
}

fn region_file(folder: &Path, below: &Path) -> anyhow::Result<PathBuf> {
    let places = [
        folder.join(below.with_extension("png")),
        folder.join(below.with_extension("")).join("region.png"),
        folder.join(image_stem(below)).join("region.png"),
    ];
    match places.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => anyhow::bail!(
            "no region of {}: expected {} or {}",
            below.display(),
            places[0].display(),
            places[2].display()
        ),
    }
}

fn is_picture(path: &Path) -> bool {
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    ["png", "jpg", "jpeg", "tif", "tiff"].contains(&ending.as_str())
}
