//! The check of whether maps follow words, on localizers of which it is known.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use scarce_image::{Geometry, Volume};
use scarce_vlm::check::{
    Found, SanityThresholds, Verdict, Words, check_localizer, check_pictures, check_set,
};
use scarce_vlm::picture::Picture;
use scarce_vlm::slices::{PictureHeat, PictureLocalizer, SliceBySlice, SliceOptions};
use scarce_vlm::{LocalizeError, ModelRecord};
use serde_json::Value;

/// Looks at words in one way or another.
#[derive(Clone, Copy)]
enum Reader {
    /// A blob whatever is asked.
    Deaf,
    /// A blob where "left" or "right" says, elsewhere for other words.
    Listens,
    /// The same, and nonsense is refused.
    Refuses,
    /// A blob where the text's letters say, whatever they mean.
    Counts,
    /// Finds nothing.
    Blind,
}

impl PictureLocalizer for Reader {
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError> {
        let refused = || LocalizeError::NotSeen {
            prompt: prompt.to_owned(),
            score: 0.0,
            least: 0.5,
        };
        let known = ["left", "right"]
            .iter()
            .position(|word| prompt.contains(word));
        let at = match (self, known) {
            (Self::Deaf, _) => 8,
            (Self::Listens | Self::Refuses, Some(place)) => 8 + 12 * place,
            (Self::Listens, None) => 3,
            (Self::Refuses, None) | (Self::Blind, _) => return Err(refused()),
            (Self::Counts, _) => prompt.bytes().map(usize::from).sum::<usize>() * 8 % 29,
        } as f32;
        let [height, width] = picture.size_yx();
        let map = Array2::from_shape_fn((height, width), |(y, x)| {
            let (y, x) = (y as f32 - 8.0, x as f32 - at);
            (-(y * y + x * x) / 12.0).exp()
        });
        Ok(PictureHeat { map, score: 1.0 })
    }

    fn name(&self) -> &'static str {
        "reader"
    }

    fn models(&self) -> Vec<ModelRecord> {
        Vec::new()
    }

    fn settings(&self) -> BTreeMap<String, Value> {
        BTreeMap::new()
    }
}

fn words() -> Words {
    Words::new("the left lung", &["a lung on the left", "left lung"])
}

#[test]
fn tells_who_listens() {
    let pictures: Vec<(String, Picture)> = (0..2)
        .map(|at| {
            (
                format!("{at}"),
                Picture::new(Array3::zeros((20, 30, 3))).unwrap(),
            )
        })
        .collect();
    let volumes: Vec<(String, Volume<f32>)> = (0..2)
        .map(|at| {
            let geometry = Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap();
            (
                format!("{at}"),
                Volume::new(Array3::zeros((1, 20, 30)), geometry),
            )
        })
        .collect();
    let check = |reader: Reader, expected: Verdict, says: &str| {
        let thresholds = SanityThresholds::default();
        let mut sliced = SliceBySlice::new(reader, SliceOptions::default()).unwrap();
        let mut reader = reader;
        for found in [
            check_pictures(&mut reader, &pictures, &words(), thresholds).unwrap(),
            check_localizer(&mut sliced, &volumes, &words(), thresholds).unwrap(),
        ] {
            assert_eq!(found.verdict, expected, "{found:?}");
            assert_eq!(found.verdict.to_string(), says);
            assert_eq!((found.images.len(), found.not_seen.len()), (2, 0));
            let written = serde_json::to_value(&found).unwrap();
            assert_eq!(
                serde_json::from_value::<scarce_vlm::check::PromptSanity>(written).unwrap(),
                found
            );
        }
    };
    check(
        Reader::Deaf,
        Verdict::IgnoresTheWords,
        "the map ignores the words",
    );
    check(
        Reader::Listens,
        Verdict::FollowsTheWords,
        "the map follows the words",
    );
    check(
        Reader::Refuses,
        Verdict::FollowsTheWords,
        "the map follows the words",
    );
    check(
        Reader::Counts,
        Verdict::ChangesWithAnyWord,
        "the map changes with any word, whatever it means",
    );
}

#[test]
fn figures_are_those_of_the_maps() {
    let pictures = [(
        "a".to_owned(),
        Picture::new(Array3::zeros((20, 30, 3))).unwrap(),
    )];
    let check = |mut reader: Reader| {
        check_pictures(
            &mut reader,
            &pictures,
            &words(),
            SanityThresholds::default(),
        )
        .unwrap()
    };
    let deaf = check(Reader::Deaf);
    assert_eq!((deaf.nonsense.iou, deaf.reworded.iou), (1.0, 1.0));
    assert!((deaf.nonsense.correlation - 1.0).abs() < 1e-9);
    let refuses = check(Reader::Refuses);
    assert_eq!(
        (refuses.nonsense.iou, refuses.nonsense.correlation),
        (0.0, 0.0)
    );
    let listens = check(Reader::Listens);
    // Blobs five pixels apart.
    assert!(
        (0.1..0.9).contains(&listens.nonsense.correlation),
        "{listens:?}"
    );
    assert!((0.05..0.6).contains(&listens.nonsense.iou), "{listens:?}");
}

#[test]
fn says_what_it_cannot_check() {
    let pictures = [(
        "a".to_owned(),
        Picture::new(Array3::zeros((4, 4, 3))).unwrap(),
    )];
    let check = |mut reader: Reader, words: Words, option: &str| {
        let thresholds = SanityThresholds::default();
        let error = check_pictures(&mut reader, &pictures, &words, thresholds).unwrap_err();
        assert!(
            matches!(&error, LocalizeError::Option { option: found, .. } if *found == option),
            "{error}"
        );
    };
    check(Reader::Blind, words(), "images");
    check(Reader::Deaf, Words::new("x", &[]), "reworded");
    let without = Words {
        nonsense: Vec::new(),
        ..words()
    };
    check(Reader::Deaf, without, "nonsense");
}

#[test]
fn several_prompts_are_set_against_one_another() {
    let pictures = [(
        "a".to_owned(),
        Picture::new(Array3::zeros((20, 30, 3))).unwrap(),
    )];
    let words = [
        words(),
        Words::new("the right lung", &["right lung"]),
        Words::new("a bicycle", &["a photo of a bicycle"]),
    ];
    let mut asked = 0;
    let mut reader = Reader::Refuses;
    let found = check_set(
        &pictures,
        &words,
        SanityThresholds::default(),
        |picture, prompt| {
            asked += 1;
            let heat: Vec<f32> = reader.heat(picture, prompt)?.map.into_iter().collect();
            let inside = heat.iter().map(|value| *value > 0.5).collect();
            Ok(Found { heat, inside })
        },
    )
    .unwrap();
    // Three texts of the left lung, two of the right one, a bicycle, three of nonsense.
    assert_eq!((asked, found.texts.len()), (9, 9));
    assert_eq!(
        (found.prompts.len(), &found.not_found[..]),
        (2, &["a bicycle".to_owned()][..])
    );
    let between = |a: &str, b: &str| {
        let at = |text: &str| found.texts.iter().position(|known| known == text).unwrap();
        assert_eq!(found.matrix[at(a)][at(b)], found.matrix[at(b)][at(a)]);
        found.matrix[at(a)][at(b)].map(|agreement| agreement.iou)
    };
    assert_eq!(between("the left lung", "left lung"), Some(1.0));
    assert_eq!(between("the left lung", "right lung"), Some(0.0));
    assert_eq!(between("the left lung", "a bicycle"), None);
}
