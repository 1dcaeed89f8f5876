//! Figures of label maps, classes and boxes, runs against runs, and tables that can't be.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::{phantom, scarce, succeed};

/// What a command writes to standard output by `--json -`.
fn told(folder: &Path, arguments: &[&str]) -> Value {
    let output = scarce(folder, &[arguments, &["--json", "-"]].concat());
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {log}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refused(folder: &Path, arguments: &[&str], code: i32, parts: &[&str]) {
    let output = scarce(folder, arguments);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {log}");
    for part in parts {
        assert!(log.contains(part), "{log:?} lacks {part:?}");
    }
}

/// Two patients in `ref/`; in `near/` their hearts lie a voxel off, in `far/` three.
fn label_maps(folder: &Path) {
    for (run, shift) in [("ref", 0.0), ("near", 1.0), ("far", 3.0)] {
        let run = folder.join(run);
        fs::create_dir(&run).unwrap();
        for (name, heart_x) in [("a", 18.0), ("b", 22.0)] {
            phantom::write(&run, name, heart_x + shift);
            fs::remove_file(run.join(format!("{name}.nii.gz"))).unwrap();
        }
    }
}

#[test]
fn every_label_of_every_case_is_scored() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    label_maps(folder);
    // A case without lungs is scored for them all the same.
    let bare = folder.join("near/b.labels.nii.gz");
    let map = scarce::io::read_label_map(&bare).unwrap();
    let heart = map.map(|label| if *label == 51 { 51 } else { 0 });
    scarce::io::write_label_map(&bare, &heart).unwrap();

    let evaluate = ["evaluate", "--pred", "near", "--ref", "ref"];
    let report = told(
        folder,
        &[&evaluate[..], &["--metrics", "dice,hd95,nsd"]].concat(),
    );
    let metrics = &report["cases"][1]["metrics"];
    assert_eq!(report["cases"][1]["id"], "b.labels");
    assert_eq!(metrics["label-10.dice"], 0.0);
    assert_eq!(metrics["label-10.hd95"], Value::Null);
    // The heart moved by one voxel of 4 mm.
    assert_eq!(metrics["label-51.hd95"], 4.0);
    assert_eq!(
        metrics["label-51.nsd_1mm"].as_f64().map(|v| v < 1.0),
        Some(true)
    );
    let hd95 = &report["mean"]["label-10.hd95"];
    assert_eq!((&hd95["n"], &hd95["n_undefined"]), (&json!(1), &json!(1)));
    assert!(
        report["definition"]["label-10.hd95"]
            .as_str()
            .unwrap()
            .contains("pooled")
    );

    for (arguments, code, parts) in [
        (
            &["--convention", "median"][..],
            2,
            &["median", "pooled, max-directed or area"][..],
        ),
        (&["--metrics", "speed"], 2, &["speed", "dice"]),
        (&["--metrics", "nsd_2voxel"], 2, &["nsd_2voxel"]),
        (&["--tolerance=-1"], 2, &["tolerance of nsd", "-1"]),
    ] {
        refused(folder, &[&evaluate[..], arguments].concat(), code, parts);
    }
    // A mask of chances: 0.5 is no label, and none is made of it.
    let chances = map.map(|label| if *label == 51 { 0.5 } else { 0.0 });
    scarce::io::write_volume(&bare, &chances).unwrap();
    let parts = ["0.5", "b.labels.nii.gz"];
    refused(folder, &evaluate, 3, &parts);
    fs::remove_file(&bare).unwrap();
    refused(folder, &evaluate, 3, &["without a partner", "b.labels"]);
}

#[test]
fn runs_are_compared_case_by_case() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    label_maps(folder);
    for run in ["near", "far"] {
        let out = format!("{run}/evaluation.json");
        let evaluate = [
            "evaluate",
            "--pred",
            run,
            "--ref",
            "ref",
            "--metrics",
            "dice,asd",
        ];
        succeed(folder, &[&evaluate[..], &["--json", &out]].concat());
    }
    let compare = ["compare", "far", "near", "--metrics", "label-51.dice"];
    let comparison = told(folder, &compare);
    let difference = &comparison["differences"][0];
    assert_eq!(difference["metric"], "label-51.dice");
    assert_eq!(
        (&difference["run_a"], &difference["run_b"]),
        (&json!("far"), &json!("near"))
    );
    assert!(
        difference["mean_difference"].as_f64().unwrap() > 0.1,
        "{difference}"
    );
    assert_eq!(difference["warnings"][0]["kind"], "very-few-cases");
    succeed(
        folder,
        &[&compare[..], &["--csv", "comparison.csv"]].concat(),
    );
    let csv = fs::read_to_string(folder.join("comparison.csv")).unwrap();
    assert!(
        csv.starts_with("metric,run_a,run_b,") && csv.lines().count() == 2,
        "{csv}"
    );

    refused(
        folder,
        &["compare", "near", "ref"],
        3,
        &["no evaluation.json", "ref"],
    );
    refused(folder, &["compare", "near"], 2, &[]);
}

#[test]
fn classes_are_scored_from_tables() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("ref.csv", "id,class\na,none\nb,tumour\nc,tumour\nd,none\n");
    write(
        "pred.csv",
        "id,none,tumour\nd,0.8,0.2\nc,0.6,0.4\nb,0.1,0.9\na,0.7,0.3\n",
    );
    let evaluate = [
        "evaluate", "--task", "classify", "--pred", "pred.csv", "--ref", "ref.csv",
    ];
    let report = told(folder, &evaluate);
    // sklearn.metrics: accuracy_score 0.75, roc_auc_score 1.0, brier_score_loss 0.125.
    for (name, expected) in [("accuracy", 0.75), ("roc_auc", 1.0), ("brier", 0.125)] {
        let got = report["mean"][name]["value"].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-12, "{name}: {got}");
    }
    assert_eq!(report["confusion_matrix"], json!([[2, 0], [1, 1]]));
    assert_eq!(report["cases"].as_array().map(Vec::len), Some(4));

    write("short.csv", "id,class\na,none\n");
    write("word.csv", "id,none,tumour\na,0.7,maybe\n");
    write(
        "beyond.csv",
        "id,none,tumour\na,0.7,0.7\nb,0,1\nc,0,1\nd,0,1\n",
    );
    write("nameless.csv", "case,class\na,none\n");
    for (prediction, parts) in [
        ("short.csv", &["\"b\"", "missing", "short.csv"][..]),
        ("word.csv", &["row 2", "tumour", "maybe", "word.csv"]),
        ("beyond.csv", &["\"a\"", "beyond.csv"]),
        ("nameless.csv", &["no column \"id\"", "nameless.csv"]),
        ("gone.csv", &["gone.csv", "No such file"]),
    ] {
        let arguments = [
            "evaluate", "--task", "classify", "--pred", prediction, "--ref", "ref.csv",
        ];
        refused(folder, &arguments, 3, parts);
    }
    refused(
        folder,
        &[&evaluate[..], &["--metrics", "dice"]].concat(),
        2,
        &["dice", "accuracy"],
    );
}

#[test]
fn boxes_are_scored_as_coco_does() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, value: Value| fs::write(folder.join(name), value.to_string()).unwrap();
    let image =
        |id: i32| json!({"id": id, "width": 100, "height": 100, "file_name": format!("{id}.png")});
    let object = |id: i32, image: i32| json!({"id": id, "image_id": image, "category_id": 1, "bbox": [10, 10, 40, 40], "area": 1600, "iscrowd": 0});
    write(
        "truth.json",
        json!({"images": [image(1), image(2)], "categories": [{"id": 1, "name": "tumour"}],
            "annotations": [object(0, 1), object(1, 2)]}),
    );
    let found = |image: i32, x: i32, score: f64| json!({"image_id": image, "category_id": 1, "bbox": [x, 10, 40, 40], "score": score});
    write("found.json", json!([found(1, 10, 0.9), found(2, 60, 0.8)]));
    let evaluate = [
        "evaluate",
        "--task",
        "detect",
        "--pred",
        "found.json",
        "--ref",
        "truth.json",
    ];
    let report = told(folder, &evaluate);
    // One of two objects found by the surest detection: precision 1 up to recall 0.5, at 51 of 101 recalls.
    let ap = report["mean"]["ap"]["value"].as_f64().unwrap();
    assert!((ap - 51.0 / 101.0).abs() < 1e-12, "{ap}");
    assert_eq!(report["mean"]["ap"]["n"], 2);
    assert_eq!(report["mean"]["ap_small"]["value"], Value::Null);
    // Found before anything false is, and nothing after.
    for froc in ["sensitivity_at_0.125", "sensitivity_at_8", "cpm"] {
        assert_eq!(report["mean"][froc]["value"], 0.5, "{froc}");
    }

    write("unknown.json", json!([found(7, 10, 0.9)]));
    fs::write(
        folder.join("nan.json"),
        r#"[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": NaN}]"#,
    )
    .unwrap();
    for (prediction, parts) in [
        ("unknown.json", &["7", "unknown.json"][..]),
        ("nan.json", &["NaN", "nan.json"]),
        ("truth.json", &["truth.json"]),
    ] {
        let arguments = [
            "evaluate",
            "--task",
            "detect",
            "--pred",
            prediction,
            "--ref",
            "truth.json",
        ];
        refused(folder, &arguments, 3, parts);
    }
    refused(
        folder,
        &[&evaluate[..], &["--csv", "cases.csv"]].concat(),
        2,
        &["--csv"],
    );
}

#[test]
fn impossible_rows_end_with_the_code_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let table = "method,Dice (%),Jaccard (%)\nCORN,88.23,79.12\nCAML,86.78,75.97\n";
    fs::write(folder.join("table.csv"), table).unwrap();
    refused(folder, &["lint", "table.csv"], 4, &["CAML", "76.65"]);
    let sound = table.split_inclusive('\n').take(2).collect::<String>();
    fs::write(folder.join("table.csv"), sound).unwrap();
    let findings = told(folder, &["lint", "table.csv"]);
    assert_eq!(
        (&findings["n_rows"], &findings["n_impossible"]),
        (&json!(1), &json!(0))
    );
    fs::write(folder.join("table.csv"), "").unwrap();
    refused(folder, &["lint", "table.csv"], 3, &["empty", "table.csv"]);
}
