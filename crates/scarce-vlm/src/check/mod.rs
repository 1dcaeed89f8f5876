//! Does a map follow the words, or would any words have done?
//!
//! Saliency of a picture is often the same for whatever is asked (reported of MedCLIP-SAM: nonsense gives the same map, and
//! "normal" lights up the tumour). So a localizer is asked for the prompt, for the prompt in other words, and for nonsense; the
//! maps should agree in the first pair and not in the second.

mod agreement;
mod outcome;
mod verdict;
mod words;

pub use agreement::{Agreement, Found};
pub use outcome::{ImageSanity, PromptSanity, SetSanity};
pub use verdict::{SanityThresholds, Verdict};
pub use words::Words;

use scarce_image::Volume;

use agreement::{agreement, mean};

use crate::binarize::two_means_threshold;
use crate::picture::Picture;
use crate::slices::PictureLocalizer;
use crate::{LocalizeError, Localizer};

/// Checks a localizer of volumes, such as a [`SliceBySlice`](crate::slices::SliceBySlice), on named images.
///
/// # Errors
/// The localizer's, but for refusals: nonsense that it refuses agrees with nothing, which speaks for it.
/// [`LocalizeError::Option`] when a list of words is empty, or the prompt is found in no image.
pub fn check_localizer(
    localizer: &mut dyn Localizer,
    images: &[(String, Volume<f32>)],
    words: &Words,
    thresholds: SanityThresholds,
) -> Result<PromptSanity, LocalizeError> {
    check_prompts(images, words, thresholds, |image, prompt| {
        let region = localizer.localize(image, prompt)?;
        Ok(Found {
            heat: region.heat().voxels().iter().copied().collect(),
            inside: region.mask().voxels().iter().copied().collect(),
        })
    })
}

/// Checks a localizer of pictures on named pictures; regions are what is above [`two_means_threshold`].
///
/// # Errors
/// As [`check_localizer`].
pub fn check_pictures(
    model: &mut dyn PictureLocalizer,
    pictures: &[(String, Picture)],
    words: &Words,
    thresholds: SanityThresholds,
) -> Result<PromptSanity, LocalizeError> {
    check_prompts(pictures, words, thresholds, |picture, prompt| {
        let heat: Vec<f32> = model.heat(picture, prompt)?.map.into_iter().collect();
        let threshold = two_means_threshold(&heat);
        let inside = heat.iter().map(|value| *value > threshold).collect();
        Ok(Found { heat, inside })
    })
}

/// Checks whatever finds heat and a region, on named images.
///
/// # Errors
/// As [`check_localizer`].
pub fn check_prompts<T>(
    images: &[(String, T)],
    words: &Words,
    thresholds: SanityThresholds,
    localize: impl FnMut(&T, &str) -> Result<Found, LocalizeError>,
) -> Result<PromptSanity, LocalizeError> {
    let mut found = check_set(images, std::slice::from_ref(words), thresholds, localize)?;
    found
        .prompts
        .pop()
        .ok_or_else(|| nothing_found(images.len()))
}

/// Checks several prompts over named images; each image is asked for each text once.
///
/// # Errors
/// As [`check_localizer`]; a prompt that is found in no image is listed as such while another is found.
pub fn check_set<T>(
    images: &[(String, T)],
    words: &[Words],
    thresholds: SanityThresholds,
    mut localize: impl FnMut(&T, &str) -> Result<Found, LocalizeError>,
) -> Result<SetSanity, LocalizeError> {
    for words in words {
        for (option, texts) in [("reworded", &words.reworded), ("nonsense", &words.nonsense)] {
            if texts.is_empty() {
                return Err(needed(option, "one text or more", "none"));
            }
        }
    }
    let mut texts: Vec<String> = Vec::new();
    for text in words.iter().flat_map(Words::texts) {
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    let place = |text: &String| texts.iter().position(|known| known == text);
    let mut gathered: Vec<Gathered> = words.iter().map(|_| Gathered::default()).collect();
    let mut matrix = vec![vec![Vec::new(); texts.len()]; texts.len()];
    for (id, image) in images {
        let maps = texts
            .iter()
            .map(|text| unless_refused(localize(image, text)))
            .collect::<Result<Vec<_>, _>>()?;
        let between = agreements(&maps);
        for (row, found) in matrix.iter_mut().zip(&between) {
            for (cell, found) in row.iter_mut().zip(found) {
                cell.extend(*found);
            }
        }
        for (words, gathered) in words.iter().zip(&mut gathered) {
            let row = place(&words.prompt).filter(|at| maps[*at].is_some());
            let Some(row) = row.map(|at| &between[at]) else {
                gathered.not_seen.push(id.clone());
                continue;
            };
            // What is refused agrees with nothing.
            let with = |texts: &[String]| {
                let each = texts.iter().filter_map(place).map(|at| row[at]);
                mean(&each.map(Option::unwrap_or_default).collect::<Vec<_>>())
            };
            gathered.images.push(ImageSanity {
                id: id.clone(),
                reworded: with(&words.reworded),
                nonsense: with(&words.nonsense),
            });
        }
    }
    let mut prompts = Vec::new();
    let mut not_found = Vec::new();
    for (words, gathered) in words.iter().zip(gathered) {
        if gathered.images.is_empty() {
            not_found.push(words.prompt.clone());
        } else {
            prompts.push(gathered.outcome(words, thresholds));
        }
    }
    if prompts.is_empty() {
        return Err(nothing_found(images.len()));
    }
    let of_images = |each: Vec<Agreement>| (!each.is_empty()).then(|| mean(&each));
    let matrix = matrix
        .into_iter()
        .map(|row| row.into_iter().map(of_images).collect())
        .collect();
    Ok(SetSanity {
        prompts,
        not_found,
        texts,
        matrix,
    })
}

/// One prompt's figures, image by image.
#[derive(Default)]
struct Gathered {
    images: Vec<ImageSanity>,
    not_seen: Vec<String>,
}

impl Gathered {
    fn outcome(self, words: &Words, thresholds: SanityThresholds) -> PromptSanity {
        let over = |of: fn(&ImageSanity) -> Agreement| {
            mean(&self.images.iter().map(of).collect::<Vec<_>>())
        };
        let (reworded, nonsense) = (over(|image| image.reworded), over(|image| image.nonsense));
        PromptSanity {
            words: words.clone(),
            thresholds,
            reworded,
            nonsense,
            verdict: thresholds.verdict(reworded, nonsense),
            images: self.images,
            not_seen: self.not_seen,
        }
    }
}

/// Of each pair of one image's maps.
fn agreements(maps: &[Option<Found>]) -> Vec<Vec<Option<Agreement>>> {
    let n = maps.len();
    let mut between = vec![vec![None; n]; n];
    for (a, of_a) in maps.iter().enumerate() {
        for (b, of_b) in maps.iter().enumerate().skip(a) {
            if let (Some(of_a), Some(of_b)) = (of_a, of_b) {
                let found = Some(agreement(of_a, of_b));
                (between[a][b], between[b][a]) = (found, found);
            }
        }
    }
    between
}

fn nothing_found(n_images: usize) -> LocalizeError {
    let got = format!("{n_images} images, none of them with it");
    needed("images", "one or more in which the prompt is found", &got)
}

fn needed(option: &'static str, expected: &'static str, got: &str) -> LocalizeError {
    LocalizeError::Option {
        option,
        expected,
        got: got.to_owned(),
    }
}

/// `None` where the localizer says that the words are not in the image, or are none that it knows.
fn unless_refused(found: Result<Found, LocalizeError>) -> Result<Option<Found>, LocalizeError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_refusal() => Ok(None),
        Err(error) => Err(error),
    }
}
