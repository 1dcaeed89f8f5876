//! What a header says of the voxels behind it, and their conversion.

use std::io::Read;
use std::path::Path;

use ndarray::Array3;
use scarce_image::Geometry;

use super::blocks::{for_each_block, leave_out};
use super::element::for_stored_type;
use super::{NonFinite, StoredType};
use crate::error::At;
use crate::provenance::Warnings;
use crate::{IoError, ReadOptions};

/// Of voxels that an f32 does not hold.
pub(crate) const ROUNDED: &str = "integers beyond 2^24 were rounded to 32-bit floats";

/// What a header says of the voxels that follow it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub shape_xyz: [usize; 3],
    /// Volumes, one behind the other.
    pub frames: usize,
    pub geometry: Geometry,
    pub stored: StoredType,
    pub big_endian: bool,
    /// value = slope · stored + intercept
    pub slope: f64,
    pub intercept: f64,
}

impl Layout {
    /// The voxels of one frame, slope and intercept applied. Every frame is read, so that the file is
    /// known to be whole.
    pub(crate) fn volume(
        &self,
        reader: &mut (dyn Read + Send),
        options: &ReadOptions,
        warnings: &mut Warnings,
        path: &Path,
    ) -> Result<Array3<f32>, IoError> {
        let mut values: Vec<f32> = Vec::new();
        self.frame_bytes(options, path)?;
        // Growing step by step would copy; where there is no room at once it still may come to an end.
        if values
            .try_reserve_exact(self.shape_xyz.iter().product())
            .is_err()
        {
            tracing::debug!("no room for all voxels at once");
        }
        let (slope, intercept) = (self.slope, self.intercept);
        let identity = slope == 1.0 && intercept == 0.0;
        let mut non_finite = NonFinite::default();
        // Scaled integers may leave what an f32 holds; integers as they are can't.
        let may_be_non_finite = !identity || self.stored.is_float();
        let may_be_rounded = identity && self.stored.is_long_integer();
        let mut rounded = 0;
        self.read_frame(reader, options, path, |bytes| {
            let start = values.len();
            macro_rules! convert {
                ($type:ty) => {{
                    let stored = decode!($type, bytes, self.big_endian);
                    if may_be_rounded {
                        let is_rounded = |v: &$type| (*v as f32) as i128 != *v as i128;
                        rounded += stored.clone().filter(is_rounded).count();
                    }
                    if identity {
                        values.extend(stored.map(|v| v as f32));
                    } else {
                        values.extend(stored.map(|v| (slope * v as f64 + intercept) as f32));
                    }
                }};
            }
            #[allow(
                clippy::cast_lossless,
                reason = "one macro serves types that are lossless and not"
            )]
            {
                for_stored_type!(self.stored, convert);
            }
            if may_be_non_finite {
                non_finite.note(&values[start..], start);
            }
        })?;
        if rounded > 0 {
            warnings.add_many("rounded", ROUNDED, rounded);
        }
        let mut voxels = self.array(values, path)?;
        non_finite.settle(&mut voxels, options.non_finite, warnings, path)?;
        Ok(voxels)
    }

    /// The voxels of one frame as labels.
    pub(crate) fn labels(
        &self,
        reader: &mut (dyn Read + Send),
        options: &ReadOptions,
        path: &Path,
    ) -> Result<Array3<u16>, IoError> {
        let mut values: Vec<u16> = Vec::new();
        let (slope, intercept) = (self.slope, self.intercept);
        let mut fault = None;
        self.read_frame(reader, options, path, |bytes| {
            macro_rules! convert {
                ($type:ty) => {{
                    for v in decode!($type, bytes, self.big_endian) {
                        let value = slope * v as f64 + intercept;
                        if (0.0..=65535.0).contains(&value) && value.fract() == 0.0 {
                            values.push(value as u16);
                        } else {
                            fault.get_or_insert((values.len(), value));
                            values.push(0);
                        }
                    }
                }};
            }
            #[allow(
                clippy::cast_lossless,
                reason = "one macro serves types that are lossless and not"
            )]
            {
                for_stored_type!(self.stored, convert);
            }
        })?;
        match fault {
            Some((index, value)) => Err(IoError::Label {
                value,
                at_zyx: self.position(index),
                path: path.to_owned(),
            }),
            None => self.array(values, path),
        }
    }

    /// Reads the stream to its end, which must be the end of the last frame, and forgets the voxels.
    pub(crate) fn check_whole(
        &self,
        reader: &mut (dyn Read + Send),
        options: &ReadOptions,
        path: &Path,
    ) -> Result<(), IoError> {
        let options = ReadOptions {
            frame: Some(0),
            ..options.clone()
        };
        self.read_frame(reader, &options, path, |_| {})
    }

    /// Hands the bytes of the frame that is asked for to `take`.
    fn read_frame(
        &self,
        reader: &mut (dyn Read + Send),
        options: &ReadOptions,
        path: &Path,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), IoError> {
        let frame = options.frame_of(self.frames, path)?;
        let frame_bytes = self.frame_bytes(options, path)?;
        let expected = frame_bytes
            .checked_mul(self.frames)
            .ok_or_else(|| At(path).budget(u128::MAX, options.max_alloc_bytes))?;
        let (first, end) = (frame * frame_bytes, (frame + 1) * frame_bytes);
        let mut at = 0;
        let ending = for_each_block(reader, expected, path, |block| {
            // Frames start and end on whole voxels, and so does each part of a block.
            let from = first.clamp(at, at + block.len()) - at;
            let to = end.clamp(at, at + block.len()) - at;
            at += block.len();
            if from < to {
                take(&block[from..to]);
            }
        })?;
        if ending.got < expected {
            return Err(At(path).truncated("voxels", expected, ending.got));
        }
        if ending.goes_on {
            return Err(IoError::Trailing {
                expected: expected as u64,
                path: path.to_owned(),
            });
        }
        Ok(())
    }

    /// Bytes of one frame, checked against the budget: these and the f32 volume made of them.
    fn frame_bytes(&self, options: &ReadOptions, path: &Path) -> Result<usize, IoError> {
        let voxels: u128 = self.shape_xyz.iter().map(|n| *n as u128).product();
        let needed = voxels * (self.stored.bytes() as u128 + 4);
        if needed > u128::from(options.max_alloc_bytes) {
            return Err(At(path).budget(needed, options.max_alloc_bytes));
        }
        Ok(voxels as usize * self.stored.bytes())
    }

    fn array<T>(&self, values: Vec<T>, path: &Path) -> Result<Array3<T>, IoError> {
        let got = values.len();
        let [x, y, z] = self.shape_xyz;
        Array3::from_shape_vec((z, y, x), values).map_err(|_| {
            let got = format!("{:?} for {got} values", self.shape_xyz);
            At(path).header("shape", "as many voxels as data", got)
        })
    }

    fn position(&self, index: usize) -> [usize; 3] {
        let [nx, ny, _] = self.shape_xyz;
        [index / (nx * ny), index / nx % ny, index % nx]
    }

    /// Skips `count` bytes before the voxels.
    pub(crate) fn skip(
        reader: &mut dyn Read,
        count: usize,
        what: &'static str,
        path: &Path,
    ) -> Result<(), IoError> {
        let skipped = leave_out(reader, count, path)?;
        if skipped < count {
            return Err(At(path).truncated(what, count, skipped));
        }
        Ok(())
    }
}

/// The values of whole voxels in `bytes`.
macro_rules! decode {
    ($type:ty, $bytes:expr, $big_endian:expr) => {{
        let (voxels, _) = $bytes.as_chunks::<{ size_of::<$type>() }>();
        let big_endian = $big_endian;
        voxels.iter().map(move |voxel| {
            if big_endian {
                <$type>::from_be_bytes(*voxel)
            } else {
                <$type>::from_le_bytes(*voxel)
            }
        })
    }};
}
use decode;
