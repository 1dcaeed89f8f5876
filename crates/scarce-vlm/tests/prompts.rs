//! The real text encoder on the names of a TotalSegmentator label map: which prompts are understood,
//! which are refused. `cargo xtask setup` puts the encoder's two files where this test looks.

use std::{collections::BTreeMap, path::PathBuf};

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_vlm::{
    LocalizeError, Localizer,
    label_map::{LabelMapLocalizer, LabelMapOptions},
    text::TextEncoder,
};

fn model_file(name: &str) -> PathBuf {
    let path = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../target/models/minilm"
    ))
    .join(name);
    assert!(
        path.is_file(),
        "run `cargo xtask setup`; missing: {}",
        path.display()
    );
    path
}

fn encoder() -> TextEncoder {
    TextEncoder::load(&model_file("model.onnx"), &model_file("tokenizer.json")).unwrap()
}

fn names() -> BTreeMap<u16, String> {
    include_str!("fixtures/structures.csv")
        .lines()
        .skip(1)
        .map(|line| {
            let (id, name) = line.split_once(',').unwrap();
            (id.parse().unwrap(), name.to_owned())
        })
        .collect()
}

/// One voxel a label, in a row along x.
fn one_voxel_each(names: &BTreeMap<u16, String>) -> LabelMap {
    let labels: Vec<u16> = std::iter::once(0).chain(names.keys().copied()).collect();
    let geometry = Geometry::from_spacing_mm_xyz([1.0, 1.0, 1.0]).unwrap();
    Volume::new(
        Array3::from_shape_vec((1, 1, labels.len()), labels).unwrap(),
        geometry,
    )
}

#[test]
fn table() {
    let names = names();
    let labels = one_voxel_each(&names);
    let image = labels.map(|_| 0.0_f32);
    let options = LabelMapOptions::default()
        .with_threshold(std::env::var("T").map_or(0.5, |t| t.parse().unwrap()));
    let mut localizer = LabelMapLocalizer::new(encoder(), labels, names.clone(), options).unwrap();
    println!("{:?}", localizer.concept_names());
    let t = std::time::Instant::now();
    for line in include_str!("fixtures/prompts.csv").lines().skip(1) {
        let f: Vec<&str> = line.splitn(3, ',').collect();
        let (used, prompt, expected) = (f[0], f[1], f[2]);
        match localizer.localize(&image, prompt) {
            Ok(region) => {
                let found: Vec<&str> = region
                    .provenance()
                    .matches
                    .iter()
                    .map(|m| m.name.as_str())
                    .collect();
                let want: Vec<&str> = names
                    .values()
                    .map(String::as_str)
                    .filter(|n| {
                        expected.split(' ').any(|p| match p.split_once('*') {
                            Some((a, b)) => {
                                n.starts_with(a) && n.ends_with(b) && n.len() >= a.len() + b.len()
                            }
                            None => *n == p,
                        })
                    })
                    .collect();
                println!(
                    "{} {used} {:.3} {prompt} -> {} [{}]",
                    if found == want { "ok  " } else { "FAIL" },
                    region.score(),
                    region.provenance().settings["structure"],
                    region.provenance().settings["nearest_text"]
                );
            }
            Err(LocalizeError::UnknownPrompt {
                best_similarity,
                outside,
                nearest,
                ..
            }) => {
                println!(
                    "{} {used} {best_similarity:.3} {prompt} -> UNKNOWN {outside:?} {:?}",
                    if expected == "unknown" {
                        "ok  "
                    } else {
                        "FAIL"
                    },
                    nearest.first()
                );
            }
            Err(e) => println!("FAIL {used} {prompt} {e}"),
        }
    }
    println!("{:?}", t.elapsed());
}
