//! Voxels as a file stores them, before they become a volume.

use std::io::Read;
use std::path::Path;

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};

use crate::{IoError, NonFinitePolicy, ReadOptions};

/// A voxel type in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl StoredType {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }
}

/// What a header says of the voxels that follow it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub shape_xyz: [usize; 3],
    pub geometry: Geometry,
    pub stored: StoredType,
    pub big_endian: bool,
    /// value = slope · stored + intercept
    pub slope: f64,
    pub intercept: f64,
}

impl Layout {
    /// Bytes of all voxels, checked against the budget before anything is allocated: the bytes
    /// themselves and the f32 volume made of them.
    fn data_bytes(&self, options: &ReadOptions, path: &Path) -> Result<usize, IoError> {
        let voxels: u128 = self.shape_xyz.iter().map(|n| *n as u128).product();
        let needed = voxels * (self.stored.bytes() as u128 + 4);
        if needed > u128::from(options.max_alloc_bytes) {
            return Err(IoError::Budget {
                needed,
                budget: options.max_alloc_bytes,
                path: path.to_owned(),
            });
        }
        Ok(voxels as usize * self.stored.bytes())
    }

    /// Reads exactly the voxels from `reader`, which must end behind them.
    pub(crate) fn read_data(
        &self,
        reader: &mut dyn Read,
        options: &ReadOptions,
        path: &Path,
    ) -> Result<Vec<u8>, IoError> {
        let expected = self.data_bytes(options, path)?;
        let data = read_up_to(reader, expected, path)?;
        if data.len() < expected {
            return Err(IoError::Truncated {
                what: "voxels",
                expected: expected as u64,
                got: data.len() as u64,
                path: path.to_owned(),
            });
        }
        // Reading on to the end is also what makes the decoder check the stream's checksum.
        if !read_up_to(reader, 1, path)?.is_empty() {
            return Err(IoError::Trailing {
                expected: expected as u64,
                path: path.to_owned(),
            });
        }
        Ok(data)
    }

    fn shape_zyx(&self) -> (usize, usize, usize) {
        let [x, y, z] = self.shape_xyz;
        (z, y, x)
    }

    /// The voxels with slope and intercept applied.
    pub(crate) fn volume(
        &self,
        data: &[u8],
        options: &ReadOptions,
        path: &Path,
    ) -> Result<Volume<f32>, IoError> {
        let identity = self.slope == 1.0 && self.intercept == 0.0;
        let mut values = Vec::with_capacity(data.len() / self.stored.bytes());
        if identity {
            self.for_each(data, |v| values.push(v as f32));
        } else {
            self.for_each(data, |v| {
                values.push((self.slope * v + self.intercept) as f32);
            });
        }
        self.apply_policy(&mut values, options.non_finite, path)?;
        Ok(Volume::new(self.array(values, path)?, self.geometry))
    }

    /// The voxels as labels.
    pub(crate) fn labels(&self, data: &[u8], path: &Path) -> Result<LabelMap, IoError> {
        let mut values = Vec::with_capacity(data.len() / self.stored.bytes());
        let mut fault = None;
        self.for_each(data, |v| {
            let value = self.slope * v + self.intercept;
            if (0.0..=65535.0).contains(&value) && value.fract() == 0.0 {
                values.push(value as u16);
            } else {
                fault.get_or_insert((values.len(), value));
                values.push(0);
            }
        });
        match fault {
            Some((index, value)) => Err(IoError::Label {
                value,
                at_zyx: self.position(index),
                path: path.to_owned(),
            }),
            None => Ok(LabelMap::new(self.array(values, path)?, self.geometry)),
        }
    }

    fn array<T>(&self, values: Vec<T>, path: &Path) -> Result<Array3<T>, IoError> {
        let got = values.len();
        Array3::from_shape_vec(self.shape_zyx(), values).map_err(|_| IoError::Header {
            field: "shape".to_owned(),
            expected: "as many voxels as data",
            got: format!("{:?} for {got} values", self.shape_xyz),
            path: path.to_owned(),
        })
    }

    fn apply_policy(
        &self,
        values: &mut [f32],
        policy: NonFinitePolicy,
        path: &Path,
    ) -> Result<(), IoError> {
        if policy == NonFinitePolicy::Keep {
            return Ok(());
        }
        let count = values.iter().filter(|v| !v.is_finite()).count();
        if count == 0 {
            return Ok(());
        }
        if let NonFinitePolicy::Replace(value) = policy {
            tracing::warn!(
                "{count} voxels that were not finite are now {value}: {}",
                path.display()
            );
            values
                .iter_mut()
                .filter(|v| !v.is_finite())
                .for_each(|v| *v = value);
            return Ok(());
        }
        let first = values.iter().position(|v| !v.is_finite()).unwrap_or(0);
        Err(IoError::NonFinite {
            count,
            first_zyx: self.position(first),
            path: path.to_owned(),
        })
    }

    fn position(&self, index: usize) -> [usize; 3] {
        let [nx, ny, _] = self.shape_xyz;
        [index / (nx * ny), index / nx % ny, index % nx]
    }

    #[allow(
        clippy::cast_lossless,
        reason = "one macro serves types that are lossless and not"
    )]
    fn for_each(&self, data: &[u8], mut f: impl FnMut(f64)) {
        macro_rules! each {
            ($type:ty) => {{
                for chunk in data.chunks_exact(size_of::<$type>()) {
                    let mut bytes = [0; size_of::<$type>()];
                    bytes.copy_from_slice(chunk);
                    let value = if self.big_endian {
                        <$type>::from_be_bytes(bytes)
                    } else {
                        <$type>::from_le_bytes(bytes)
                    };
                    f(value as f64);
                }
            }};
        }
        match self.stored {
            StoredType::U8 => each!(u8),
            StoredType::I8 => each!(i8),
            StoredType::U16 => each!(u16),
            StoredType::I16 => each!(i16),
            StoredType::U32 => each!(u32),
            StoredType::I32 => each!(i32),
            StoredType::U64 => each!(u64),
            StoredType::I64 => each!(i64),
            StoredType::F32 => each!(f32),
            StoredType::F64 => each!(f64),
        }
    }
}

/// At most `limit` bytes, fewer only at the end of the stream.
pub(crate) fn read_up_to(
    reader: &mut dyn Read,
    limit: usize,
    path: &Path,
) -> Result<Vec<u8>, IoError> {
    let mut bytes = Vec::new();
    reader
        .take(limit as u64)
        .read_to_end(&mut bytes)
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::InvalidInput
            | std::io::ErrorKind::InvalidData
            | std::io::ErrorKind::UnexpectedEof => IoError::Compression {
                message: source.to_string(),
                path: path.to_owned(),
            },
            _ => IoError::System {
                what: "cannot read",
                source,
                path: path.to_owned(),
            },
        })?;
    Ok(bytes)
}
