//! What a prompt says beyond its meaning as a whole: its subject, sides and numbers.

use super::{
    names::{Level, Side},
    wording::{number_of_ordinal, region_of_adjective},
};
use crate::{LocalizeError, text::wanted_words};

/// Kinds of image; `a chest CT scan highlighting the heart` speaks of the heart.
const MODALITIES: [&str; 22] = [
    "ct",
    "cts",
    "cbct",
    "mri",
    "mr",
    "pet",
    "xray",
    "xrays",
    "ray",
    "radiograph",
    "radiographs",
    "tomography",
    "tomogram",
    "scan",
    "scans",
    "image",
    "images",
    "slice",
    "slices",
    "volume",
    "picture",
    "view",
];

/// Words that lead from the image to what it shows.
const SHOWS: [&str; 14] = [
    "showing",
    "shows",
    "show",
    "highlighting",
    "highlights",
    "depicting",
    "depicts",
    "containing",
    "contains",
    "displaying",
    "displays",
    "focusing",
    "focused",
    "revealing",
];

/// Words that lead from the image to its subject when they follow at once.
const LINKS: [&str; 6] = ["of", "with", "on", "around", "where", "for"];

/// What one says to somebody who is to find something.
const REQUESTS: [&str; 31] = [
    "please",
    "find",
    "segment",
    "locate",
    "localize",
    "localise",
    "highlight",
    "show",
    "mark",
    "outline",
    "delineate",
    "detect",
    "identify",
    "where",
    "is",
    "are",
    "me",
    "us",
    "can",
    "could",
    "you",
    "i",
    "want",
    "to",
    "see",
    "need",
    "look",
    "for",
    "focus",
    "on",
    "give",
];

const ARTICLES: [&str; 5] = ["the", "a", "an", "this", "my"];

/// A prompt, understood as far as words go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prompt {
    /// What the prompt speaks of, in its own words: the phrase that is compared with the concepts.
    pub(super) subject: String,
    /// The one side it names; `None` for neither or both.
    pub(super) side: Option<Side>,
    /// The places in a series that it names.
    pub(super) levels: Vec<Level>,
}

impl Prompt {
    /// Reads a prompt.
    ///
    /// # Errors
    /// [`LocalizeError::EmptyPrompt`] without a letter or digit, [`LocalizeError::NegatedPrompt`]
    /// when it says what is not wanted.
    pub(super) fn read(prompt: &str) -> Result<Self, LocalizeError> {
        let words = wanted_words(prompt)?;
        if words.is_empty() {
            return Err(LocalizeError::EmptyPrompt {
                prompt: prompt.to_owned(),
            });
        }
        let subject = subject(&words);
        let has = |side: Side| subject.iter().any(|w| Side::from_word(w) == Some(side));
        let side = match (has(Side::Left), has(Side::Right)) {
            (true, false) => Some(Side::Left),
            (false, true) => Some(Side::Right),
            _ => None,
        };
        Ok(Self {
            subject: subject.join(" "),
            side,
            levels: levels(subject),
        })
    }
}

/// The words without requests and without the words about the image; all words if nothing is left.
fn subject(words: &[String]) -> &[String] {
    let is = |list: &[&str], at: usize| words.get(at).is_some_and(|w| list.contains(&w.as_str()));
    let (mut start, mut end) = (0, words.len());
    while is(&REQUESTS, start) {
        start += 1;
    }
    // `a chest ct scan highlighting …`, `a ct slice through the abdomen showing …`
    if let Some(image) = (start..end.min(start + 6)).find(|at| is(&MODALITIES, *at)) {
        let after = (image..end).find(|at| !is(&MODALITIES, *at)).unwrap_or(end);
        let shows = (after..end.min(after + 6)).find(|at| is(&SHOWS, *at));
        if let Some(link) = shows.or_else(|| is(&LINKS, after).then_some(after)) {
            start = link;
            while is(&SHOWS, start) || is(&LINKS, start) || is(&ARTICLES, start) {
                start += 1;
            }
        }
    }
    // `… in a chest ct scan`
    if let Some(link) = (start + 1..end)
        .rev()
        .find(|at| is(&["in", "on", "from"], *at))
        && end - link <= 6
        && is(&MODALITIES, end - 1)
    {
        end = link;
    }
    while is(&ARTICLES, start) && start + 1 < end {
        start += 1;
    }
    if start < end {
        &words[start..end]
    } else {
        words
    }
}

/// `L3`, `rib 5`, `fifth rib`, `third lumbar vertebra`.
fn levels(words: &[String]) -> Vec<Level> {
    let mut levels = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_series = |w: &String| w.starts_with("rib") || w.starts_with("vertebra");
        let ordinal = number_of_ordinal(word).map(|number| {
            // The adjective stands between the number and the noun: `third lumbar vertebra`.
            let region = words[at + 1..]
                .iter()
                .take(3)
                .find_map(|w| region_of_adjective(w));
            Level { region, number }
        });
        let spelled = Level::from_word(word);
        let level = match (ordinal, spelled) {
            (Some(level), _) if words[at + 1..].iter().any(is_series) => Some(level),
            (_, Some(level)) if level.region.is_some() || words.iter().any(is_series) => {
                Some(level)
            }
            _ => None,
        };
        if let Some(level) = level
            && !levels.contains(&level)
        {
            levels.push(level);
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_subject() {
        let check = |prompt: &str, subject: &str| {
            assert_eq!(Prompt::read(prompt).unwrap().subject, subject, "{prompt}");
        };
        check("heart", "heart");
        check("  The  Heart! ", "heart");
        check("the organ that pumps blood", "organ that pumps blood");
        check(
            "A chest CT scan highlighting both left and right lungs.",
            "both left and right lungs",
        );
        check("please show me the liver", "liver");
        check(
            "segment the left kidney in this abdominal CT scan",
            "left kidney",
        );
        check("chest X-ray showing the heart", "heart");
        check("non-contrast CT of the liver", "liver");
        check("CT without contrast of the aorta", "aorta");
        check(
            "a CT slice through the abdomen showing the spleen",
            "spleen",
        );
        check("CT of the chest showing the heart", "heart");
        check("CT", "ct");
        check("bone in the chest", "bone in the chest");
    }

    #[test]
    fn finds_the_side() {
        let check = |prompt: &str, side: Option<Side>| {
            assert_eq!(Prompt::read(prompt).unwrap().side, side, "{prompt}");
        };
        check("left lung", Some(Side::Left));
        check("the lung on the RIGHT", Some(Side::Right));
        check("both lungs", None);
        check("left and right lungs", None);
        check("heart", None);
    }

    #[test]
    fn finds_the_numbers() {
        let check = |prompt: &str, levels: &[(Option<char>, u8)]| {
            let expected: Vec<Level> = levels
                .iter()
                .map(|(region, number)| Level {
                    region: *region,
                    number: *number,
                })
                .collect();
            assert_eq!(Prompt::read(prompt).unwrap().levels, expected, "{prompt}");
        };
        check("vertebra L3", &[(Some('L'), 3)]);
        check("T12", &[(Some('T'), 12)]);
        check("left rib 5", &[(None, 5)]);
        check("the fifth rib", &[(None, 5)]);
        check("11th rib on the left", &[(None, 11)]);
        check("third lumbar vertebra", &[(Some('L'), 3)]);
        check("lumbar spine", &[]);
        check("the 5 things", &[]);
        check("first part of the small bowel", &[]);
    }

    #[test]
    fn refuses_prompts_without_a_word() {
        for prompt in ["", "   ", "?!", "--", "'", "non-contrast"] {
            assert!(
                matches!(Prompt::read(prompt), Err(LocalizeError::EmptyPrompt { .. })),
                "{prompt:?}"
            );
        }
    }
}
