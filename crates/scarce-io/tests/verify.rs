//! What is wrong with a data set is told by file, whatever its layout.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_io::{
    Place, Status, VerifyReport, verify, write_label_map, write_png_rgb, write_volume,
};

const SHAPE: [usize; 3] = [3, 4, 5];

fn geometry(spacing_mm: f64) -> Geometry {
    Geometry::from_spacing_mm_xyz([spacing_mm; 3]).unwrap()
}

/// A folder with what a set consists of.
struct Set(tempfile::TempDir);

impl Set {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn image(&self, name: &str) -> &Self {
        let volume = Volume::new(Array3::from_elem(SHAPE, 0.5), geometry(1.0));
        write_volume(&self.path(name), &volume).unwrap();
        self
    }

    fn label_on(&self, name: &str, shape: [usize; 3], spacing_mm: f64, label: u16) -> &Self {
        let labels = LabelMap::new(Array3::from_elem(shape, label), geometry(spacing_mm));
        write_label_map(&self.path(name), &labels).unwrap();
        self
    }

    fn label(&self, name: &str) -> &Self {
        self.label_on(name, SHAPE, 1.0, 1)
    }

    fn text(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    fn verify(&self) -> VerifyReport {
        verify(&[self.0.path().to_owned()]).unwrap()
    }

    /// `file: code` of everything that is wrong.
    fn check(&self, expected: &[&str]) {
        check(&self.verify(), self.0.path(), expected);
    }
}

fn check(report: &VerifyReport, folder: &Path, expected: &[&str]) {
    let mut found: Vec<String> = (report.files.iter())
        .flat_map(|file| {
            let path = file.path.strip_prefix(folder).unwrap_or(&file.path);
            let name = path.to_string_lossy().into_owned();
            file.faults
                .iter()
                .map(move |fault| format!("{name}: {}", fault.code))
        })
        .collect();
    found.sort();
    assert_eq!(found, expected, "{report:#?}");
}

#[test]
fn nnunet_folders() {
    const DESCRIPTION: &str = r#"{"file_ending": ".nii.gz", "numTraining": 2, "channel_names": {"0": "T1", "1": "T2"},
        "labels": {"background": 0, "heart": 1, "whole": [1, 2]}}"#;
    let set = Set::new();
    set.text("dataset.json", DESCRIPTION);
    for case in ["a", "b"] {
        for channel in ["0000", "0001"] {
            set.image(&format!("imagesTr/{case}_{channel}.nii.gz"));
        }
        set.label(&format!("labelsTr/{case}.nii.gz"));
    }
    set.check(&[]);
    assert_eq!(set.verify().n_ok, 6);
    set.image("imagesTr/c_0000.nii.gz");
    fs::remove_file(set.path("imagesTr/b_0001.nii.gz")).unwrap();
    set.label_on("labelsTr/a.nii.gz", SHAPE, 1.0, 7);
    set.label_on("labelsTr/b.nii.gz", [3, 4, 6], 1.0, 1);
    set.label_on("labelsTr/d.nii.gz", SHAPE, 1.5, 1);
    set.image("imagesTr/d_0000.nii.gz")
        .image("imagesTr/d_0001.nii.gz");
    set.check(&[
        "dataset.json: count",
        "imagesTr/b_0001.nii.gz: pair-missing",
        "imagesTr/c_0000.nii.gz: pair-missing",
        "labelsTr/a.nii.gz: label-undeclared",
        "labelsTr/b.nii.gz: pair-shape",
        "labelsTr/d.nii.gz: pair-geometry",
        "labelsTr/d.nii.gz: pair-geometry",
    ]);
}

#[test]
fn decathlon_folders() {
    let set = Set::new();
    set.image("imagesTr/a.nii.gz")
        .label("labelsTr/a.nii.gz")
        .text(
            "dataset.json",
            r#"{"numTraining": 1, "labels": {"0": "background", "1": "heart"},
            "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}]}"#,
        );
    set.check(&[]);
    set.text(
        "dataset.json",
        r#"{"numTraining": 5, "labels": {"0": "background"}, "training": [
            {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"},
            {"image": "imagesTr/b.nii.gz", "label": "labelsTr/a.nii.gz"}, {"image": 3}]}"#,
    );
    set.check(&[
        "dataset.json: count",
        "dataset.json: json",
        "imagesTr/b.nii.gz: pair-missing",
        "labelsTr/a.nii.gz: label-undeclared",
    ]);
    set.text("dataset.json", "{");
    set.check(&["dataset.json: json"]);
}

#[test]
fn bids_folders() {
    let set = Set::new();
    set.text("dataset_description.json", "{}")
        .text("participants.tsv", "participant_id\tage\nsub-01\t40\n")
        .image("sub-01/anat/sub-01_T1w.nii.gz")
        .text("sub-01/anat/sub-01_T1w.json", "{}");
    set.check(&[]);
    set.text(
        "participants.tsv",
        "participant_id\tage\nsub-01\t40\nsub-02\t41\n",
    )
    .text("sub-01/anat/sub-01_T1w.json", "{,}")
    .image("sub-01/ses-1/anat/sub-07_T1w.nii.gz");
    set.check(&[
        "participants.tsv: pair-missing",
        "sub-01/anat/sub-01_T1w.json: json",
        "sub-01/ses-1/anat/sub-07_T1w.nii.gz: bids-name",
    ]);
}

#[test]
fn coco_annotations() {
    let set = Set::new();
    write_png_rgb(&set.path("images/a.png"), Array3::zeros((6, 8, 3)).view()).unwrap();
    let annotations = |images: &str, annotations: &str| {
        format!(
            r#"{{"images": [{images}], "annotations": [{annotations}], "categories": [{{"id": 1}}]}}"#
        )
    };
    let image = r#"{"id": 1, "file_name": "a.png", "width": 8, "height": 6}"#;
    let sound = r#"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 6]}"#;
    set.text("instances.json", &annotations(image, sound));
    set.check(&[]);
    for (image, annotation, codes) in [
        (
            r#"{"id": 1, "file_name": "b.png", "width": 8, "height": 6}"#,
            sound,
            &["pair-missing"][..],
        ),
        (
            r#"{"id": 1, "file_name": "a.png", "width": 9, "height": 6}"#,
            sound,
            &["coco-size"],
        ),
        (
            r#"{"id": 1, "file_name": "a.png"}"#,
            sound,
            &["coco-image", "coco-image"],
        ),
        (&format!("{image}, {image}"), sound, &["coco-id"]),
        (image, &format!("{sound}, {sound}"), &["coco-id"]),
        (image, r#"{"image_id": 1}"#, &["coco-id"]),
        (
            image,
            r#"{"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 8, 6]}"#,
            &["coco-id"],
        ),
        (
            image,
            r#"{"id": 1, "image_id": 1, "category_id": 2, "bbox": [0, 0, 8, 6]}"#,
            &["coco-category"],
        ),
        (
            image,
            r#"{"id": 1, "image_id": 9, "category_id": 1, "bbox": [0, 0, 8, 6]}"#,
            &["coco-image"],
        ),
        (
            image,
            r#"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [4, 0, 8, 6]}"#,
            &["coco-box"],
        ),
        (
            image,
            r#"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 0, 6]}"#,
            &["coco-box"],
        ),
        (
            image,
            r#"{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, null, 3, 6]}"#,
            &["coco-box"],
        ),
    ] {
        set.text("instances.json", &annotations(image, annotation));
        let codes: Vec<String> = codes
            .iter()
            .map(|code| format!("instances.json: {code}"))
            .collect();
        set.check(&codes.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn manifests() {
    let set = Set::new();
    set.image("set/a.nii.gz")
        .label("set/a_label.nii.gz")
        .text("set/names.csv", "id,name\n1,heart\n");
    let manifest = |file: &str, label: &str| {
        format!(
            "name = \"set\"\nlicence = \"MIT\"\n[[file]]\nto = \"names.csv\"\nsha256 = \"{file}\"\n\
             [[case]]\nid = \"a\"\npatient = \"a\"\nimage = \"a.nii.gz\"\n[[case.label]]\npath = \"{label}\"\n"
        )
    };
    // printf 'id,name\n1,heart\n' | sha256sum
    let sha256 = "ea5c26030ab1450cd7d1009774c3624b892e0871d0b5bc3a3f6449e6c7bf3efa";
    for (file, label, expected) in [
        (sha256, "a_label.nii.gz", &[][..]),
        (
            &sha256.replace('2', "3"),
            "a_label.nii.gz",
            &["set/names.csv: data-set"],
        ),
        (sha256, "b_label.nii.gz", &["set/b_label.nii.gz: missing"]),
    ] {
        set.text("set.toml", &manifest(file, label));
        check(
            &verify(&[set.path("set.toml")]).unwrap(),
            set.0.path(),
            expected,
        );
    }
    set.label_on("set/a_label.nii.gz", [3, 4, 6], 1.0, 1);
    set.text("set.toml", &manifest(sha256, "a_label.nii.gz"));
    let report = verify(&[set.path("set.toml")]).unwrap();
    check(&report, set.0.path(), &["set/a_label.nii.gz: pair-shape"]);
    for (text, code) in [
        ("name = \"set\"\nlicence = \"MIT\"\n", "no-cases"),
        ("name = \"set\"\n", "data-set"),
        (
            "name = \"set\"\nlicence = \"MIT\"\n[cases_from]\nlayout = \"bids\"\n",
            "no-cases",
        ),
        (
            "name = \"set\"\nlicence = \"MIT\"\n[cases_from]\nlayout = \"nn-unet\"\n",
            "missing",
        ),
        (
            "name = \"set\"\nlicence = \"MIT\"\n[cases_from]\nlayout = \"other\"\n",
            "data-set",
        ),
    ] {
        set.text("set.toml", text);
        let report = verify(&[set.path("set.toml")]).unwrap();
        assert_eq!(report.files[0].faults[0].code, code, "{text}");
    }
}

#[test]
fn damage_is_told_with_its_place() {
    let set = Set::new();
    set.image("a.nii").image("b.nii").image("c.nii.gz");
    let whole = fs::read(set.path("a.nii")).unwrap();
    fs::write(set.path("a.nii"), &whole[..400]).unwrap();
    let mut not_a_number = whole;
    not_a_number[352 + 4 * 26..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(set.path("b.nii"), not_a_number).unwrap();
    let report = set.verify();
    assert_eq!([report.n_ok, report.n_warning, report.n_error], [1, 0, 2]);
    let places: Vec<_> = (report.files.iter())
        .filter(|file| file.status == Status::Error)
        .map(|file| file.faults[0].at.unwrap())
        .collect();
    assert_eq!(places, [Place::Byte(48), Place::VoxelZyx([1, 1, 1])]);
}

/// The labels inside of an archive are read too.
#[test]
fn archives_are_read_whole() {
    let set = Set::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/volume.h5");
    let whole = fs::read(golden).unwrap();
    fs::write(set.path("a.h5"), &whole).unwrap();
    set.check(&[]);
    let mut refused = 0;
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        fs::write(set.path("a.h5"), bytes).unwrap();
        refused += set.verify().n_error;
    }
    assert!(refused > 0);
}

#[cfg(unix)]
#[test]
fn names_that_others_cannot_tell_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    let set = Set::new();
    set.image("case.nii.gz")
        .image("CASE.nii.gz")
        .image("other.nii")
        .image("other.nii.gz");
    set.image("pair_0000.nii.gz").image("pair_0001.nii.gz");
    let odd = set.0.path().join(OsStr::from_bytes(b"no\xfftext.nii.gz"));
    fs::copy(set.path("case.nii.gz"), &odd).unwrap();
    let report = set.verify();
    check(
        &report,
        set.0.path(),
        &[
            "CASE.nii.gz: name-clash",
            "no\u{fffd}text.nii.gz: name-encoding",
            "other.nii: name-clash",
        ],
    );
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains("no\u{fffd}text.nii.gz"), "{json}");
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_a_circle_end() {
    let set = Set::new();
    set.image("deep/a.nii.gz");
    std::os::unix::fs::symlink(set.0.path(), set.path("deep/up")).unwrap();
    std::os::unix::fs::symlink("itself", set.path("deep/itself")).unwrap();
    std::os::unix::fs::symlink("nowhere.nii.gz", set.path("gone.nii.gz")).unwrap();
    let report = set.verify();
    check(&report, set.0.path(), &["gone.nii.gz: missing"]);
    assert_eq!(report.n_ok, 1);
}

#[test]
fn the_table_says_all_of_it() {
    let set = Set::new();
    set.image("a.nii.gz").text("b.nii", "nothing");
    let text = set.verify().to_string();
    for part in [
        "error",
        "b.nii",
        "unknown-format",
        "1 ok, 0 with warnings, 1 with errors",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    assert!(!text.contains("a.nii.gz"), "{text}");
}
