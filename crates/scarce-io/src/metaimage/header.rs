//! The header: lines up to `ElementDataFile`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use glam::{DAffine3, DMat3, DVec3};
use scarce_image::Geometry;

use crate::IoError;
use crate::content::file_beside;
use crate::error::At;
use crate::stored::{Layout, StoredType, read_up_to};

/// Headers beyond this are no headers.
const MAX_HEADER_BYTES: usize = 1 << 16;

/// Keys and values, the keys as `MetaIO` spells them.
#[derive(Debug)]
pub(super) struct MetaHeader(BTreeMap<String, String>);

/// Where the voxels are.
pub(super) enum DataFile {
    Local,
    Beside(PathBuf),
}

/// Reads the header; the stream then stands behind the line of `ElementDataFile`.
pub(super) fn read_header(stream: &mut dyn Read, path: &Path) -> Result<MetaHeader, IoError> {
    let at = At(path);
    let mut fields = BTreeMap::new();
    let mut length = 0;
    loop {
        let mut line = Vec::new();
        // Byte by byte, not to read into the data; the stream is buffered.
        loop {
            let byte = read_up_to(stream, 1, path)?;
            match byte.first() {
                Some(b'\n') => break,
                Some(byte) => line.push(*byte),
                // A header alone, its data elsewhere, may end without a line break.
                None if line.is_empty() => return Err(at.truncated("header", length + 1, length)),
                None => break,
            }
            length += 1;
            if length > MAX_HEADER_BYTES {
                let expected = "ElementDataFile within 64 KiB";
                return Err(at.header("header", expected, "none"));
            }
        }
        let text = String::from_utf8_lossy(&line);
        let Some((key, value)) = text.split_once('=') else {
            if text.trim().is_empty() {
                continue;
            }
            return Err(at.header("header", "lines of key = value", text.escape_debug()));
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        let last = key == "ElementDataFile";
        if let Some(first) = fields.insert(key.clone(), value.clone())
            && first != value
        {
            return Err(at.header(&key, "one value", format!("{first} and {value}")));
        }
        if last {
            return Ok(MetaHeader(fields));
        }
    }
}

impl MetaHeader {
    pub(super) fn layout(&self, path: &Path) -> Result<Layout, IoError> {
        let at = At(path);
        if let Some(kind) = self.get(&["ObjectType"])
            && !kind.eq_ignore_ascii_case("image")
        {
            return Err(at.unsupported(format!("MetaIO object {kind:?}")));
        }
        let channels = self.get(&["ElementNumberOfChannels"]).unwrap_or("1");
        if channels != "1" {
            return Err(at.unsupported(format!("MetaImage of {channels} channels")));
        }
        if self.flag("BinaryData", at)? == Some(false) {
            return Err(at.unsupported("MetaImage with its voxels as text"));
        }
        let dimensions = self.required("NDims", at)?;
        let sizes = self.numbers(&["DimSize"], at)?;
        let sizes = sizes.ok_or_else(|| at.header("DimSize", "a value", "nothing"))?;
        let whole = |n: &f64| n.fract() == 0.0 && (1.0..=2f64.powi(31)).contains(n);
        if sizes.len().to_string() != dimensions || !sizes.iter().all(whole) {
            let expected = "a positive integer for each of NDims";
            return Err(at.header("DimSize", expected, format!("{sizes:?}")));
        }
        let sizes: Vec<usize> = sizes.iter().map(|n| *n as usize).collect();
        let (shape_xyz, frames) = match sizes[..] {
            [x, y] => ([x, y, 1], 1),
            [x, y, z] => ([x, y, z], 1),
            [x, y, z, frames] => ([x, y, z], frames),
            _ => return Err(at.unsupported(format!("MetaImage of {dimensions} dimensions"))),
        };
        let type_name = self.required("ElementType", at)?;
        let stored = stored_type(type_name)
            .ok_or_else(|| at.unsupported(format!("MetaImage element type {type_name:?}")))?;
        let order = match self.flag("BinaryDataByteOrderMSB", at)? {
            Some(order) => Some(order),
            None => self.flag("ElementByteOrderMSB", at)?,
        };
        Ok(Layout {
            shape_xyz,
            frames,
            geometry: self.geometry(sizes.len(), at)?,
            stored,
            big_endian: order.unwrap_or(false),
            slope: 1.0,
            intercept: 0.0,
        })
    }

    /// `MetaImage`'s world is LPS; `TransformMatrix` lists the direction of each axis in turn.
    fn geometry(&self, dimensions: usize, at: At<'_>) -> Result<Geometry, IoError> {
        let spacing = self
            .numbers(&["ElementSpacing", "ElementSize"], at)?
            .unwrap_or_else(|| vec![1.0; dimensions]);
        let offset = self
            .numbers(&["Offset", "Position", "Origin"], at)?
            .unwrap_or_else(|| vec![0.0; dimensions]);
        let matrix = self.numbers(&["TransformMatrix", "Rotation", "Orientation"], at)?;
        let matrix = matrix.unwrap_or_else(|| {
            (0..dimensions * dimensions)
                .map(|k| f64::from(u8::from(k % (dimensions + 1) == 0)))
                .collect()
        });
        for (name, values, expected) in [
            ("ElementSpacing", &spacing, dimensions),
            ("Offset", &offset, dimensions),
            ("TransformMatrix", &matrix, dimensions * dimensions),
        ] {
            if values.len() != expected {
                let got = format!("{values:?} for {dimensions} dimensions");
                return Err(at.header(name, "as many numbers as NDims asks for", got));
            }
        }
        // A slice has no depth; an axis beyond space has no direction.
        let value = |values: &[f64], k: usize, default: f64| {
            if k < dimensions { values[k] } else { default }
        };
        let lps = DVec3::new(-1.0, -1.0, 1.0);
        let axis = |axis: usize| {
            let unit = |k: usize| f64::from(u8::from(k == axis));
            let along = |k: usize| {
                if axis < dimensions && k < dimensions {
                    matrix[axis * dimensions + k]
                } else {
                    unit(k)
                }
            };
            DVec3::new(along(0), along(1), along(2)) * value(&spacing, axis, 1.0) * lps
        };
        let origin = [0, 1, 2].map(|k| value(&offset, k, 0.0));
        Geometry::new(DAffine3 {
            matrix3: DMat3::from_cols(axis(0), axis(1), axis(2)),
            translation: DVec3::from_array(origin) * lps,
        })
        .map_err(|source| at.geometry(source))
    }

    pub(super) fn is_compressed(&self, path: &Path) -> Result<bool, IoError> {
        Ok(self.flag("CompressedData", At(path))?.unwrap_or(false))
    }

    pub(super) fn data_file(&self, path: &Path) -> Result<DataFile, IoError> {
        let at = At(path);
        let name = self.required("ElementDataFile", at)?;
        if name.eq_ignore_ascii_case("LOCAL") {
            return Ok(DataFile::Local);
        }
        if name.starts_with("LIST") || name.contains('%') {
            return Err(at.unsupported("MetaImage whose voxels lie in several files"));
        }
        file_beside(path, name).map(DataFile::Beside)
    }

    /// `HeaderSize`; −1, by which the voxels are what lies at the end of a file of any length, is
    /// refused: such a file cannot be known to be whole.
    pub(super) fn bytes_before_voxels(&self, path: &Path) -> Result<usize, IoError> {
        let at = At(path);
        match self.get(&["HeaderSize"]) {
            None => Ok(0),
            Some("-1") => Err(at.unsupported("MetaImage with HeaderSize = -1")),
            Some(text) => {
                let count = text.parse();
                count.map_err(|_| at.header("HeaderSize", "a number from 0", text))
            }
        }
    }

    fn get(&self, names: &[&str]) -> Option<&str> {
        names
            .iter()
            .find_map(|name| self.0.get(*name))
            .map(String::as_str)
    }

    fn required(&self, name: &str, at: At<'_>) -> Result<&str, IoError> {
        self.get(&[name])
            .ok_or_else(|| at.header(name, "a value", "nothing"))
    }

    fn flag(&self, name: &str, at: At<'_>) -> Result<Option<bool>, IoError> {
        match self.get(&[name]) {
            None => Ok(None),
            Some(text) => match text.to_lowercase().as_str() {
                "true" | "t" | "1" => Ok(Some(true)),
                "false" | "f" | "0" => Ok(Some(false)),
                _ => Err(at.header(name, "True or False", text)),
            },
        }
    }

    fn numbers(&self, names: &[&str], at: At<'_>) -> Result<Option<Vec<f64>>, IoError> {
        let Some(text) = self.get(names) else {
            return Ok(None);
        };
        let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
        numbers
            .map(Some)
            .map_err(|_| at.header(names[0], "numbers", text))
    }
}

fn stored_type(name: &str) -> Option<StoredType> {
    Some(match name {
        "MET_CHAR" => StoredType::I8,
        "MET_UCHAR" => StoredType::U8,
        "MET_SHORT" => StoredType::I16,
        "MET_USHORT" => StoredType::U16,
        "MET_INT" | "MET_LONG" => StoredType::I32,
        "MET_UINT" | "MET_ULONG" => StoredType::U32,
        "MET_LONG_LONG" => StoredType::I64,
        "MET_ULONG_LONG" => StoredType::U64,
        "MET_FLOAT" => StoredType::F32,
        "MET_DOUBLE" => StoredType::F64,
        _ => return None,
    })
}
