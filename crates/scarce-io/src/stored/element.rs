//! Voxel types in files.

/// A voxel type in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredType {
    Bool,
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
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whether it holds integers that an f32 does not.
    pub(crate) fn is_long_integer(self) -> bool {
        matches!(self, Self::U32 | Self::I32 | Self::U64 | Self::I64)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
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

/// Calls `$run!(type)` with the Rust type of a [`StoredType`].
macro_rules! for_stored_type {
    ($stored:expr, $run:ident) => {
        match $stored {
            StoredType::Bool | StoredType::U8 => $run!(u8),
            StoredType::I8 => $run!(i8),
            StoredType::U16 => $run!(u16),
            StoredType::I16 => $run!(i16),
            StoredType::U32 => $run!(u32),
            StoredType::I32 => $run!(i32),
            StoredType::U64 => $run!(u64),
            StoredType::I64 => $run!(i64),
            StoredType::F32 => $run!(f32),
            StoredType::F64 => $run!(f64),
        }
    };
}
pub(crate) use for_stored_type;
