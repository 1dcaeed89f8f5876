//! Pictures of other libraries (`golden/pictures/make.py`) are read as these meant them, or refused by
//! name.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, ImageFormat};
use scarce_io::{ReadOptions, read_image, read_image_with};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    /// Channel, y, x.
    shape: (usize, usize, usize),
    pixels: Vec<f32>,
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pictures")
}

#[test]
fn pixels_are_pillows() {
    let text = std::fs::read_to_string(golden().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    for (name, expected) in expected {
        let picture = read_image(&golden().join(&name)).unwrap();
        assert_eq!(picture.pixels().dim(), expected.shape, "{name}");
        // The standard lets decoders of JPEG differ.
        let tolerance = if name.ends_with(".jpg") { 2.0 } else { 0.0 };
        for (got, expected) in picture.pixels().iter().zip(&expected.pixels) {
            assert!(
                (got - expected).abs() <= tolerance,
                "{name}: {got} {expected}"
            );
        }
    }
}

#[test]
fn what_pictures_hide_or_mix_is_said() {
    for (name, refusal, warning) in [
        ("palette-hides.png", Some("transparent"), None),
        ("alpha-hides.png", Some("transparent"), None),
        ("inks.jpg", Some("four inks"), None),
        ("palette-shows.png", None, Some("alpha")),
        ("alpha-shows.png", None, Some("alpha")),
        ("turned.jpg", None, Some("turned")),
        ("grey.png", None, None),
    ] {
        match read_image_with(&golden().join(name), &ReadOptions::default()) {
            Ok(loaded) => {
                let codes: Vec<&str> = (loaded.provenance.warnings.iter())
                    .map(|w| w.code)
                    .collect();
                assert_eq!(codes, warning.into_iter().collect::<Vec<_>>(), "{name}");
                assert_eq!(refusal, None, "{name}");
            }
            Err(error) => {
                assert_eq!(error.code(), "unsupported", "{name}: {error}");
                let part = refusal.unwrap();
                assert!(error.to_string().contains(part), "{error} lacks {part}");
            }
        }
    }
}

/// Every prefix is; PNG has checksums too, while what is lost inside of a JPEG often leaves another JPEG.
#[test]
fn pictures_that_are_cut_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "grey.png",
        "grey16.png",
        "palette.png",
        "grey.jpg",
        "progressive.jpg",
    ] {
        let whole = std::fs::read(golden().join(name)).unwrap();
        let path = folder.path().join(name);
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read_image(&path).is_err(), "{length} bytes of {name}");
        }
        for at in (8..whole.len()).filter(|_| name.ends_with(".png")) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert!(read_image(&path).is_err(), "byte {at} of {name} changed");
        }
    }
}

/// 65500 is the longest side that libjpeg writes.
#[test]
fn the_longest_rows_are_read_and_budgeted() {
    let folder = tempfile::tempdir().unwrap();
    let row = DynamicImage::ImageLuma8(GrayImage::from_fn(65500, 1, |x, _| {
        image::Luma([(x / 257) as u8])
    }));
    for (name, format) in [("a.png", ImageFormat::Png), ("a.jpg", ImageFormat::Jpeg)] {
        let mut bytes = Cursor::new(Vec::new());
        row.write_to(&mut bytes, format).unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes.into_inner()).unwrap();
        let read = read_image(&path).unwrap();
        assert_eq!(read.pixels().dim(), (1, 1, 65500), "{name}");
        assert!((read.pixels()[[0, 0, 65499]] - 254.0).abs() < 3.0, "{name}");
        let options = ReadOptions::default().with_max_alloc_bytes(400_000);
        assert_eq!(
            read_image_with(&path, &options).unwrap_err().code(),
            "budget"
        );
    }
}
