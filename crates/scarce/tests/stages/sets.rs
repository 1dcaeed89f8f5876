//! `localize` over several images: names, prompts, shares, the cache, and the check of prompts.

use std::fs;
use std::path::Path;

use ndarray::Array2;
use serde_json::Value;

use crate::{phantom, scarce, succeed, text_encoder};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Two volumes and a picture, with labels of the volumes in a folder of their own.
fn set(folder: &Path) {
    for (place, name) in [("scans", "a"), ("scans", "b")] {
        fs::create_dir_all(folder.join(place)).unwrap();
        fs::create_dir_all(folder.join("labels")).unwrap();
        phantom::write(folder, name, 20.0);
        let moved = |from: &str, to: &str| fs::rename(folder.join(from), folder.join(to)).unwrap();
        moved(&format!("{name}.nii.gz"), &format!("{place}/{name}.nii.gz"));
        moved(
            &format!("{name}.labels.nii.gz"),
            &format!("labels/{name}.nii.gz"),
        );
    }
    let picture = Array2::from_shape_fn((24, 32), |(y, x)| {
        255 * u8::from((6..18).contains(&y) && (8..20).contains(&x))
    });
    scarce_io::write_png_grey(&folder.join("scans/p.png"), picture.view()).unwrap();
}

#[test]
fn each_image_gets_a_folder_by_its_name_and_a_line_in_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    let first = [
        "localize",
        "scans",
        "--localizer",
        "foreground",
        "--prompt",
        "body",
    ];
    let run =
        |out: &str, more: &[&str]| succeed(folder, &[&first[..], &["--out", out], more].concat());
    run("alone", &[]);
    run("two", &["--workers", "2", "--threads", "1"]);
    for (name, region) in [
        ("a", "region.nii.gz"),
        ("b", "region.nii.gz"),
        ("p", "region.png"),
    ] {
        for file in [region, "localization.json"] {
            let of = |out: &str| fs::read(folder.join(out).join(name).join(file)).unwrap();
            assert_eq!(of("alone"), of("two"), "{name} {file}");
        }
    }
    let record = json(&folder.join("alone/localizations.json"));
    assert_eq!(
        (&record["n_found"], &record["n_failed"]),
        (&3.into(), &0.into())
    );
    assert_eq!(record["images"][2]["status"], "found");
    let picture = scarce_io::read_image(&folder.join("alone/p/region.png")).unwrap();
    let inside = picture
        .pixels()
        .iter()
        .filter(|value| **value > 0.0)
        .count();
    assert_eq!(inside, 12 * 12 * picture.pixels().dim().0);

    run("shared", &["--shard", "2/3"]);
    let record = json(&folder.join("shared/localizations.2-of-3.json"));
    assert_eq!(record["images"].as_array().unwrap().len(), 1);
    assert!(folder.join("shared/b/region.nii.gz").is_file() && !folder.join("shared/a").exists());

    succeed(folder, &["report", "alone"]);
    let page = fs::read_to_string(folder.join("alone/report.html")).unwrap();
    assert!(page.contains("The picture") && page.contains("Axial slice"));
}

#[test]
fn prompts_labels_and_the_cache_go_by_image() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    fs::remove_file(folder.join("scans/p.png")).unwrap();
    let prompts = r#"{"a.nii.gz": "the heart", "b.nii.gz": "left lung", "c.nii.gz": "unused"}"#;
    fs::write(folder.join("prompts.json"), prompts).unwrap();
    let encoder = text_encoder();
    let run = |out: &str| {
        let arguments = [
            "localize",
            "scans",
            "--prompts",
            "prompts.json",
            "--label-map",
            "labels",
            "--label-names",
            "names.csv",
            "--text-encoder",
            &encoder,
            "--cache",
            "kept",
            "--out",
            out,
        ];
        succeed(folder, &arguments)
    };
    let log = run("new");
    assert!(
        log.contains("no image has") && !log.contains("from the cache"),
        "{log}"
    );
    assert!(run("again").contains("from the cache"));
    for (name, matched) in [("a", "heart"), ("b", "lung_upper_lobe_left")] {
        let of = |out: &str| json(&folder.join(out).join(name).join("localization.json"));
        let (mut new, mut again) = (of("new"), of("again"));
        assert_eq!(new["matches"][0]["name"], matched);
        assert_eq!(new["providers"][0], "cpu");
        assert_eq!(
            (&new["cache"]["hit"], &again["cache"]["hit"]),
            (&false.into(), &true.into())
        );
        for record in [&mut new, &mut again] {
            record["cache"]["hit"] = Value::Null;
        }
        assert_eq!(new, again);
        let region =
            |out: &str| fs::read(folder.join(out).join(name).join("region.nii.gz")).unwrap();
        assert_eq!(region("new"), region("again"));
    }
    // A record that is damaged is found anew.
    let entry = fs::read_dir(folder.join("kept"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    fs::write(entry.path().join("localization.json"), b"{").unwrap();
    assert!(run("mended").contains("found anew"));
}

#[test]
fn refusals_are_answers_and_faults_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    set(folder);
    fs::create_dir(folder.join("more")).unwrap();
    fs::copy(folder.join("scans/a.nii.gz"), folder.join("more/A.nii.gz")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("some.json"), r#"{"a.nii.gz": "heart"}"#).unwrap();
    let encoder = text_encoder();
    let check = |arguments: &[&str], code: i32, words: &[&str]| {
        let fixed = ["localize", "--text-encoder", &encoder, "--out", "out"];
        let output = scarce(folder, &[&fixed[..], arguments].concat());
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {log}");
        for word in words {
            assert!(log.contains(word), "{arguments:?}: {log}");
        }
    };
    check(
        &["scans", "more", "--prompt", "heart"],
        2,
        &["two images are called", "a.nii.gz", "A.nii.gz"],
    );
    check(&["empty", "--prompt", "heart"], 2, &["no image in"]);
    check(
        &["scans", "--prompts", "some.json"],
        2,
        &["no prompt for 2 of 3 images", "p.png"],
    );
    check(&["scans", "--prompt", "no heart"], 2, &["negates"]);
    check(&["scans"], 2, &["--prompt"]);
    check(
        &["scans", "--prompt", "heart", "--shard", "3/2"],
        2,
        &["2/8"],
    );
    check(
        &["scans", "--prompt", "heart", "--provider", "gpu"],
        2,
        &["unknown execution provider"],
    );
    check(
        &["scans", "--prompt", "heart", "--workers", "0"],
        2,
        &["--workers is 0"],
    );
    check(
        &["scans", "--prompt", "the parliament votes"],
        0,
        &["3 not found"],
    );
    let whole = fs::read(folder.join("scans/b.nii.gz")).unwrap();
    fs::write(folder.join("scans/b.nii.gz"), &whole[..whole.len() / 2]).unwrap();
    let foreground = ["scans", "--localizer", "foreground", "--prompt", "body"];
    check(&foreground, 3, &["1 of 3 images failed", "b.nii.gz"]);
    let record = json(&folder.join("out/localizations.json"));
    assert_eq!(record["images"][1]["status"], "failed");
    assert!(folder.join("out/a/localization.json").is_file());
}

#[test]
fn the_check_sets_texts_against_one_another_on_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    let encoder = text_encoder();
    let words = r#"[{"prompt": "the heart", "reworded": ["heart"]}, {"prompt": "left lung", "reworded": ["lung on the left"]}]"#;
    fs::write(folder.join("words.json"), words).unwrap();
    let arguments = [
        "localize",
        "a.nii.gz",
        "--check",
        "--words",
        "words.json",
        "--label-map",
        "a.labels.nii.gz",
        "--label-names",
        "names.csv",
        "--text-encoder",
        &encoder,
        "--out",
        "check",
    ];
    let log = succeed(folder, &arguments);
    assert!(log.contains("follows the words"), "{log}");
    let found = json(&folder.join("check/check.json"));
    // Two prompts, each in other words, and three texts of nonsense for both.
    assert_eq!(found["texts"].as_array().unwrap().len(), 7);
    assert_eq!(found["prompts"][0]["verdict"], "follows-the-words");
    let page = fs::read_to_string(folder.join("check/check.html")).unwrap();
    for expected in [
        "lung on the left",
        "Correlation of the maps",
        "data:image/png",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    succeed(folder, &["report", "check"]);
    let report = fs::read_to_string(folder.join("check/report.html")).unwrap();
    assert!(report.contains("Correlation of the maps") && report.contains("data:image/png"));

    // Of the foreground, whatever is asked: it hears no word.
    let deaf = [
        "localize",
        "a.nii.gz",
        "--check",
        "--prompt",
        "the heart",
        "--localizer",
        "foreground",
        "--out",
        "deaf",
    ];
    assert!(succeed(folder, &deaf).contains("ignores the words"));
}
