//! One cached volume: a line of JSON, then the slices as little-endian f32.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glam::{DAffine3, DVec3};
use ndarray::{Array2, Array3, Axis};
use scarce_image::{Geometry, Volume};
use serde::{Deserialize, Serialize};

use crate::IoError;
use crate::error::{At, system};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    shape_zyx: [usize; 3],
    /// Columns of `world_from_voxel`: x, y, z, translation.
    world_from_voxel: [[f64; 3]; 4],
    /// BLAKE3 of each slice's bytes, in hexadecimal.
    slices: Vec<String>,
}

/// Of the entries that are written, and the only one that is read.
const VERSION: u32 = 1;

/// A longer header is none.
const MAX_HEADER_BYTES: u64 = 1 << 24;

/// A volume on disk of which slices are read when they are asked for, from several threads if need be.
/// It stays readable when its cache gives the entry's place to another.
#[derive(Debug, Clone)]
pub struct CachedVolume {
    path: PathBuf,
    file: Arc<File>,
    shape_zyx: [usize; 3],
    geometry: Geometry,
    checksums: Vec<String>,
    data_offset: u64,
}

impl CachedVolume {
    /// Opens an entry and checks its length.
    pub(super) fn open(path: &Path) -> Result<Self, IoError> {
        let file = File::open(path).map_err(system("cannot open", path))?;
        Self::of_file(file, path)
    }

    /// The entry in an open file.
    pub(super) fn of_file(mut file: File, path: &Path) -> Result<Self, IoError> {
        let at = At(path);
        let length = file.metadata().map_err(system("cannot open", path))?.len();
        let mut line = String::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| BufReader::new((&file).take(MAX_HEADER_BYTES)).read_line(&mut line))
            .map_err(system("cannot read", path))?;
        let damaged = |error: &dyn std::fmt::Display| at.header("cache entry", "its header", error);
        let header: Header = serde_json::from_str(&line).map_err(|error| damaged(&error))?;
        if header.version != VERSION {
            return Err(at.header("version", "1", header.version));
        }
        let [z, y, x] = header.shape_zyx;
        let bytes = (z as u128 * y as u128 * x as u128).saturating_mul(4) + line.len() as u128;
        if u128::from(length) != bytes || header.slices.len() != z {
            return Err(at.truncated("cache entry", bytes as usize, length as usize));
        }
        let [a, b, c, t] = header.world_from_voxel.map(DVec3::from_array);
        let geometry =
            Geometry::new(DAffine3::from_cols(a, b, c, t)).map_err(|source| at.geometry(source))?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            shape_zyx: header.shape_zyx,
            geometry,
            checksums: header.slices,
            data_offset: line.len() as u64,
        })
    }

    /// Writes `volume` as an entry.
    pub(super) fn write(volume: &Volume<f32>, out: &mut dyn Write) -> io::Result<()> {
        let affine = volume.geometry().world_from_voxel();
        let m = affine.matrix3;
        let slices = volume.voxels().axis_iter(Axis(0));
        let header = Header {
            version: VERSION,
            shape_zyx: volume.shape_zyx(),
            world_from_voxel: [m.x_axis, m.y_axis, m.z_axis, affine.translation]
                .map(|c| c.to_array()),
            slices: slices
                .clone()
                .map(|slice| checksum(&bytes(slice.iter())))
                .collect(),
        };
        serde_json::to_writer(&mut *out, &header).map_err(io::Error::other)?;
        out.write_all(b"\n")?;
        for slice in slices {
            out.write_all(&bytes(slice.iter()))?;
        }
        Ok(())
    }

    /// Voxels along z, y and x.
    pub fn shape_zyx(&self) -> [usize; 3] {
        self.shape_zyx
    }

    /// Where the voxels lie.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Reads one slice `(y, x)` and checks it.
    ///
    /// # Errors
    /// [`IoError::Header`] beyond the last slice, [`IoError::Compression`] for a changed one,
    /// [`IoError::System`].
    pub fn slice_z(&self, z: usize) -> Result<Array2<f32>, IoError> {
        let [nz, ny, nx] = self.shape_zyx;
        let at = At(&self.path);
        if z >= nz {
            return Err(at.header("slice", "a slice of the volume", format!("{z} of {nz}")));
        }
        let mut raw = vec![0; ny * nx * 4];
        let start = self.data_offset + (z * raw.len()) as u64;
        self.read_exact_at(&mut raw, start)
            .map_err(system("cannot read", &self.path))?;
        if checksum(&raw) != self.checksums[z] {
            return Err(IoError::Compression {
                message: format!("slice {z} does not have its checksum"),
                path: self.path.clone(),
            });
        }
        let values = raw
            .as_chunks()
            .0
            .iter()
            .map(|v| f32::from_le_bytes(*v))
            .collect();
        Array2::from_shape_vec((ny, nx), values)
            .map_err(|error| at.header("slice", "its shape", error))
    }

    /// Positioned reads share no cursor, so that threads need no lock.
    #[cfg(unix)]
    fn read_exact_at(&self, bytes: &mut [u8], start: u64) -> io::Result<()> {
        use std::os::unix::fs::FileExt as _;
        self.file.read_exact_at(bytes, start)
    }

    #[cfg(not(unix))]
    fn read_exact_at(&self, bytes: &mut [u8], start: u64) -> io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(bytes)
    }

    /// Reads all slices and checks them.
    ///
    /// # Errors
    /// As [`CachedVolume::slice_z`].
    pub fn volume(&self) -> Result<Volume<f32>, IoError> {
        let mut voxels = Array3::zeros(self.shape_zyx);
        for (z, mut slice) in voxels.axis_iter_mut(Axis(0)).enumerate() {
            slice.assign(&self.slice_z(z)?);
        }
        Ok(Volume::new(voxels, self.geometry))
    }
}

fn bytes<'a>(values: impl Iterator<Item = &'a f32>) -> Vec<u8> {
    values.flat_map(|v| v.to_le_bytes()).collect()
}

fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
