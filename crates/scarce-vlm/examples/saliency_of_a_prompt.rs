//! Where in a picture BiomedCLIP finds a prompt, and whether it listens to the words at all.
//!
//! ```text
//! python crates/scarce-vlm/export/biomedclip.py WEIGHTS --tokenizer vocab.txt --out models/biomedclip
//! cargo run --release -p scarce-vlm --example saliency_of_a_prompt -- \
//!     models/biomedclip slice.png heat.png "an MRI scan of the brain showing a tumor"
//! ```
//!
//! Without arguments it asks the tiny random model of the tests for a picture of its own: a look at how it is called.

use std::{error::Error, path::Path};

use ndarray::Array3;
use scarce_vlm::{
    biomedclip::{BiomedClip, BiomedClipOptions, M2ibOptions, SaliencyOptions},
    check::{SanityThresholds, Words, check_pictures},
    onnx::SessionOptions,
    picture::Picture,
    slices::PictureLocalizer as _,
};

#[allow(clippy::print_stdout)] // The example's answer.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, layer, picture, out, prompt) = match &arguments[..] {
        [folder, picture, out, prompt] => (
            Path::new(folder).to_owned(),
            7,
            read(picture)?,
            Some(out),
            prompt.as_str(),
        ),
        [] => {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/biomedclip");
            (folder, 1, two_discs()?, None, "brain tumor")
        }
        _ => return Err("expected no argument, or FOLDER PICTURE HEAT PROMPT".into()),
    };
    // Mask What Matters' beta, over the whole picture; `BiomedClipOptions::preset("mwm")` is its centre crop too.
    let options = BiomedClipOptions {
        saliency: SaliencyOptions::M2ib(M2ibOptions {
            layer,
            ..M2ibOptions::default()
        }),
        ..BiomedClipOptions::default()
    };
    let mut clip = BiomedClip::load(&folder, options, &SessionOptions::default())?;
    let found = clip.heat(&picture, prompt)?;
    println!("cosine of picture and prompt {:.3}", found.score);
    if let Some(((y, x), heat)) = found.map.indexed_iter().max_by(|a, b| a.1.total_cmp(b.1)) {
        println!("hottest at y {y}, x {x}: {heat:.3}");
    }
    if let Some(out) = out {
        let [height, width] = picture.size_yx();
        let bytes: Vec<u8> = found
            .map
            .iter()
            .map(|heat| (heat * 255.0).round() as u8)
            .collect();
        image::save_buffer(
            out,
            &bytes,
            width as u32,
            height as u32,
            image::ColorType::L8,
        )?;
    }

    let words = Words::new(
        prompt,
        &[
            &format!("a scan of the {prompt}"),
            &format!("{prompt} in the image"),
        ],
    );
    let sanity = check_pictures(
        &mut clip,
        &[("picture".to_owned(), picture)],
        &words,
        SanityThresholds::default(),
    )?;
    println!(
        "{}: correlation {:.2} with other words for it, {:.2} with nonsense",
        sanity.verdict, sanity.reworded.correlation, sanity.nonsense.correlation
    );
    Ok(())
}

fn read(path: &str) -> Result<Picture, Box<dyn Error>> {
    let rgb = image::open(path)?.into_rgb8();
    let (width, height) = rgb.dimensions();
    let pixels = Array3::from_shape_vec((height as usize, width as usize, 3), rgb.into_raw())?;
    Ok(Picture::new(pixels)?)
}

/// A bright disc and a dark one.
fn two_discs() -> Result<Picture, Box<dyn Error>> {
    let pixels = Array3::from_shape_fn((60, 80, 3), |(y, x, _)| {
        let within = |cx: i32, radius: i32| {
            let (dy, dx) = (y as i32 - 30, x as i32 - cx);
            dy * dy + dx * dx < radius * radius
        };
        match (within(25, 15), within(55, 10)) {
            (true, _) => 220,
            (_, true) => 10,
            _ => 100,
        }
    });
    Ok(Picture::new(pixels)?)
}
