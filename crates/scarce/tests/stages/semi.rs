//! Every recipe of semi-supervised training through the command line, and where encoders start.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tch::Tensor;

use crate::{phantom, scarce, succeed};

/// Heart and either lung, one volume of each kind.
const DATA: &str = r#"
[data]
label_values = [51, 10, 12]
labelled = [{ id = "a", image = "a.nii.gz", label = "a.labels.nii.gz" }]
unlabelled = [{ id = "b", image = "b.nii.gz" }]
validation = [{ id = "c", image = "c.nii.gz", label = "c.labels.nii.gz" }]
[preprocessing]
spacing_mm_xyz = [5.0, 5.0, 5.0]
[method]
patch_zyx = [32, 32, 32]
labelled_batch = 1
[method.network]
base_filters = 4
classes = 4
dropout = 0.1
[training]
steps = 2
[training.validation]
every = 2
figure = "validation_dice"
"#;

const RECIPES: [&str; 10] = [
    "corn-ema",
    "corn-code",
    "corn-paper",
    "corn-repaired",
    "mean-teacher",
    "ua-mt",
    "mc-net",
    "caml",
    "supervised",
    "supervised-all",
];

fn write_data(folder: &Path) {
    for (name, heart_x) in [("a", 20.0), ("b", 22.0), ("c", 18.0)] {
        phantom::write(folder, name, heart_x);
    }
    fs::write(folder.join("semi.toml"), DATA).unwrap();
}

fn semi<'a>(recipe: &'a str, out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let own = ["semi", "--config", "semi.toml", "--threads", "1"];
    [&own[..], &["--set", recipe, "--out", out], more].concat()
}

#[test]
fn every_recipe_trains_validates_and_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_data(folder);
    for recipe in RECIPES {
        let set = format!("recipe={recipe}");
        succeed(folder, &semi(&set, recipe, &[]));
        let rows = fs::read_to_string(folder.join(recipe).join("metrics.jsonl")).unwrap();
        let rows: Vec<Value> = rows
            .lines()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        let last = &rows[rows.len() - 1];
        let shares: f64 = ["supervised", "consistency", "correlation"]
            .iter()
            .filter_map(|term| last[format!("{term}_share")].as_f64())
            .sum();
        assert!((shares - 1.0).abs() < 1e-6, "{recipe}: {last}");
        let dice = last["validation_dice"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&dice), "{recipe}: {last}");
        assert!(
            folder.join(recipe).join("checkpoints/best").is_dir(),
            "{recipe}"
        );
        let input = [
            "--input",
            "b.nii.gz",
            "--out",
            "out",
            "--checkpoint",
            recipe,
        ];
        succeed(folder, &[&["predict"], &input[..]].concat());
        let record = fs::read_to_string(folder.join("out/prediction.json")).unwrap();
        let record: Value = serde_json::from_str(&record).unwrap();
        let network = match recipe {
            "corn-ema" => "teacher",
            "mean-teacher" | "ua-mt" => "student",
            _ => "main",
        };
        assert_eq!(record["network"], network, "{recipe}");
        assert_eq!(record["voxels"].as_array().unwrap().len(), 4);
    }
    let other = ["--input", "b.nii.gz", "--out", "out", "--network", "third"];
    for (recipe, code, part) in [
        ("mc-net", 0, ""),
        ("caml", 2, "--network third: the run has main, auxiliary"),
    ] {
        let output = scarce(
            folder,
            &[&["predict", "--checkpoint", recipe], &other[..]].concat(),
        );
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{log}");
        assert!(log.contains(part), "{log}");
    }
}

const PRETRAIN: &str = r#"
[data]
volumes = [{ id = "b", image = "b.nii.gz" }]
[preprocessing]
spacing_mm_xyz = [5.0, 5.0, 5.0]
[method]
batch = 2
decoder_width = 32
[method.view]
size = [32, 32, 32]
[method.mask]
policy = { kind = "random", ratio = 0.5 }
[method.encoder]
architecture = "vnet-3d"
[training]
steps = 1
"#;

/// Weights of a run's last checkpoint, by name.
fn weights(run: &Path) -> BTreeMap<String, Tensor> {
    let path = run.join("checkpoints/last/weights.safetensors");
    Tensor::read_safetensors(path)
        .unwrap()
        .into_iter()
        .collect()
}

#[test]
fn encoders_start_where_a_pretraining_ended() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_data(folder);
    fs::write(folder.join("pretrain.toml"), PRETRAIN).unwrap();
    let pretrain = ["pretrain", "--config", "pretrain.toml", "--out", "pre"];
    succeed(folder, &pretrain);
    let found = weights(&folder.join("pre"));
    let file = "pre/checkpoints/last/weights.safetensors";
    for (recipe, init, encoders) in [
        ("corn-ema", "pre", &["student", "teacher"][..]),
        ("corn-code", file, &["main", "auxiliary"]),
        ("mc-net", "pre", &["main"]),
        ("supervised", "pre", &["main"]),
    ] {
        let set = format!("recipe={recipe}");
        let own = [
            "--init",
            init,
            "--steps",
            "0",
            "--set",
            "method.network.base_filters=16",
        ];
        succeed(folder, &semi(&set, recipe, &own));
        let started = weights(&folder.join(recipe));
        for network in encoders {
            let own = format!("{network}.encoder.");
            let mut count = 0;
            for (name, tensor) in started.iter().filter(|(name, _)| name.starts_with(&own)) {
                let name = name.strip_prefix(&format!("{network}.")).unwrap();
                assert!(
                    tensor.equal(&found[&format!("encoder.{name}")]),
                    "{recipe}: {name}"
                );
                count += 1;
            }
            // 16 units of a convolution and a norm with its statistics.
            assert_eq!(count, 96, "{recipe}: {network}");
        }
    }
    for (set, part) in [
        (
            "method.network.base_filters=8",
            "do not fit the V-Net's encoder",
        ),
        (
            "method.network.normalisation=instance",
            "do not fit the V-Net's encoder",
        ),
    ] {
        let own = ["--init", "pre", "--steps", "0", "--set", set];
        let output = scarce(folder, &semi("recipe=supervised", "unfit", &own));
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && log.contains(part), "{log}");
    }
}
