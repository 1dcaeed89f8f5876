//! Text to region to masks to pre-training to segmentation to report.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{phantom, succeed, text_encoder};

const PRETRAIN: &str = r#"
[data]
volumes = [{ id = "a", image = "a.nii.gz", region = "heart/region.nii.gz" }]
slice_step = 2
[preprocessing]
spacing_mm_xyz = [4.0, 4.0, 4.0]
[method]
view.size = [32, 32]
batch = 4
decoder_width = 32
[method.encoder]
widths = [8, 8, 16, 16]
[training]
steps = 6
"#;

const SEMI: &str = r#"
[data]
label_values = [51]
labelled = [{ id = "a", image = "a.nii.gz", label = "a.labels.nii.gz" }]
unlabelled = [{ id = "b", image = "b.nii.gz" }]
[preprocessing]
spacing_mm_xyz = [5.0, 5.0, 5.0]
[method]
patch_zyx = [32, 32, 32]
labelled_batch = 1
unlabelled_batch = 1
ramp = { kind = "continuous", steps = 5.0 }
branches = { kind = "mean-teacher", max_decay = 0.8 }
[method.correlation]
anchors = { count = 16, at_least = 16 }
filter.voxels = { kind = "top-and-random", count = 64, surest_share = 0.5 }
[method.network]
base_filters = 4
normalisation = "instance"
dropout = 0.1
[training]
steps = 60
learning_rate = 0.01
"#;

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs the whole line in `folder`.
fn run_line(folder: &Path) {
    phantom::write(folder, "a", 20.0);
    phantom::write(folder, "b", 22.0);
    fs::write(folder.join("pretrain.toml"), PRETRAIN).unwrap();
    fs::write(folder.join("semi.toml"), SEMI).unwrap();
    let encoder = text_encoder();
    let localize = [
        "localize",
        "a.nii.gz",
        "--label-map",
        "a.labels.nii.gz",
        "--label-names",
        "names.csv",
    ];
    for (prompt, out) in [("heart", "heart"), ("the left lung", "lung")] {
        let rest = ["--prompt", prompt, "--text-encoder", &encoder, "--out", out];
        succeed(folder, &[&localize[..], &rest[..]].concat());
    }
    succeed(
        folder,
        &[
            "mask",
            "--region",
            "heart/region.nii.gz",
            "--grid",
            "8",
            "--policy",
            "region",
            "--seed",
            "3",
            "--count",
            "5",
            "--out",
            "masks/region.npy",
            "--json",
            "masks/region.json",
        ],
    );
    succeed(
        folder,
        &[
            "pretrain",
            "--config",
            "pretrain.toml",
            "--out",
            "pre",
            "--threads",
            "1",
        ],
    );
    succeed(
        folder,
        &[
            "semi",
            "--config",
            "semi.toml",
            "--out",
            "semi",
            "--threads",
            "1",
        ],
    );
    succeed(
        folder,
        &[
            "predict",
            "--checkpoint",
            "semi",
            "--input",
            "b.nii.gz",
            "--out",
            "heldout",
            "--largest-component",
        ],
    );
    fs::create_dir(folder.join("truth")).unwrap();
    // The reference has the lungs too; only the heart was asked for.
    let labels = scarce::io::read_label_map(&folder.join("b.labels.nii.gz")).unwrap();
    let heart = labels.map(|label| *label == 51);
    scarce::io::write_mask(&folder.join("truth/b.nii.gz"), &heart).unwrap();
    succeed(
        folder,
        &[
            "evaluate",
            "--pred",
            "heldout/b.nii.gz",
            "--ref",
            "truth/b.nii.gz",
            "--json",
            "heldout/evaluation.json",
            "--csv",
            "heldout/evaluation.csv",
        ],
    );
    succeed(folder, &["report", ".", "--title", "phantom"]);
}

#[test]
fn a_prompt_becomes_a_report_and_the_same_one_again() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_line(first.path());
    run_line(second.path());
    let folder = first.path();

    let found = json(&folder.join("lung/localization.json"));
    assert_eq!(found["matches"][0]["name"], "lung_upper_lobe_left");
    let audit = &json(&folder.join("masks/region.json"))["masks"][0];
    let share = |key: &str| audit[key].as_f64().unwrap();
    assert!(
        share("achieved_region") > share("achieved_background") + 0.3,
        "{audit}"
    );

    let evaluation = json(&folder.join("heldout/evaluation.json"));
    let dice = evaluation["mean"]["dice"]["value"].as_f64().unwrap();
    assert!(dice > 0.6, "Dice {dice} on the volume without a label");
    assert!(
        evaluation["definition"]["hd95"]
            .as_str()
            .unwrap()
            .contains("pooled")
    );
    let input = scarce::io::info(&folder.join("b.nii.gz")).unwrap();
    let output = scarce::io::info(&folder.join("heldout/b.nii.gz")).unwrap();
    assert_eq!(
        (input.shape_zyx, input.affine),
        (output.shape_zyx, output.affine)
    );

    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    for part in [
        "Where is “heart”?",
        "Masks: region",
        "Masked image modelling",
        "Prediction against truth",
        "hd95",
    ] {
        assert!(page.contains(part), "the page lacks {part}");
    }

    for name in [
        "heart/region.nii.gz",
        "heart/heat.nii.gz",
        "heart/localization.json",
        "masks/region.npy",
        "masks/region.json",
        "pre/summary.json",
        "pre/metrics.csv",
        "semi/summary.json",
        "semi/metrics.csv",
        "heldout/b.nii.gz",
        "report.html",
    ] {
        let read = |folder: &Path| fs::read(folder.join(name)).unwrap();
        assert!(
            read(first.path()) == read(second.path()),
            "{name} differs between two equal runs"
        );
    }
}

#[test]
fn a_run_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    phantom::write(folder, "b", 22.0);
    fs::write(folder.join("semi.toml"), SEMI).unwrap();
    let semi = |out: &str, rest: &[&str]| {
        let start = [
            "semi",
            "--config",
            "semi.toml",
            "--threads",
            "1",
            "--out",
            out,
        ];
        succeed(folder, &[&start[..], rest].concat());
    };
    semi(
        "whole",
        &[
            "--set",
            "training.schedule={kind='constant'}",
            "--steps",
            "6",
        ],
    );
    semi(
        "parts",
        &[
            "--set",
            "training.schedule={kind='constant'}",
            "--steps",
            "4",
        ],
    );
    semi(
        "parts",
        &[
            "--set",
            "training.schedule={kind='constant'}",
            "--steps",
            "6",
            "--resume",
        ],
    );
    for name in [
        "metrics.csv",
        "checkpoints/last/weights.safetensors",
        "checkpoints/last/memory.safetensors",
    ] {
        let read = |run: &str| fs::read(folder.join(run).join(name)).unwrap();
        assert!(read("whole") == read("parts"), "{name} differs");
    }
}
