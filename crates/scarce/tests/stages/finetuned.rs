//! Fine-tuning through the command line, on pictures made here.

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array3};
use serde_json::Value;

use crate::{phantom, scarce, succeed};

/// A picture of stripes or of none, whose name may lie about its format.
fn write_striped(path: &Path, class: usize, k: usize) {
    let pixels = Array3::from_shape_fn((24, 30, 3), |(y, x, _)| {
        let along = [y, x, 0][class] as f32;
        let noise = ((7 * y + 13 * x + 29 * k) % 17) as f32;
        (120.0 + 80.0 * (along * 0.5 + k as f32).sin() + noise) as u8
    });
    scarce::io::write_png_rgb(path, pixels.view()).unwrap();
}

fn classes(folder: &Path) {
    for (class, name) in ["across", "down", "flat"].iter().enumerate() {
        let of_class = folder.join("images").join(name);
        fs::create_dir_all(&of_class).unwrap();
        for k in 0..16 {
            let ending = if k == 3 { "jpg" } else { "png" };
            write_striped(&of_class.join(format!("{k}.{ending}")), class, k);
        }
        // A copy must not be parted from what it is a copy of.
        fs::copy(of_class.join("5.png"), of_class.join("copy.png")).unwrap();
    }
}

const CLASSIFY: &str = r#"
task = "classify"
recipe = "scratch"
[data]
images = "images"
[data.split]
validation = 0.2
test = 0.3
[method]
input_yx = [16, 16]
batch = 8
[method.encoder]
widths = [8, 8, 16, 16]
[method.augmentation]
turn_degrees = 0.0
contrast = 0.0
brightness = 0.0
[training]
steps = 80
learning_rate = 5e-3
[training.validation]
every = 20
[training.schedule]
warmup_steps = 2
"#;

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn classes_are_learned_reported_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classes(folder);
    fs::write(folder.join("c.toml"), CLASSIFY).unwrap();
    let finetune = ["finetune", "--config", "c.toml", "--threads", "1"];
    let run = |rest: &[&str]| succeed(folder, &[&finetune[..], rest].concat());
    for seed in ["1", "2"] {
        run(&["--seed", seed, "--out", &format!("none/{seed}")]);
        // From what the other seed learned.
        let init = [
            "--init",
            "none/1",
            "--set",
            "recipe=linear",
            "--steps",
            "10",
        ];
        run(&[
            &init[..],
            &["--seed", seed, "--out", &format!("probe/{seed}")],
        ]
        .concat());
    }
    run(&[
        "--init",
        "none/1",
        "--set",
        "recipe=nearest",
        "--out",
        "nearest",
    ]);

    let nearest = fs::read_to_string(folder.join("nearest/config.resolved.toml")).unwrap();
    assert!(nearest.contains("steps = 0"), "{nearest}");
    assert!(folder.join("nearest/test/evaluation.json").is_file());

    let evaluation = json(&folder.join("none/1/test/evaluation.json"));
    let accuracy = evaluation["mean"]["accuracy"]["value"].as_f64().unwrap();
    assert!(accuracy > 0.7, "accuracy {accuracy}");
    let split = json(&folder.join("none/1/split.json"));
    assert_eq!(split, json(&folder.join("none/2/split.json")));
    let part_of = |id: &str| {
        ["train", "validation", "test"]
            .into_iter()
            .find(|part| split[part].as_array().unwrap().contains(&Value::from(id)))
    };
    for class in ["across", "down", "flat"] {
        let [a, b] = ["5", "copy"].map(|k| part_of(&format!("{class}/{k}.png")));
        assert!(a.is_some() && a == b, "{class}: {a:?} {b:?}");
    }

    // The same figures from the tables that it leaves.
    succeed(
        folder,
        &[
            "evaluate",
            "--task",
            "classify",
            "--pred",
            "none/1/test/predictions.csv",
            "--ref",
            "none/1/test/references.csv",
            "--seed",
            "1",
            "--json",
            "again.json",
        ],
    );
    assert_eq!(json(&folder.join("again.json"))["mean"], evaluation["mean"]);
    // An arm of two seeds against another, named by runs or by their folder.
    let compare = [
        "compare",
        "none=none/1,none/2",
        "probe=probe",
        "--json",
        "arms.json",
    ];
    succeed(folder, &compare);
    let arms = json(&folder.join("arms.json"));
    assert_eq!(arms["runs"], serde_json::json!(["none", "probe"]));
    let seeds = &arms["differences"][0]["over_seeds"]["mean_difference"];
    assert_eq!(seeds.as_object().unwrap().len(), 2);

    succeed(
        folder,
        &[
            "predict",
            "--checkpoint",
            "none/1",
            "--input",
            "images/down",
            "--out",
            "p",
        ],
    );
    let table = fs::read_to_string(folder.join("p/predictions.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("id,class,across,down,flat"));
    let right = lines.filter(|line| line.contains(",down,")).count();
    assert!(right > 12, "{table}");
    succeed(folder, &["report", "none/1", "--title", "stripes"]);
}

const PRETRAIN: &str = r#"
[data]
volumes = [{ id = "a", image = "a.nii.gz" }]
slice_step = 4
[method]
view.size = [32, 32]
batch = 4
decoder_width = 32
[method.encoder]
widths = [8, 8, 16, 16]
[training]
steps = 3
"#;

#[test]
fn a_pre_training_starts_a_fine_tuning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    classes(folder);
    fs::write(folder.join("p.toml"), PRETRAIN).unwrap();
    fs::write(folder.join("c.toml"), CLASSIFY).unwrap();
    let one_thread = ["--threads", "1", "--out"];
    let pretrain = ["pretrain", "--config", "p.toml"];
    succeed(folder, &[&pretrain[..], &one_thread, &["pre"]].concat());
    let finetune = [
        "finetune", "--config", "c.toml", "--init", "pre", "--steps", "2",
    ];
    let log = succeed(folder, &[&finetune[..], &one_thread, &["run"]].concat());
    assert!(
        log.contains("tensors of the encoder from pre/checkpoints/last"),
        "{log}"
    );
    // What the pre-training was shown.
    let shown = json(&folder.join("run/intensities.json"));
    assert_eq!(shown, serde_json::json!({"mean": [0.0], "std": [1.0]}));
    let narrow = ["--set", "method.encoder.widths=[8, 8, 16, 12]"];
    let output = scarce(
        folder,
        &[&finetune[..], &one_thread, &["other"], &narrow].concat(),
    );
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{log}");
    assert!(
        log.contains("layer4.0.bn1.weight has shape [16], expected [12]"),
        "{log}"
    );
}

const SEGMENT: &str = r#"
task = "segment"
[data]
images = "pictures"
masks = "masks"
[data.split]
validation = 0.2
test = 0.0
[data.held_out]
images = "held"
outlines = "held/via.json"
[method]
input_yx = [24, 24]
batch = 6
head_width = 8
[method.encoder]
widths = [8, 8, 16, 16]
[training]
steps = 50
learning_rate = 5e-3
[training.validation]
every = 25
[training.groups]
layer_decay = 1.0
"#;

/// A bright disc on noise, and its mask.
fn disc(k: usize) -> (Array3<u8>, Array2<u16>, [f64; 2]) {
    let centre = [12.0 + (k * 5 % 9) as f64, 12.0 + (k * 7 % 13) as f64];
    let mask = Array2::from_shape_fn((32, 40), |(y, x)| {
        let (dy, dx) = (y as f64 + 0.5 - centre[0], x as f64 + 0.5 - centre[1]);
        u16::from(dy.hypot(dx) <= 7.0)
    });
    let pixels = Array3::from_shape_fn((32, 40, 3), |(y, x, _)| {
        60 + 110 * mask[[y, x]] as u8 + ((7 * y + 13 * x + 29 * k) % 31) as u8
    });
    (pixels, mask, centre)
}

#[test]
fn discs_are_outlined_and_scored_in_their_own_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["pictures", "masks", "held"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    let mut entries = serde_json::Map::new();
    for k in 0..26 {
        let (pixels, mask, [cy, cx]) = disc(k);
        let name = format!("{k}.png");
        if k < 20 {
            scarce::io::write_png_rgb(&folder.join("pictures").join(&name), pixels.view()).unwrap();
            scarce::io::write_png_grey16(&folder.join("masks").join(&name), mask.view()).unwrap();
            continue;
        }
        scarce::io::write_png_rgb(&folder.join("held").join(&name), pixels.view()).unwrap();
        let shape = serde_json::json!({"name": "circle", "cx": cx, "cy": cy, "r": 7.0});
        let region = serde_json::json!({"shape_attributes": shape, "region_attributes": {}});
        let entry = serde_json::json!({"filename": name, "size": 1, "regions": [region]});
        entries.insert(name, entry);
    }
    let via = serde_json::to_string(&entries).unwrap();
    fs::write(folder.join("held/via.json"), via).unwrap();
    fs::write(folder.join("s.toml"), SEGMENT).unwrap();
    let finetune = ["finetune", "--config", "s.toml", "--threads", "1"];
    succeed(folder, &[&finetune[..], &["--out", "run"]].concat());
    let evaluation = json(&folder.join("run/test/evaluation.json"));
    let dice = &evaluation["mean"]["dice"];
    assert_eq!(dice["n"], 6);
    let value = dice["value"].as_f64().unwrap();
    assert!(value > 0.85, "Dice {value}");
    // In pixels of the image, not of the input.
    let truth = scarce::io::read_label_map(&folder.join("run/test/references/held-out-23.png"));
    assert_eq!(
        truth.unwrap().voxels().index_axis(ndarray::Axis(0), 0),
        disc(23).1
    );

    succeed(
        folder,
        &[
            "predict",
            "--checkpoint",
            "run",
            "--input",
            "held/23.png",
            "--out",
            "p",
        ],
    );
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(read("p/23.png") == read("run/test/predictions/held-out-23.png"));
    succeed(
        folder,
        &[
            "evaluate",
            "--pred",
            "run/test/predictions",
            "--ref",
            "run/test/references",
            "--metrics",
            "dice,hd95",
            "--unit",
            "voxel",
            "--json",
            "again.json",
        ],
    );
    let again = json(&folder.join("again.json"));
    assert_eq!(again["cases"], evaluation["cases"]);
}

#[test]
fn what_cannot_be_fine_tuned_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    classes(folder);
    fs::write(folder.join("c.toml"), CLASSIFY).unwrap();
    fs::create_dir(folder.join("down-again")).unwrap();
    fs::create_dir(folder.join("down-again/down")).unwrap();
    fs::copy(
        folder.join("images/down/7.png"),
        folder.join("down-again/down/other.png"),
    )
    .unwrap();
    for (rest, code, parts) in [
        (&["--init", "nowhere"][..], 3, &["nowhere"][..]),
        (&["--set", "recipe=tiny"], 2, &["tiny", "small, scratch"]),
        (&["--set", "method.mode.kind=half"], 2, &["half"]),
        (
            &["--set", "data.split.validation=0.0"],
            2,
            &["validation_loss", "no image is to validate on"],
        ),
        (
            &["--set", "data.held_out=down-again"],
            3,
            &["held-out/down/other.png and down/7.png are the same image"],
        ),
        (
            &["--set", "data.classes=['across', 'down']"],
            3,
            &["class \"flat\""],
        ),
        (&["--task", "segment"], 2, &["either `masks` or `outlines`"]),
    ] {
        let start = [
            "finetune",
            "--config",
            "c.toml",
            "--out",
            "run",
            "--threads",
            "1",
        ];
        let output = scarce(folder, &[&start[..], rest].concat());
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{rest:?}: {log}");
        for part in parts {
            assert!(log.contains(part), "{log:?} lacks {part:?}");
        }
        assert!(!folder.join("run").exists(), "{rest:?} left a run folder");
    }
}
