//! `semi` on a data set: the split, the report with its floor, and predictions of a part.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::{phantom, scarce, succeed};

const CONFIG: &str = r#"
[data]
label_values = [51]
[data.set]
folder = "."
test = "test.list"
cases = { layout = "list", list = "train.list", image = "{id}.nii.gz", label = "{id}.labels.nii.gz" }
split = { labelled = 1, validation = 2 }
[preprocessing]
intensities = "z-score"
scale = 0.8
crop = { about = "label", least_voxels_xyz = [30, 30, 30], margin_voxels_xyz = [1, 1, 99] }
[method]
patch_zyx = [16, 16, 32]
labelled_batch = 2
unlabelled_batch = 1
foreground_chance = 0.0
ramp = { kind = "continuous", steps = 5.0 }
augment = { symmetry = "reference", zoom = 0.0, rotation_degrees = 0.0, intensity_scale = 0.0, intensity_shift = 0.0, gamma = 0.0, clip = false }
[method.branches]
max_decay = 0.5
[method.correlation]
filter = { voxels = { kind = "top-and-random", count = 64, surest_share = 0.5 }, threshold = 0.0 }
anchors = { count = 16, at_least = 16, in_halves = false }
[method.network]
base_filters = 4
normalisation = "instance"
[training]
steps = 6
[inference]
strides_zyx = [8, 12, 24]
[report]
empty = "worst-case"
"#;

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn set(folder: &Path) {
    for (k, name) in ["a", "b", "c", "d", "e", "t"].iter().enumerate() {
        phantom::write(folder, name, 17.0 + 1.5 * k as f64);
    }
    fs::write(folder.join("train.list"), "a\nb\nc\nd\ne\n").unwrap();
    fs::write(folder.join("test.list"), "t\n").unwrap();
    fs::write(folder.join("semi.toml"), CONFIG).unwrap();
}

#[test]
fn a_data_set_is_shared_out_reported_on_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    for seed in ["0", "1"] {
        let out = format!("runs/{seed}");
        let log = succeed(
            folder,
            &[
                "semi",
                "--config",
                "semi.toml",
                "--seed",
                seed,
                "--out",
                &out,
                "--threads",
                "1",
            ],
        );
        assert!(
            log.contains("1 labelled and 2 unlabelled volumes, 2 to validate"),
            "{log}"
        );
    }
    let run = folder.join("runs/0");
    let split = json(&run.join("split.json"));
    assert_eq!(split["labelled"], serde_json::json!(["a"]));
    assert_eq!(split["unlabelled"], serde_json::json!(["b", "c"]));
    assert_eq!(split["validation"], serde_json::json!(["d", "e"]));

    let report = json(&run.join("validation/evaluation.json"));
    let floor = json(&run.join("validation/mean-mask.json"));
    for name in ["dice", "jaccard", "hd95", "asd", "hd95_mm", "asd_mm"] {
        for told in [&report, &floor] {
            assert_eq!(told["mean"][name]["n"], 2, "{name}");
            assert!(told["cases"][1]["metrics"][name].is_number(), "{name}");
            let definition = told["definition"][name].as_str().unwrap();
            assert!(definition.contains("worst-case"), "{definition}");
            assert_eq!(
                name.ends_with("_mm"),
                definition.contains(" mm "),
                "{definition}"
            );
        }
    }
    // Voxels are cubes of 4 mm; the one mask, a ball of the same size some 5 voxels beside, overlaps by about half.
    let of = |name: &str| floor["mean"][name]["value"].as_f64().unwrap();
    assert!((of("hd95_mm") - 4.0 * of("hd95")).abs() < 1e-9);
    assert!(of("dice") > 0.35 && of("dice") < 0.65, "{}", of("dice"));

    succeed(folder, &["lint", "runs/0/validation/table.csv"]);
    let files = [
        "runs/0/validation/evaluation.json",
        "runs/0/validation/mean-mask.json",
    ];
    succeed(folder, &[&["compare"][..], &files].concat());
    // Arms of seeds find their evaluations, and no floor among them.
    let arms = ["ours=runs", "same=runs/0,runs/1"];
    let log = succeed(folder, &[&["compare"][..], &arms].concat());
    assert!(log.contains("2 seeds"), "{log}");
    parts_are_predicted(folder, &report);
}

/// Predictions of a run's cases are those that its report is of.
fn parts_are_predicted(folder: &Path, report: &Value) {
    let predict = |out: &str, more: &[&str]| {
        let start = ["predict", "--checkpoint", "runs/0", "--out", out];
        succeed(folder, &[&start[..], more].concat());
    };
    let part = ["--part", "validation"];
    predict("p", &part);
    // On one grid it makes no difference to hold no class whole, but for what rounding turns.
    let whole = [&part[..], &["--set", "preprocessing.scale=1"]].concat();
    predict("w", &whole);
    let streamed = ["--set", "inference.streamed=true"];
    predict("s", &[&whole[..], &streamed].concat());
    let read = |path: &str| scarce::io::read_label_map(&folder.join(path)).unwrap();
    for id in ["d", "e"] {
        let path = |start: &str| format!("{start}/{id}.nii.gz");
        let ours = read(&path("p"));
        assert_eq!(ours, read(&path("runs/0/validation/predictions")), "{id}");
        assert!(
            ours.grid()
                .matches(&read(&format!("{id}.labels.nii.gz")).grid())
        );
        let (whole, streamed) = (read(&path("w")), read(&path("s")));
        let both = whole.voxels().iter().zip(streamed.voxels());
        assert!(both.filter(|(a, b)| a != b).count() < 5, "{id}");
    }
    assert_eq!(
        json(&folder.join("p/predictions.json"))
            .as_array()
            .unwrap()
            .len(),
        2
    );
    succeed(
        folder,
        &[
            "evaluate",
            "--pred",
            "p",
            "--ref",
            "p/references",
            "--metrics",
            "dice",
            "--json",
            "e.json",
        ],
    );
    let again = &json(&folder.join("e.json"))["cases"];
    for k in 0..2 {
        assert_eq!(
            again[k]["metrics"]["dice"],
            report["cases"][k]["metrics"]["dice"]
        );
    }
    predict("t", &["--ids", "test.list"]);
    assert!(folder.join("t/t.nii.gz").is_file() && folder.join("t/references/t.nii.gz").is_file());
    // One volume has no labels to crop about: it is segmented whole.
    predict("one", &["--input", "t.nii.gz"]);
    assert!(folder.join("one/prediction.json").is_file());
}

#[test]
fn all_may_be_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    let all = "data.set.split.labelled=3";
    let start = ["semi", "--config", "semi.toml", "--steps", "1"];
    let log = succeed(
        folder,
        &[&start[..], &["--set", all, "--out", "all"]].concat(),
    );
    assert!(log.contains("3 labelled and 0 unlabelled volumes"), "{log}");
    assert!(folder.join("all/validation/evaluation.json").is_file());
}

#[test]
fn what_would_be_judged_by_what_was_learned_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    fs::write(folder.join("in-both.list"), "t\nd\n").unwrap();
    let check = |more: &[&str], code: i32, part: &str| {
        let start = ["semi", "--config", "semi.toml", "--out", "run"];
        let output = scarce(folder, &[&start[..], more].concat());
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{more:?}: {log}");
        assert!(log.contains(part), "{more:?}: {log} lacks {part}");
        assert!(!folder.join("run").exists(), "{more:?}");
    };
    let set = "--set";
    check(&[set, "data.set.test=in-both.list"], 3, "chosen by: d");
    let twice = "data.labelled=[{id = \"a\", image = \"t.nii.gz\", label = \"t.labels.nii.gz\"}]";
    check(&[set, twice], 3, "case a comes twice");
    let same = "data.labelled=[{id = \"x\", image = \"./e.nii.gz\", label = \"e.labels.nii.gz\"}]";
    check(&[set, same], 3, "e (validation)");
    check(
        &[set, "data.set.split.labelled=9"],
        3,
        "expected 9 patients",
    );
    check(&[set, "data.set.split.labelled=0"], 3, "no labelled volume");
    check(&[set, "preprocessing.scale=0"], 2, "preprocessing.scale");
    check(&[set, "inference.strides_zyx=[4, 4, 99]"], 2, "strides_zyx");
    check(&[set, "method.augment.clip=true"], 3, "augment.clip");
}
