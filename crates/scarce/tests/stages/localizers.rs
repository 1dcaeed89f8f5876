//! Regions by each way of finding them that needs no model from elsewhere.

use std::fs;

use serde_json::Value;

use crate::{phantom, succeed, text_encoder};

#[test]
fn each_localizer_says_what_it_found_and_how() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    phantom::write(folder, "a", 20.0);
    fs::write(
        folder.join("whole.toml"),
        "[slices]\nstep = 2\n[refine]\nboxes_per_slice = 1\n",
    )
    .unwrap();
    let labels = scarce_io::read_label_map(&folder.join("a.labels.nii.gz")).unwrap();
    let labelled = labels.voxels().iter().filter(|label| **label != 0).count();
    let encoder = text_encoder();
    let check = |name: &str, more: &[&str], n_models: usize| -> usize {
        let first = ["localize", "a.nii.gz", "--prompt", "heart", "--out", name];
        let arguments = [&first[..], &["--text-encoder", &encoder], more].concat();
        succeed(folder, &arguments);
        let written = fs::read(folder.join(name).join("localization.json")).unwrap();
        let record: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(record["localizer"], name, "{record}");
        assert_eq!(
            record["models"].as_array().unwrap().len(),
            n_models,
            "{name}"
        );
        let region = scarce_io::read_label_map(&folder.join(name).join("region.nii.gz")).unwrap();
        assert!(region.grid().matches(&labels.grid()), "{name}");
        region.voxels().iter().filter(|label| **label != 0).count()
    };
    let given = ["--localizer", "given", "--given", "a.labels.nii.gz"];
    assert_eq!(check("given", &given, 0), labelled);
    let foreground = ["--localizer", "foreground", "--options", "whole.toml"];
    assert!(check("foreground", &foreground, 0) > labelled);
    let named = [
        "--label-map",
        "a.labels.nii.gz",
        "--label-names",
        "names.csv",
    ];
    let heart = check("label-map", &named, 2);
    assert!((1..=labelled).contains(&heart), "{heart} of {labelled}");
}
