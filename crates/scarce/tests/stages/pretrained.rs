//! Pre-training on folders of pictures, localized or outlined, through the command line.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use serde_json::Value;

use crate::{scarce, succeed};

/// Bright discs on dark ground, in a folder and one below it.
fn write_pictures(folder: &Path) {
    fs::create_dir_all(folder.join("below/.copies")).unwrap();
    for k in 0..6 {
        let pixels = Array3::from_shape_fn((40, 48, 3), |(y, x, _)| {
            let inside = (y as i32 - 8 - 5 * k).pow(2) + (x as i32 - 8 - 6 * k).pow(2) < 60;
            let texture = ((7 * y + 13 * x) % 23) as i32;
            (if inside { 180 } else { 20 } + texture) as u8
        });
        let below = if k < 4 { "" } else { "below/" };
        let path = folder.join(format!("{below}{k}.png"));
        scarce::io::write_png_rgb(&path, pixels.view()).unwrap();
    }
    fs::copy(folder.join("0.png"), folder.join("below/.copies/0.png")).unwrap();
}

const METHOD: &str = r#"
recipe = "mwm"
look_every = 2
[method]
batch = 4
decoder_width = 32
[method.view]
size = [64, 64]
[method.encoder]
architecture = "small"
widths = [8, 8, 16, 16]
[epochs]
total = 3
warmup = 1
"#;

fn run(folder: &Path, data: &str, out: &str, more: &[&str]) -> Result<String, String> {
    fs::write(folder.join("c.toml"), format!("{METHOD}\n{data}")).unwrap();
    let arguments = [
        "pretrain",
        "--config",
        "c.toml",
        "--threads",
        "1",
        "--out",
        out,
    ];
    let output = scarce(folder, &[&arguments[..], more].concat());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(log)
    } else {
        Err(log)
    }
}

#[test]
fn pictures_are_trained_on_by_their_regions() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(&folder.join("scans"));
    succeed(
        folder,
        &[
            "localize",
            "scans",
            "--localizer",
            "foreground",
            "--prompt",
            "disc",
            "--out",
            "regions",
        ],
    );
    let localized = "[[data.pictures]]\nimages = \"scans\"\nregions = \"regions\"";
    let log = run(folder, localized, "one", &[]).unwrap();
    // Six pictures by fours are two steps an epoch; the copy in a hidden folder doesn't count.
    assert!(log.contains("6 images, 6 steps"), "{log}");
    for file in [
        "intensities.json",
        "reconstructions/00.png",
        "reconstructions/step-000002/00.png",
        "reconstructions/step-000004/01.png",
    ] {
        assert!(folder.join("one").join(file).is_file(), "{file} is missing");
    }
    let epochs = fs::read_to_string(folder.join("one/epochs.csv")).unwrap();
    assert_eq!(epochs.lines().count(), 4, "{epochs}");

    // Reading anew in each epoch, and stopping on the way, change no byte.
    let anew = format!("{localized}\n[data]\nkeep_in_memory = false");
    let stopped = ["--set", "training.wall_clock_budget_s=1e-6"];
    run(folder, &anew, "two", &stopped).unwrap();
    run(folder, &anew, "two", &["--resume"]).unwrap();
    let metrics = |run: &str| fs::read(folder.join(run).join("metrics.jsonl")).unwrap();
    assert_eq!(metrics("one"), metrics("two"));

    for control in ["equal-count", "shuffled-region"] {
        let set = format!("method.control={control}");
        run(folder, localized, control, &["--set", &set]).unwrap();
        assert_ne!(metrics("one"), metrics(control));
    }
}

#[test]
fn outlines_are_regions_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(&folder.join("scans"));
    let circle = r#"{"0.png1": {"filename": "0.png", "size": 1, "regions": [{"shape_attributes":
        {"name": "circle", "cx": 8, "cy": 8, "r": 7}, "region_attributes": {}}]}}"#;
    fs::write(folder.join("via.json"), circle).unwrap();
    let of = |more: &str| format!("[[data.pictures]]\nimages = \"scans\"\n{more}");
    run(folder, &of("outlines = \"via.json\""), "one", &[]).unwrap();
    let metrics = fs::read_to_string(folder.join("one/metrics.jsonl")).unwrap();
    // Of the one picture with an outline, when its turn comes.
    assert!(metrics.contains("\"loss_region\""), "{metrics}");

    fs::create_dir(folder.join("regions")).unwrap();
    fs::create_dir(folder.join("nothing")).unwrap();
    for (data, more, part) in [
        (of("regions = \"regions\""), "", "no region of 0.png"),
        (
            of("regions = \"regions\"\noutlines = \"via.json\""),
            "",
            "are both given",
        ),
        (
            "[[data.pictures]]\nimages = \"nothing\"".to_owned(),
            "",
            "no picture",
        ),
        (of(""), "weights=nowhere", "nowhere"),
        (
            of(""),
            "method.encoder.architecture=vnet-3d",
            "the encoder is one for volumes",
        ),
        (of(""), "recipe=mwn", "mwn"),
    ] {
        let set = ["--set", more];
        let error = run(
            folder,
            &data,
            "other",
            if more.is_empty() { &[] } else { &set },
        );
        let error = error.unwrap_err();
        assert!(error.contains(part), "{error} lacks {part}");
    }
}

#[test]
fn an_encoder_leaves_as_a_graph_that_computes_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(&folder.join("scans"));
    let data = "[[data.pictures]]\nimages = \"scans\"";
    let own = "method.encoder={architecture=\"small\"}";
    run(folder, data, "one", &["--steps", "1", "--set", own]).unwrap();
    let weights = "one/checkpoints/last/weights.safetensors";
    let graph = [
        "--weights",
        weights,
        "--onnx",
        "encoder.onnx",
        "--json",
        "-",
    ];
    let export = |model: &str| {
        let head = ["export", "--model", model, "--channels", "1"];
        scarce(folder, &[&head[..], &graph].concat())
    };
    let told: Value = serde_json::from_slice(&export("small").stdout).unwrap();
    let apart = told["apart"].as_object().unwrap();
    assert!(apart.contains_key("map3"), "{told}");
    assert!(apart.values().all(|d| d.as_f64().unwrap() < 1e-4), "{told}");
    assert!(folder.join("encoder.onnx").is_file());
    // Weights of another network are none of this one.
    assert_eq!(export("resnet18").status.code(), Some(3));
}
