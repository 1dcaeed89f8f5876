//! The header: text lines up to an empty one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use glam::{DAffine3, DMat3, DVec3};
use scarce_image::Geometry;

use crate::IoError;
use crate::content::file_beside;
use crate::error::At;
use crate::stored::{Layout, StoredType};

/// Headers beyond this are no headers.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// Fields (`key: value`) and key/value pairs (`key:=value`).
#[derive(Debug)]
pub(crate) struct NrrdHeader {
    fields: BTreeMap<String, String>,
    pairs: BTreeMap<String, String>,
}

/// Reads the header; the stream then stands at the data.
pub(crate) fn read_header(stream: &mut dyn Read, path: &Path) -> Result<NrrdHeader, IoError> {
    let mut text = Vec::new();
    let mut byte = [0];
    // Byte by byte, not to read into the data; the stream is buffered.
    while !(text.ends_with(b"\n\n") || text.ends_with(b"\n\r\n")) {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            Ok(_) => {
                return Err(IoError::Truncated {
                    what: "header",
                    expected: text.len() as u64 + 1,
                    got: text.len() as u64,
                    path: path.to_owned(),
                });
            }
            Err(source) => {
                return Err(IoError::System {
                    what: "cannot read",
                    source,
                    path: path.to_owned(),
                });
            }
        }
        if text.len() > MAX_HEADER_BYTES {
            return Err(IoError::Header {
                field: "header".to_owned(),
                expected: "an empty line within 1 MiB",
                got: "none".to_owned(),
                path: path.to_owned(),
            });
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mut header = NrrdHeader {
        fields: BTreeMap::new(),
        pairs: BTreeMap::new(),
    };
    for line in text.lines().skip(1).filter(|line| !line.starts_with('#')) {
        if let Some((key, value)) = line.split_once(":=") {
            header
                .pairs
                .insert(key.trim().to_owned(), value.trim().to_owned());
        } else if let Some((key, value)) = line.split_once(':') {
            header
                .fields
                .insert(key.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    Ok(header)
}

impl NrrdHeader {
    /// Shape, type and geometry.
    pub(crate) fn layout(&self, path: &Path) -> Result<Layout, IoError> {
        let at = At(path);
        let (shape_xyz, frames) = self.shape(at)?;
        let type_name = self.field("type", at)?;
        let stored = stored_type(type_name)
            .ok_or_else(|| at.unsupported(format!("NRRD type {type_name:?}")))?;
        let big_endian = match (
            self.fields.get("endian").map(String::as_str),
            stored.bytes(),
        ) {
            (Some("little"), _) | (None, 1) => false,
            (Some("big"), _) => true,
            (found, _) => {
                return Err(at.header("endian", "little or big", found.unwrap_or("nothing")));
            }
        };
        Ok(Layout {
            shape_xyz,
            frames,
            geometry: self.geometry(at)?,
            stored,
            big_endian,
            slope: 1.0,
            intercept: 0.0,
        })
    }

    /// Sizes along the axes of space, and how many volumes a last axis outside of space holds. A
    /// single slice is a volume of one.
    fn shape(&self, at: At<'_>) -> Result<([usize; 3], usize), IoError> {
        let dimension = self.field("dimension", at)?;
        let sizes = self.field("sizes", at)?;
        let numbers: Option<Vec<usize>> = sizes
            .split_whitespace()
            .map(|n| n.parse().ok().filter(|n| *n > 0))
            .collect();
        let shape = numbers
            .filter(|shape| shape.len().to_string() == dimension)
            .ok_or_else(|| at.header("sizes", "a positive integer for each dimension", sizes))?;
        let first_is_spatial = self
            .fields
            .get("space directions")
            .is_none_or(|directions| directions.trim_start().starts_with('('));
        match shape[..] {
            [x, y, z] => Ok(([x, y, z], 1)),
            [x, y, z, frames] if first_is_spatial => Ok(([x, y, z], frames)),
            [_, _, _, _] => {
                let what = "NRRD with several values a voxel (layers of a segmentation, colours)";
                Err(at.unsupported(what))
            }
            _ => Err(at.unsupported(format!("NRRD of dimension {dimension}"))),
        }
    }

    /// The file that holds the data, where that is another one.
    pub(crate) fn data_file(&self, path: &Path) -> Result<Option<PathBuf>, IoError> {
        let named = self.fields.get("data file").or(self.fields.get("datafile"));
        let Some(name) = named else { return Ok(None) };
        let at = At(path);
        if name.starts_with("LIST") || name.contains('%') {
            return Err(at.unsupported("NRRD whose data lie in several files"));
        }
        file_beside(path, name).map(Some)
    }

    /// Bytes to skip before the data.
    pub(crate) fn byte_skip(&self, path: &Path) -> Result<usize, IoError> {
        let at = At(path);
        for lines in ["line skip", "lineskip"] {
            if self.fields.get(lines).is_some_and(|n| n != "0") {
                return Err(at.unsupported("NRRD with a line skip"));
            }
        }
        match self.fields.get("byte skip").or(self.fields.get("byteskip")) {
            None => Ok(0),
            Some(text) => text
                .parse()
                .map_err(|_| at.header("byte skip", "a number from 0", text)),
        }
    }

    fn geometry(&self, at: At<'_>) -> Result<Geometry, IoError> {
        if !self.fields.contains_key("space") {
            return Err(at.unsupported("NRRD without a space, which lies nowhere,"));
        }
        let space = self.field("space", at)?;
        // Which way the file's world axes run, against right, anterior, superior.
        let signs = match space.to_lowercase().as_str() {
            "right-anterior-superior" | "ras" => DVec3::new(1.0, 1.0, 1.0),
            "left-anterior-superior" | "las" => DVec3::new(-1.0, 1.0, 1.0),
            "left-posterior-superior" | "lps" => DVec3::new(-1.0, -1.0, 1.0),
            other => return Err(at.unsupported(format!("NRRD space {other:?}"))),
        };
        let directions = self.field("space directions", at)?;
        let spatial = directions.trim_end().trim_end_matches("none");
        let columns = vectors(spatial)
            .filter(|columns| columns.len() == 3)
            .ok_or_else(|| at.header("space directions", "three vectors", directions))?;
        let origin = match self.fields.get("space origin") {
            None => DVec3::ZERO,
            Some(text) => match vectors(text).as_deref() {
                Some([origin]) => *origin,
                _ => return Err(at.header("space origin", "one vector", text)),
            },
        };
        let to_ras = DMat3::from_diagonal(signs);
        let affine = DAffine3 {
            matrix3: to_ras * DMat3::from_cols(columns[0], columns[1], columns[2]),
            translation: to_ras * origin,
        };
        Geometry::new(affine).map_err(|source| at.geometry(source))
    }

    /// Whether the data are gzipped.
    pub(crate) fn is_gzip(&self, path: &Path) -> Result<bool, IoError> {
        let at = At(path);
        match self.field("encoding", at)? {
            "raw" => Ok(false),
            "gzip" | "gz" => Ok(true),
            other => Err(at.unsupported(format!("NRRD encoding {other:?}"))),
        }
    }

    /// Names of a segmentation's labels (`Segment<n>_LabelValue`, `Segment<n>_Name`).
    pub(crate) fn segment_names(&self, path: &Path) -> Result<BTreeMap<u16, String>, IoError> {
        let mut names = BTreeMap::new();
        for (key, value) in &self.pairs {
            let Some(segment) = key.strip_suffix("_LabelValue") else {
                continue;
            };
            let label = value
                .parse()
                .map_err(|_| At(path).header(key, "an integer from 0 to 65535", value))?;
            if let Some(name) = self.pairs.get(&format!("{segment}_Name")) {
                names.insert(label, name.clone());
            }
        }
        Ok(names)
    }

    fn field(&self, name: &str, at: At<'_>) -> Result<&str, IoError> {
        self.fields
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| at.header(name, "a value", "nothing"))
    }
}

/// `(a,b,c) (d,e,f) …`
fn vectors(text: &str) -> Option<Vec<DVec3>> {
    text.split_whitespace()
        .map(|vector| {
            let inner = vector.strip_prefix('(')?.strip_suffix(')')?;
            let numbers: Vec<f64> = inner
                .split(',')
                .map(|n| n.trim().parse().ok())
                .collect::<Option<_>>()?;
            let [x, y, z] = numbers[..] else { return None };
            Some(DVec3::new(x, y, z))
        })
        .collect()
}

fn stored_type(name: &str) -> Option<StoredType> {
    Some(match name {
        "signed char" | "int8" | "int8_t" => StoredType::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => StoredType::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
            StoredType::I16
        }
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => {
            StoredType::U16
        }
        "int" | "signed int" | "int32" | "int32_t" => StoredType::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => StoredType::U32,
        "longlong" | "long long" | "signed long long" | "int64" | "int64_t" => StoredType::I64,
        "ulonglong" | "unsigned long long" | "uint64" | "uint64_t" => StoredType::U64,
        "float" => StoredType::F32,
        "double" => StoredType::F64,
        _ => return None,
    })
}
