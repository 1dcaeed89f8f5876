//! How a structure is said in English: its readable name and the texts a prompt is compared with.

use super::{
    lexicon::Term,
    names::{Level, Side},
};

const ORDINALS: [&str; 12] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

/// The adjectives of the regions of the spine.
const SPINE_REGIONS: [(char, &str); 4] = [
    ('C', "cervical"),
    ('T', "thoracic"),
    ('L', "lumbar"),
    ('S', "sacral"),
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
        .find(|(_, adjective)| *adjective == word)
        .map(|(region, _)| *region)
}

/// The adjective for a region of the spine.
pub(super) fn adjective_of_region(region: char) -> Option<&'static str> {
    SPINE_REGIONS
        .iter()
        .find(|(r, _)| *r == region)
        .map(|(_, adjective)| *adjective)
}

/// Names, synonyms and definitions of a term, no side or number said.
pub(super) fn plain_texts(term: &Term) -> Vec<String> {
    let mut texts = vec![term.name.clone(), term.plural()];
    for text in term
        .synonyms
        .iter()
        .chain(&term.together)
        .chain(&term.definitions)
    {
        if !texts.contains(text) {
            texts.push(text.clone());
        }
    }
    texts
}

/// One concept's place in the language.
#[derive(Clone, Copy)]
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
        match self.part {
            Some(part) if self.several => format!("{part}s of the {}", self.plural()),
            None if self.several && self.level.is_none() => self.say(&self.plural()),
            _ => self.say(self.singular()),
        }
    }

    /// The name, the synonyms and the definitions, each with side, part and number said.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts = vec![self.name()];
        let mut add = |text: String| {
            if !texts.contains(&text) {
                texts.push(text);
            }
        };
        for synonym in self.term.map_or(&[][..], |t| &t.synonyms) {
            add(self.say(synonym));
        }
        if let Some(level) = self.level {
            add(self.say_ordinal(level));
            if level.region.is_some() {
                add(level.to_string());
            }
        } else if let Some(part) = self.part {
            match self.side {
                Some(side) => {
                    add(format!("{side} {part}"));
                    add(format!("{part} of the {} on the {side}", self.singular()));
                }
                None => add(if self.several {
                    format!("{part}s")
                } else {
                    part.to_owned()
                }),
            }
        } else {
            self.whole_texts().into_iter().for_each(add);
        }
        texts
    }

    /// The texts of a structure that is no part and no number.
    fn whole_texts(&self) -> Vec<String> {
        let definitions = self.term.map_or(&[][..], |t| &t.definitions);
        let mut texts = Vec::new();
        if let Some(side) = self.side {
            texts.push(format!(
                "the {} on the {side} side of the body",
                self.singular()
            ));
            texts.extend(
                definitions
                    .iter()
                    .map(|d| format!("{d}, on the {side} side")),
            );
        } else {
            texts.extend(definitions.iter().cloned());
            if self.several {
                texts.push(self.singular().to_owned());
                if !self.is_series {
                    texts.push(format!("both {}", self.plural()));
                }
                texts.extend(self.term.map_or(&[][..], |t| &t.together).iter().cloned());
            }
        }
        texts
    }

    fn singular(&self) -> &str {
        self.term.map_or(self.organ, |t| t.name.as_str())
    }

    fn plural(&self) -> String {
        self.term
            .map_or_else(|| format!("{}s", self.organ), Term::plural)
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
        words.extend(
            level
                .region
                .and_then(adjective_of_region)
                .map(str::to_owned),
        );
        words.push(self.singular().to_owned());
        words.join(" ")
    }
}
