//! How a structure is said in English: its readable name and the texts a prompt is compared with.

use super::{
    lexicon::Term,
    names::{Level, Side},
};

const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

/// The adjective and the everyday word for a region of the spine.
const SPINE_REGIONS: [(char, &str, &str); 4] = [
    ('C', "cervical", "neck"),
    ('T', "thoracic", "chest"),
    ('L', "lumbar", "lower back"),
    ('S', "sacral", "pelvis"),
];

/// The number that an ordinal such as `fifth` or `5th` names.
pub(super) fn number_of_ordinal(word: &str) -> Option<u8> {
    if let Some(at) = ORDINALS.iter().position(|o| *o == word) {
        return Some(at as u8 + 1);
    }
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| word.strip_suffix(end))?;
    digits
        .chars()
        .all(|c| c.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// The region of the spine that an adjective names.
pub(super) fn region_of_adjective(word: &str) -> Option<char> {
    SPINE_REGIONS
        .iter()
        .find(|(_, adjective, _)| *adjective == word)
        .map(|(region, ..)| *region)
}

/// Name and texts of all vertebrae of one region; `None` for an unknown region.
pub(super) fn spine_region(region: char) -> Option<(String, Vec<String>)> {
    let (_, adjective, place) = SPINE_REGIONS.iter().find(|(r, ..)| *r == region)?;
    let texts = vec![
        format!("{adjective} vertebrae"),
        format!("{adjective} spine"),
        format!("{adjective} vertebral column"),
        format!("the part of the spine in the {place}"),
    ];
    Some((format!("{adjective} vertebrae"), texts))
}

/// One concept's place in the language.
pub(super) struct Wording<'a> {
    pub(super) term: Option<&'a Term>,
    pub(super) organ: &'a str,
    pub(super) part: Option<&'a str>,
    pub(super) level: Option<Level>,
    pub(super) side: Option<Side>,
    /// Whether there are several: both sides, or all of a series.
    pub(super) several: bool,
    pub(super) is_series: bool,
}

impl Wording<'_> {
    /// The readable name, such as `upper lobe of the left lung`, `kidneys`, `left ribs`.
    pub(super) fn name(&self) -> String {
        let noun = if self.several && self.part.is_none() && self.level.is_none() {
            self.plural()
        } else {
            self.singular().to_owned()
        };
        self.say(&noun)
    }

    /// The name, the synonyms and the definitions, each with side, part and number said.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.name()];
        let mut add = |text: String| {
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        let simple = self.part.is_none() && self.level.is_none();
        let synonyms = self.term.map_or(&[][..], |t| &t.synonyms);
        let together = self.term.map_or(&[][..], |t| &t.together);
        let definitions = self.term.map_or(&[][..], |t| &t.definitions);
        for synonym in synonyms {
            add(self.say(synonym));
        }
        if let Some(level) = self.level {
            add(self.say_ordinal(level));
        }
        if let (Some(part), Some(side)) = (self.part, self.side) {
            add(format!("{side} {part}"));
            add(format!("{part} of the {} on the {side}", self.singular()));
        }
        if simple {
            match self.side {
                Some(side) => {
                    add(format!(
                        "the {} on the {side} side of the body",
                        self.singular()
                    ));
                    for definition in definitions {
                        add(format!("{definition}, on the {side} side"));
                    }
                }
                None => definitions.iter().cloned().for_each(&mut add),
            }
            if self.several && self.side.is_none() {
                add(self.singular().to_owned());
                if !self.is_series {
                    add(format!("both {}", self.plural()));
                }
                together.iter().cloned().for_each(&mut add);
            }
        }
        texts
    }

    fn singular(&self) -> &str {
        self.term.map_or(self.organ, |t| t.name.as_str())
    }

    fn plural(&self) -> String {
        self.term
            .and_then(|t| t.plural.clone())
            .unwrap_or_else(|| format!("{}s", self.singular()))
    }

    /// The noun with side, part and number.
    fn say(&self, noun: &str) -> String {
        let sided = match self.side {
            Some(side) => format!("{side} {noun}"),
            None => noun.to_owned(),
        };
        let numbered = match self.level {
            Some(level) if level.region.is_some() => format!("{sided} {level}"),
            Some(level) => format!("{sided} {}", level.number),
            None => sided,
        };
        match self.part {
            Some(part) => format!("{part} of the {numbered}"),
            None => numbered,
        }
    }

    /// `fifth left rib`, `third lumbar vertebra`.
    fn say_ordinal(&self, level: Level) -> String {
        let mut words: Vec<String> = Vec::new();
        match ORDINALS.get(usize::from(level.number) - 1) {
            Some(ordinal) => words.push((*ordinal).to_owned()),
            None => words.push(format!("number {}", level.number)),
        }
        words.extend(self.side.map(|side| side.to_string()));
        let region = SPINE_REGIONS
            .iter()
            .find(|(r, ..)| level.region == Some(*r));
        words.extend(region.map(|(_, adjective, _)| (*adjective).to_owned()));
        words.push(self.singular().to_owned());
        words.join(" ")
    }
}
