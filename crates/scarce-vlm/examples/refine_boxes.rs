//! Asks a promptable model (SAM, MedSAM, LiteMedSAM) for the object in a box of a volume's slice.
//!
//! ```text
//! cargo run --release -p scarce-vlm --example refine_boxes -- encoder.onnx decoder.onnx volume.npy 16 159,81,209,118 mask.npy
//! ```
//!
//! `export/sam.py` makes the two graphs. The volume is float32 `(z, y, x)`; the box is `left,top,right,bottom` in pixels of
//! the slice as it is stored. The mask, `(y, x)`, is 1 inside. Grey values are shown between the volume's 0.5th and 99.5th
//! percentile. `export/check_lite_medsam.py` does this for five lesions whose outlines are known.

use std::{error::Error, path::PathBuf};

use ndarray::Array3;
use ndarray_npy::{read_npy, write_npy};
use scarce_image::{Geometry, Volume, percentiles};
use scarce_vlm::onnx::{ModelFile, SessionOptions};
use scarce_vlm::picture::{Picture, PictureBox};
use scarce_vlm::refine::Refiner as _;
use scarce_vlm::sam::SamRefiner;

#[allow(clippy::print_stdout)] // The example's answer.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [encoder, decoder, volume, slice, corners, out] = arguments.as_slice() else {
        return Err(
            "usage: ENCODER.onnx DECODER.onnx VOLUME.npy SLICE LEFT,TOP,RIGHT,BOTTOM OUT.npy"
                .into(),
        );
    };
    let voxels: Array3<f32> = read_npy(volume)?;
    let corners: Vec<f32> = corners
        .split(',')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [left, top, right, bottom] = corners[..] else {
        return Err("the box: expected LEFT,TOP,RIGHT,BOTTOM".into());
    };
    let volume = Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3])?);
    let window = percentiles(&volume, [0.5, 99.5], None)?;
    let slice = slice.parse()?;
    let slice = volume.slice_z(slice).ok_or("there is no such slice")?;
    let picture = Picture::grey(slice, window)?;

    let file = |path: &String| ModelFile::from(PathBuf::from(path));
    let options = SessionOptions::default();
    let mut refiner = SamRefiner::open(&file(encoder), &file(decoder), None, &options)?;
    let asked = PictureBox {
        start_xy: [left, top],
        stop_xy: [right, bottom],
    };
    for answer in refiner.refine(&picture, &[asked])? {
        let mask = answer.map.mapv(|heat| u8::from(heat > 0.5));
        println!(
            "{}: {} pixels inside, predicted IoU {:.3}",
            refiner.name(),
            mask.iter().filter(|inside| **inside == 1).count(),
            answer.score
        );
        write_npy(out, &mask)?;
    }
    Ok(())
}
