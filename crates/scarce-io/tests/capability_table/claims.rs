//! What the table says besides types and compressions.

use std::path::{Path, PathBuf};

use dicom_core::{PrimitiveValue, VR};
use dicom_dictionary_std::tags;
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgb, RgbImage};
use ndarray::Array2;
use scarce_io::{
    ReadOptions, read_image, read_label_map, read_label_names, read_volume, read_volume_with,
};

use crate::slice::{Slice, write_segmentation};

/// A format, a phrase of its row, and whether it holds.
pub type Claim = (&'static str, &'static str, fn(&Path) -> bool);

pub const CLAIMS: &[Claim] = &[
    ("NRRD", "segment names", |folder| {
        has_segment_names(folder, "")
    }),
    ("NRRD detached", "segment names", |folder| {
        has_segment_names(folder, "data file: a.raw\n")
    }),
    ("HDF5", "3-D", |_| read_volume(&golden("volume.h5")).is_ok()),
    ("NPY", "3-D", |_| {
        read_volume(&golden("c-order.npy")).is_ok()
    }),
    ("NPY", "2-D", flat_array),
    ("NPZ", "3-D", |_| read_volume(&golden("arrays.npz")).is_ok()),
    ("NPZ", "2-D", flat_array),
    ("DICOM", "grey", |_| {
        channels(&golden("native.dcm")) == Some(1)
    }),
    ("DICOM", "RGB", |folder| {
        dicom_colours(folder, "RGB", &[250, 4, 7].repeat(12)) == Some([250.0, 4.0, 7.0])
    }),
    // T.871: R = Y + 1.402 (Cr - 128), B = Y + 1.772 (Cb - 128), G from both; clamped to 0 to 255.
    ("DICOM", "YBR", |folder| {
        let of = |photometric, pixels: &[u8]| dicom_colours(folder, photometric, pixels);
        of("YBR_FULL", &[250, 4, 7].repeat(12)) == Some([80.0, 255.0, 30.0])
            && of("YBR_FULL_422", &[250, 9, 4, 7].repeat(6)) == Some([80.0, 255.0, 30.0])
            && of("YBR_FULL_422", &[250, 9, 4, 7].repeat(5)).is_none()
    }),
    ("DICOM", "segmentations", |folder| {
        let path = folder.join("a.dcm");
        write_segmentation(&path, "BINARY", 1, &[(2, 0.0)], &[1, 0]);
        read_label_map(&path).is_ok_and(|labels| labels.voxels()[[0, 0, 0]] == 2)
    }),
    ("PNG", "8 and 16 bits", |folder| {
        saved(folder, "png", grey8()) == Some(1) && saved(folder, "png", grey16()) == Some(1)
    }),
    ("PNG", "grey", |folder| {
        saved(folder, "png", grey8()) == Some(1)
    }),
    ("PNG", "RGB", |folder| {
        saved(folder, "png", rgb8()) == Some(3) && saved(folder, "png", rgb16()) == Some(3)
    }),
    ("JPEG", "8 bits", |folder| {
        saved(folder, "jpg", grey8()) == Some(1)
    }),
    ("JPEG", "grey", |folder| {
        saved(folder, "jpg", grey8()) == Some(1)
    }),
    ("JPEG", "RGB", |folder| {
        saved(folder, "jpg", rgb8()) == Some(3)
    }),
    ("TIFF", "8 and 16 bits", |folder| {
        saved(folder, "tif", grey8()) == Some(1) && saved(folder, "tif", grey16()) == Some(1)
    }),
    ("TIFF", "grey", |folder| {
        saved(folder, "tif", grey8()) == Some(1)
    }),
    ("TIFF", "RGB", |folder| {
        saved(folder, "tif", rgb8()) == Some(3) && saved(folder, "tif", rgb16()) == Some(3)
    }),
    ("TIFF", "float32 RGB", |_| {
        channels(&golden("float-colours.tif")) == Some(3)
    }),
    ("TIFF", "one page", |_| {
        channels(&golden("pages.tif")).is_none()
    }),
    ("TIFF", "none", |folder| {
        saved(folder, "tif", grey8()) == Some(1)
    }),
    ("TIFF", "LZW", |_| channels(&golden("lzw.tif")) == Some(1)),
    ("TIFF", "deflate", |_| {
        channels(&golden("deflate.tif")) == Some(1)
    }),
    ("TIFF", "packbits", |_| {
        channels(&golden("packbits.tif")) == Some(1)
    }),
];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

fn channels(path: &Path) -> Option<usize> {
    read_image(path).ok().map(|image| image.pixels().dim().0)
}

/// How many channels a picture has after it was saved and read.
fn saved(folder: &Path, ending: &str, picture: DynamicImage) -> Option<usize> {
    let path = folder.join("a").with_extension(ending);
    picture.save(&path).ok()?;
    channels(&path)
}

fn grey8() -> DynamicImage {
    DynamicImage::ImageLuma8(GrayImage::new(4, 3))
}

fn grey16() -> DynamicImage {
    DynamicImage::ImageLuma16(ImageBuffer::from_pixel(4, 3, Luma([60000])))
}

fn rgb8() -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::new(4, 3))
}

fn rgb16() -> DynamicImage {
    DynamicImage::ImageRgb16(ImageBuffer::from_pixel(4, 3, Rgb([60000, 1, 2])))
}

fn flat_array(folder: &Path) -> bool {
    let path = folder.join("a.npy");
    scarce_io::write_npy_bool(&path, &Array2::from_elem((2, 3), true)).unwrap();
    read_volume_with(&path, &ReadOptions::default())
        .is_ok_and(|loaded| loaded.value.shape_zyx() == [1, 2, 3])
}

/// The first pixel of an image whose samples are 250, 4, 7.
fn dicom_colours(folder: &Path, photometric: &'static str, pixels: &[u8]) -> Option<[f32; 3]> {
    let path = folder.join("a.dcm");
    Slice::at(0.0)
        .with(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric)
        .with(tags::SAMPLES_PER_PIXEL, VR::US, 3u16)
        .with(tags::PLANAR_CONFIGURATION, VR::US, 0u16)
        .with(tags::BITS_ALLOCATED, VR::US, 8u16)
        .with(tags::BITS_STORED, VR::US, 8u16)
        .with(tags::HIGH_BIT, VR::US, 7u16)
        .with(tags::RESCALE_INTERCEPT, VR::DS, "0")
        .with(
            tags::PIXEL_DATA,
            VR::OB,
            PrimitiveValue::U8(pixels.to_vec().into()),
        )
        .write(&path);
    let image = read_image(&path).ok()?;
    Some([0, 1, 2].map(|channel| image.pixels()[[channel, 0, 0]]))
}

fn has_segment_names(folder: &Path, data_file: &str) -> bool {
    let path = folder.join("a.seg.nrrd");
    let header = format!(
        "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1 1 1\nspace: RAS\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n\
         encoding: raw\n{data_file}Segment0_LabelValue:=1\nSegment0_Name:=heart\n\n"
    );
    let voxel = if data_file.is_empty() { "\u{1}" } else { "" };
    std::fs::write(folder.join("a.raw"), [1]).unwrap();
    std::fs::write(&path, header + voxel).unwrap();
    read_label_names(&path).is_ok_and(|names| names[&1] == "heart")
}
