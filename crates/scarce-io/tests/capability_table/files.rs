//! Small files of every type and compression that can be made here: 3 × 4 × 5 voxels that count up.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use image::{DynamicImage, GrayImage, ImageFormat};
use scarce_io::ReadOptions;
use zip::write::SimpleFileOptions;

use crate::slice::Slice;

pub const SHAPE_ZYX: [usize; 3] = [3, 4, 5];
const VOXELS: usize = 60;

pub const KINDS: [&str; 13] = [
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
    "bool",
    "single bits",
    "complex64",
];

pub const COMPRESSIONS: [&str; 11] = [
    "none",
    "raw",
    "gzip",
    "gzip of several members",
    "zlib",
    "deflate",
    "shuffle",
    "RLE",
    "JPEG (8-bit and lossless)",
    "JPEG-LS (grey)",
    "JPEG 2000",
];

/// A file to read.
pub struct Example {
    pub path: PathBuf,
    pub options: ReadOptions,
    /// Whether its voxels count from 0 to 59; the golden ones are compared elsewhere.
    pub counted: bool,
}

/// The file of a format, if there is one of that type and compression.
pub fn examples(format: &str, kind: &str, compression: &str, folder: &Path) -> Option<Example> {
    let place = folder.join(format!("{format} {kind} {compression}").replace(['`', '/'], ""));
    fs::create_dir_all(&place).unwrap();
    match format {
        "NIfTI-1" | "NIfTI-1 pair" | "NIfTI-2" => nifti(format, kind, compression, &place),
        "NRRD" | "NRRD detached" => nrrd(format, kind, compression, &place),
        "`MetaImage`" => meta_image(kind, compression, &place),
        "NPY" | "NPZ" => numpy(format, kind, compression, &place),
        "HDF5" => hdf5(kind, compression),
        "DICOM" => dicom(kind, compression, &place),
        _ => None,
    }
}

fn counted(path: PathBuf) -> Example {
    Example {
        path,
        options: ReadOptions::default(),
        counted: true,
    }
}

/// The voxels, little-endian.
fn voxels(kind: &str) -> Option<Vec<u8>> {
    macro_rules! encoded {
        ($type:ty) => {
            (0..VOXELS)
                .flat_map(|k| (k as $type).to_le_bytes())
                .collect()
        };
    }
    Some(match kind {
        "int8" | "uint8" => encoded!(u8),
        "int16" | "uint16" => encoded!(u16),
        "int32" | "uint32" => encoded!(u32),
        "int64" | "uint64" => encoded!(u64),
        "float32" => encoded!(f32),
        "float64" => encoded!(f64),
        "bool" => (0..VOXELS).map(|k| (k % 2) as u8).collect(),
        "complex64" => vec![0; 8 * VOXELS],
        _ => return None,
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn nifti(format: &str, kind: &str, compression: &str, place: &Path) -> Option<Example> {
    let code = match kind {
        "uint8" => 2i16,
        "int16" => 4,
        "int32" => 8,
        "float32" => 16,
        "complex64" => 32,
        "float64" => 64,
        "int8" => 256,
        "uint16" => 512,
        "uint32" => 768,
        "int64" => 1024,
        "uint64" => 1280,
        _ => return None,
    };
    let data = voxels(kind)?;
    let bits = (8 * data.len() / VOXELS) as i16;
    let version_2 = format == "NIfTI-2";
    let pair = format == "NIfTI-1 pair";
    let mut header = vec![0; if version_2 { 544 } else { 352 }];
    let length = header.len();
    let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
    let dim = [3, 5, 4, 3, 1, 1, 1, 1];
    if version_2 {
        put(0, &540i32.to_le_bytes());
        put(4, b"n+2\0\r\n\x1a\n");
        put(12, &code.to_le_bytes());
        put(14, &bits.to_le_bytes());
        for (k, n) in dim.iter().enumerate() {
            put(16 + 8 * k, &i64::from(*n).to_le_bytes());
            put(104 + 8 * k, &1f64.to_le_bytes());
        }
        put(168, &(length as i64).to_le_bytes());
    } else {
        put(0, &348i32.to_le_bytes());
        for (k, n) in dim.iter().enumerate() {
            put(40 + 2 * k, &(*n as i16).to_le_bytes());
            put(76 + 4 * k, &1f32.to_le_bytes());
        }
        put(70, &code.to_le_bytes());
        put(72, &bits.to_le_bytes());
        put(108, &if pair { 0f32 } else { length as f32 }.to_le_bytes());
        put(344, if pair { b"ni1\0" } else { b"n+1\0" });
    }
    let packed = |bytes: &[u8]| match compression {
        "none" => Some(bytes.to_vec()),
        "gzip" => Some(gzip(bytes)),
        "gzip of several members" => {
            let (a, b) = bytes.split_at(bytes.len() / 3);
            Some([gzip(a), gzip(b)].concat())
        }
        _ => None,
    };
    let path = place.join(if pair { "a.hdr" } else { "a.nii" });
    if pair {
        fs::write(&path, packed(&header[..348])?).unwrap();
        fs::write(place.join("a.img"), packed(&data)?).unwrap();
    } else {
        fs::write(&path, packed(&[header, data].concat())?).unwrap();
    }
    Some(counted(path))
}

fn nrrd(format: &str, kind: &str, compression: &str, place: &Path) -> Option<Example> {
    let kind_name = match kind {
        "float32" => "float",
        "float64" => "double",
        "bool" => return None,
        other => other,
    };
    let data = match compression {
        "raw" => voxels(kind)?,
        "gzip" => gzip(&voxels(kind)?),
        _ => return None,
    };
    let detached = format == "NRRD detached";
    let data_file = if detached { "data file: a.raw\n" } else { "" };
    let header = format!(
        "NRRD0004\ntype: {kind_name}\ndimension: 3\nsizes: 5 4 3\nspace: left-posterior-superior\n\
         space directions: (1,0,0) (0,1,0) (0,0,1)\nendian: little\nencoding: {compression}\n{data_file}\n"
    );
    let path = place.join(if detached { "a.nhdr" } else { "a.nrrd" });
    if detached {
        fs::write(place.join("a.raw"), data).unwrap();
        fs::write(&path, header).unwrap();
    } else {
        fs::write(&path, [header.as_bytes(), &data].concat()).unwrap();
    }
    Some(counted(path))
}

fn meta_image(kind: &str, compression: &str, place: &Path) -> Option<Example> {
    let kind_name = match kind {
        "int8" => "MET_CHAR",
        "uint8" => "MET_UCHAR",
        "int16" => "MET_SHORT",
        "uint16" => "MET_USHORT",
        "int32" => "MET_INT",
        "uint32" => "MET_UINT",
        "int64" => "MET_LONG_LONG",
        "uint64" => "MET_ULONG_LONG",
        "float32" => "MET_FLOAT",
        "float64" => "MET_DOUBLE",
        "complex64" => "MET_FLOAT_ARRAY",
        _ => return None,
    };
    let data = match compression {
        "none" => voxels(kind)?,
        "zlib" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&voxels(kind)?).unwrap();
            encoder.finish().unwrap()
        }
        _ => return None,
    };
    let compressed = if compression == "zlib" {
        "True"
    } else {
        "False"
    };
    let header = format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n\
         CompressedData = {compressed}\nDimSize = 5 4 3\nElementType = {kind_name}\nElementDataFile = LOCAL\n"
    );
    let path = place.join("a.mha");
    fs::write(&path, [header.as_bytes(), &data].concat()).unwrap();
    Some(counted(path))
}

fn numpy(format: &str, kind: &str, compression: &str, place: &Path) -> Option<Example> {
    let code = match kind {
        "int8" => "|i1",
        "uint8" => "|u1",
        "int16" => "<i2",
        "uint16" => "<u2",
        "int32" => "<i4",
        "uint32" => "<u4",
        "int64" => "<i8",
        "uint64" => "<u8",
        "float32" => "<f4",
        "float64" => "<f8",
        "bool" => "|b1",
        "complex64" => "<c8",
        _ => return None,
    };
    let text = format!("{{'descr': '{code}', 'fortran_order': False, 'shape': (3, 4, 5), }}");
    let text = format!("{text:<117}\n");
    let length = (text.len() as u16).to_le_bytes();
    let data = voxels(kind)?;
    let array = [b"\x93NUMPY\x01\0", &length[..], text.as_bytes(), &data[..]].concat();
    if format == "NPY" {
        let path = place.join("a.npy");
        fs::write(&path, (compression == "none").then_some(array)?).unwrap();
        return Some(counted(path));
    }
    let method = match compression {
        "none" => zip::CompressionMethod::Stored,
        "deflate" => zip::CompressionMethod::Deflated,
        _ => return None,
    };
    let path = place.join("a.npz");
    let mut archive = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(method);
    archive.start_file("image.npy", options).unwrap();
    archive.write_all(&array).unwrap();
    archive.finish().unwrap();
    Some(counted(path))
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// Arrays of `golden/types.h5`: its axes run the other way round, so these count otherwise.
fn hdf5(kind: &str, compression: &str) -> Option<Example> {
    let array = match (kind, compression) {
        ("bool" | "single bits" | "complex64", _) => return None,
        (kind, "none") => kind,
        ("int64", "gzip") => "gzip",
        ("int64", "shuffle") => "shuffle",
        _ => return None,
    };
    Some(Example {
        path: golden("types.h5"),
        options: ReadOptions::default().with_dataset(array),
        counted: false,
    })
}

fn dicom(kind: &str, compression: &str, place: &Path) -> Option<Example> {
    let golden_one = |name| {
        Some(Example {
            path: golden(name),
            options: ReadOptions::default(),
            counted: false,
        })
    };
    match (kind, compression) {
        ("int16", "deflate") => return golden_one("deflated.dcm"),
        ("int16", "RLE") => return golden_one("rle.dcm"),
        ("int16", "JPEG (8-bit and lossless)") => return golden_one("jpeg-lossless.dcm"),
        ("uint8", "JPEG (8-bit and lossless)") => return Some(grey_jpeg(place)),
        ("int16", "JPEG-LS (grey)") => return golden_one("jpeg-ls.dcm"),
        ("int16", "JPEG 2000") => return golden_one("jpeg2000.dcm"),
        (_, "none") => {}
        _ => return None,
    }
    let bits: u16 = kind
        .trim_start_matches(|c: char| c.is_alphabetic())
        .parse()
        .unwrap_or(1);
    for z in 0..SHAPE_ZYX[0] {
        let pixels = 20 * z..20 * (z + 1);
        let mut slice = Slice::at(2.0 * z as f64)
            .with(tags::ROWS, VR::US, 4u16)
            .with(tags::COLUMNS, VR::US, 5u16)
            .with(tags::RESCALE_INTERCEPT, VR::DS, "0")
            .with(tags::BITS_ALLOCATED, VR::US, bits)
            .with(tags::BITS_STORED, VR::US, bits)
            .with(tags::HIGH_BIT, VR::US, bits - 1)
            .with(
                tags::PIXEL_REPRESENTATION,
                VR::US,
                u16::from(kind.starts_with('i')),
            );
        slice = match kind {
            "float32" => {
                let values: Vec<f32> = pixels.map(|k| k as f32).collect();
                slice.with(
                    tags::FLOAT_PIXEL_DATA,
                    VR::OF,
                    PrimitiveValue::F32(values.into()),
                )
            }
            "float64" => {
                let values: Vec<f64> = pixels.map(|k| k as f64).collect();
                slice.with(
                    tags::DOUBLE_FLOAT_PIXEL_DATA,
                    VR::OD,
                    PrimitiveValue::F64(values.into()),
                )
            }
            "single bits" => {
                let bytes = vec![0b1010_1010, 0b1010_1010, 0b1010, 0];
                slice.with(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()))
            }
            "bool" | "complex64" => return None,
            _ => {
                let bytes = voxels(kind)?;
                let width = bytes.len() / VOXELS;
                let bytes = bytes[pixels.start * width..pixels.end * width].to_vec();
                slice.with(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()))
            }
        };
        slice.write(&place.join(format!("{z}.dcm")));
    }
    Some(counted(place.to_owned()))
}

fn grey_jpeg(place: &Path) -> Example {
    let mut stream = Cursor::new(Vec::new());
    DynamicImage::ImageLuma8(GrayImage::new(4, 3))
        .write_to(&mut stream, ImageFormat::Jpeg)
        .unwrap();
    let path = place.join("a.dcm");
    Slice::at(0.0)
        .with(tags::BITS_ALLOCATED, VR::US, 8u16)
        .with(tags::BITS_STORED, VR::US, 8u16)
        .with(tags::HIGH_BIT, VR::US, 7u16)
        .compressed(uids::JPEG_BASELINE8_BIT, vec![stream.into_inner()])
        .write(&path);
    Example {
        path,
        options: ReadOptions::default(),
        counted: false,
    }
}
