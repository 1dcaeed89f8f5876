//! Does a map follow the words, or would any words have done?
//!
//! Saliency of a picture is often the same for whatever is asked (reported of MedCLIP-SAM: nonsense gives the same map, and
//! "normal" lights up the tumour). So a localizer is asked for the prompt, for the prompt in other words, and for nonsense; the
//! maps should agree in the first pair and not in the second.

mod agreement;

pub use agreement::{Agreement, Found};

use scarce_image::Volume;
use serde::{Deserialize, Serialize};

use agreement::{agreement, mean};

use crate::binarize::two_means_threshold;
use crate::picture::Picture;
use crate::slices::PictureLocalizer;
use crate::text::TextError;
use crate::{LocalizeError, Localizer};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The prompt that is meant.
    pub prompt: String,
    /// The same in other words, one text or more.
    pub reworded: Vec<String>,
    /// What no image shows, one text or more.
    #[serde(default = "nonsense")]
    pub nonsense: Vec<String>,
}

impl Words {
    /// A prompt, the same in other words, and nonsense that suits any medical image.
    pub fn new(prompt: &str, reworded: &[&str]) -> Self {
        Self {
            prompt: prompt.to_owned(),
            reworded: reworded.iter().map(|text| (*text).to_owned()).collect(),
            nonsense: nonsense(),
        }
    }
}

fn nonsense() -> Vec<String> {
    [
        "a photo of a bicycle",
        "the parliament votes on banana prices",
        "heavy rain on a motorway at night",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Where the verdict turns. The defaults are conventions, chosen so that maps which look alike to the eye count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SanityThresholds {
    /// A mean correlation with the maps of nonsense of this or more means that words are ignored. _Default:_ 0.8.
    pub nonsense_correlation: f64,
    /// The same of the regions' mean IoU. _Default:_ 0.8.
    pub nonsense_iou: f64,
    /// By so much the correlation with reworded prompts must be above that with nonsense. _Default:_ 0.1.
    pub margin: f64,
}

impl Default for SanityThresholds {
    fn default() -> Self {
        Self {
            nonsense_correlation: 0.8,
            nonsense_iou: 0.8,
            margin: 0.1,
        }
    }
}

/// One image's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageSanity {
    /// The image's name.
    pub id: String,
    /// The prompt's map and those of the same in other words.
    pub reworded: Agreement,
    /// The prompt's map and those of nonsense.
    pub nonsense: Agreement,
}

/// What the maps say of the localizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Other words for the same give the same map, nonsense another.
    FollowsTheWords,
    /// Nonsense gives the same map.
    IgnoresTheWords,
    /// Other words for the same give as different a map as nonsense does.
    ChangesWithAnyWord,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FollowsTheWords => "the map follows the words",
            Self::IgnoresTheWords => "the map ignores the words",
            Self::ChangesWithAnyWord => "the map changes with any word, whatever it means",
        })
    }
}

/// The outcome over a set of images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptSanity {
    /// What was asked.
    pub words: Words,
    /// Where the verdict turned.
    pub thresholds: SanityThresholds,
    /// Each image in which the prompt was found.
    pub images: Vec<ImageSanity>,
    /// Names of images in which the localizer sees nothing of the prompt; they count for nothing.
    pub not_seen: Vec<String>,
    /// Mean over the images, with reworded prompts.
    pub reworded: Agreement,
    /// Mean over the images, with nonsense.
    pub nonsense: Agreement,
    /// The verdict.
    pub verdict: Verdict,
}

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
        let threshold = two_means_threshold(heat.iter().copied());
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
    mut localize: impl FnMut(&T, &str) -> Result<Found, LocalizeError>,
) -> Result<PromptSanity, LocalizeError> {
    for (option, texts) in [("reworded", &words.reworded), ("nonsense", &words.nonsense)] {
        if texts.is_empty() {
            return Err(needed(option, "one text or more", "none"));
        }
    }
    let mut checked = Vec::new();
    let mut not_seen = Vec::new();
    for (id, image) in images {
        let Some(meant) = unless_refused(localize(image, &words.prompt))? else {
            not_seen.push(id.clone());
            continue;
        };
        let mut with = |texts: &[String]| -> Result<Agreement, LocalizeError> {
            let each = texts
                .iter()
                .map(|text| {
                    let other = unless_refused(localize(image, text))?;
                    Ok(other.map_or_else(Agreement::default, |other| agreement(&meant, &other)))
                })
                .collect::<Result<Vec<_>, LocalizeError>>()?;
            Ok(mean(&each))
        };
        checked.push(ImageSanity {
            id: id.clone(),
            reworded: with(&words.reworded)?,
            nonsense: with(&words.nonsense)?,
        });
    }
    if checked.is_empty() {
        let got = format!("{} images, none of them with it", images.len());
        return Err(needed(
            "images",
            "one or more in which the prompt is found",
            &got,
        ));
    }
    let reworded = mean(
        &checked
            .iter()
            .map(|image| image.reworded)
            .collect::<Vec<_>>(),
    );
    let nonsense = mean(
        &checked
            .iter()
            .map(|image| image.nonsense)
            .collect::<Vec<_>>(),
    );
    Ok(PromptSanity {
        words: words.clone(),
        thresholds,
        images: checked,
        not_seen,
        reworded,
        nonsense,
        verdict: thresholds.verdict(reworded, nonsense),
    })
}

impl SanityThresholds {
    fn verdict(&self, reworded: Agreement, nonsense: Agreement) -> Verdict {
        let is_same =
            nonsense.correlation >= self.nonsense_correlation || nonsense.iou >= self.nonsense_iou;
        if is_same {
            Verdict::IgnoresTheWords
        } else if reworded.correlation - nonsense.correlation < self.margin {
            Verdict::ChangesWithAnyWord
        } else {
            Verdict::FollowsTheWords
        }
    }
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
        Err(
            LocalizeError::NotSeen { .. }
            | LocalizeError::UnknownPrompt { .. }
            | LocalizeError::AbsentStructure { .. }
            | LocalizeError::Text(TextError::UnknownWords { .. }),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
