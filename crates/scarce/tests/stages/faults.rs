//! Bad input gives one clear line, its exit code, and no half-written artefact.

use std::fs;
use std::path::Path;

use crate::{phantom, scarce, succeed, text_encoder};

const CONFIG: &str =
    "[data]\nlabelled = [{ id = 'a', image = 'a.nii.gz', label = 'a.labels.nii.gz' }]\n";

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
#[allow(clippy::too_many_lines, reason = "one table of cases")]
fn are_named_in_one_line_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    let whole = fs::read(folder.join("a.nii.gz")).unwrap();
    fs::write(folder.join("cut.nii.gz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.join("config.toml"), CONFIG).unwrap();
    fs::write(
        folder.join("misspelt.toml"),
        format!("{CONFIG}[training]\nstpes = 3\n"),
    )
    .unwrap();
    fs::write(
        folder.join("cut.toml"),
        CONFIG.replace("a.nii.gz", "cut.nii.gz"),
    )
    .unwrap();
    fs::write(
        folder.join("gone.toml"),
        CONFIG.replace("a.nii.gz", "gone.nii.gz"),
    )
    .unwrap();
    fs::write(folder.join("not.npy"), b"no array").unwrap();
    fs::write(folder.join("slices.toml"), "[slices]\nstpe = 3\n").unwrap();
    let before = names(folder);

    let encoder = text_encoder();
    let localize = |image: &'static str, prompt: &'static str| {
        vec![
            "localize",
            image,
            "--prompt",
            prompt,
            "--label-map",
            "a.labels.nii.gz",
            "--label-names",
            "names.csv",
            "--text-encoder",
            &encoder,
            "--out",
            "out",
        ]
    };
    let open = |prompt: &'static str, more: &[&'static str]| {
        let first = ["localize", "a.nii.gz", "--prompt", prompt, "--out", "out"];
        [&first[..], &["--text-encoder", &encoder], more].concat()
    };
    let semi = |config: &'static str| vec!["semi", "--config", config, "--out", "out"];
    let mask = |policy: &'static str, high: &'static str| {
        vec![
            "mask",
            "--region",
            "a.labels.nii.gz",
            "--grid",
            "8",
            "--policy",
            policy,
            "--high",
            high,
            "--out",
            "out/m.npy",
        ]
    };
    let cases: Vec<(Vec<&str>, i32, &[&str])> = vec![
        (localize("cut.nii.gz", "heart"), 3, &["cut.nii.gz"]),
        (
            localize("gone.nii.gz", "heart"),
            3,
            &["gone.nii.gz", "No such file"],
        ),
        (localize("a.nii.gz", "banana"), 2, &["banana", "nearest"]),
        (localize("a.nii.gz", " "), 2, &["prompt is empty"]),
        (
            open("a green truck", &[]),
            3,
            &["is not seen in the image", "a green truck"],
        ),
        (open("no heart", &[]), 2, &["negates"]),
        (
            open("heart", &["--localizer", "label-map"]),
            2,
            &["--label-map FILE"],
        ),
        (
            open("heart", &["--given", "a.labels.nii.gz"]),
            2,
            &["--given is not read by the localizer `scarce-open`"],
        ),
        (
            open("heart", &["--localizer", "clipseg"]),
            2,
            &["`clipseg` needs --model FOLDER"],
        ),
        (
            open("heart", &["--localizer", "clipseg", "--model", "."]),
            5,
            &["CLIPSeg", "model.onnx"],
        ),
        (
            open("heart", &["--options", "slices.toml"]),
            2,
            &["stpe", "slices.toml"],
        ),
        (
            semi("misspelt.toml"),
            2,
            &["stpes", "did you mean `steps`?", "misspelt.toml"],
        ),
        (semi("cut.toml"), 3, &["cut.nii.gz"]),
        (semi("gone.toml"), 3, &["gone.nii.gz"]),
        (semi("none.toml"), 5, &["none.toml"]),
        (mask("region", "1.5"), 2, &["high is 1.5"]),
        (
            vec![
                "predict",
                "--checkpoint",
                ".",
                "--input",
                "a.nii.gz",
                "--out",
                "out",
            ],
            2,
            &["config.resolved.toml"],
        ),
        (
            vec![
                "evaluate",
                "--pred",
                "a.labels.nii.gz",
                "--ref",
                "cut.nii.gz",
            ],
            3,
            &["cut.nii.gz"],
        ),
        (
            vec![
                "evaluate",
                "--pred",
                "a.nii.gz",
                "--ref",
                "a.labels.nii.gz",
                "--unit",
                "inch",
            ],
            2,
            &["inch", "mm or voxel"],
        ),
        (vec!["report", "nowhere"], 3, &["nowhere"]),
        (vec!["info", "--model", "unet"], 2, &["unet", "vnet"]),
    ];
    for (arguments, code, parts) in cases {
        let output = scarce(folder, &arguments);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {log}");
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {log}");
        for part in parts {
            assert!(errors[0].contains(part), "{log:?} lacks {part:?}");
        }
        assert_eq!(names(folder), before, "{arguments:?} left something behind");
    }
}

#[test]
fn verify_finds_them_and_says_so_to_scripts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    let whole = fs::read(folder.join("a.nii.gz")).unwrap();
    fs::write(folder.join("cut.nii.gz"), &whole[..whole.len() / 2]).unwrap();
    let output = scarce(folder, &["verify", ".", "--json", "-"]);
    assert_eq!(output.status.code(), Some(3));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["n_ok"], &report["n_error"]),
        (&2.into(), &1.into())
    );
    fs::remove_file(folder.join("cut.nii.gz")).unwrap();
    succeed(folder, &["verify", "."]);
    succeed(
        folder,
        &[
            "convert",
            "a.nii.gz",
            "ras.nii.gz",
            "--orient",
            "RAS",
            "--spacing-mm",
            "8,8,8",
        ],
    );
    let output = scarce(folder, &["info", "ras.nii.gz", "--json", "-"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&told["orientation"], &told["shape_zyx"][0]),
        (&"RAS".into(), &20.into())
    );
}
