//! What a label's name says: which organ, which side, which part, which number of a series.

use std::fmt;

/// A side of the patient's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The patient's left.
    Left,
    /// The patient's right.
    Right,
}

impl Side {
    /// The side that a word names.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "left" => Some(Self::Left),
            "right" => Some(Self::Right),
            _ => None,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

/// Which member of a numbered series: the vertebra `L3`, the rib `5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level {
    /// The region of the spine: `C`, `T`, `L` or `S`; `None` outside the spine.
    pub region: Option<char>,
    /// The number, from 1.
    pub number: u8,
}

impl Level {
    /// Reads `l3`, `T12` or `5`.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        let first = word.chars().next()?.to_ascii_uppercase();
        let (region, digits) = if "CTLS".contains(first) {
            (Some(first), word.get(1..)?)
        } else {
            (None, word)
        };
        // `parse` alone would take `+3`.
        let number = digits
            .chars()
            .all(|c| c.is_ascii_digit())
            .then(|| digits.parse().ok())??;
        (1..=24)
            .contains(&number)
            .then_some(Self { region, number })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.region {
            Some(region) => write!(f, "{region}{}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

/// A label's name taken apart.
///
/// `lung_upper_lobe_left` is the part `upper lobe` of the organ `lung` on the left;
/// `vertebrae_L3` is the level `L3` of `vertebrae`; `rib_left_5` is the level `5` of `rib` on the left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StructureName {
    /// The organ's words, lower case, in the order of the name.
    pub organ: String,
    /// The side, if the name tells it.
    pub side: Option<Side>,
    /// The lobe, if the name tells it.
    pub part: Option<String>,
    /// The place in a series, if the name tells it.
    pub level: Option<Level>,
}

impl StructureName {
    /// Reads a name in any of the usual spellings: `kidney_left`, `left kidney`, `Left-Kidney`,
    /// `KidneyLeft`, `kidney_l`. `None` if no word is left for the organ.
    pub fn read(name: &str) -> Option<Self> {
        let mut words = words(name);
        let mut side = None;
        if let Some(at) = words.iter().position(|w| Side::from_word(w).is_some()) {
            side = Side::from_word(&words.remove(at));
        } else if words.len() > 1 {
            side = match words.last().map(String::as_str) {
                Some("l") => Some(Side::Left),
                Some("r") => Some(Side::Right),
                _ => None,
            };
            if side.is_some() {
                words.pop();
            }
        }
        let mut part = None;
        if let Some(at) = words.iter().position(|w| w == "lobe") {
            // `lung_upper_lobe`, `upper lobe of left lung`: the word before says which.
            let from = at.saturating_sub(1);
            let taken: Vec<String> = words.drain(from..=at).collect();
            if words.is_empty() {
                words = taken;
            } else {
                part = Some(taken.join(" "));
            }
        }
        let mut level = None;
        if words.len() > 1
            && let Some(at) = words.iter().position(|w| Level::from_word(w).is_some())
        {
            level = Level::from_word(&words.remove(at));
        }
        words.retain(|w| !matches!(w.as_str(), "of" | "the"));
        let organ = words.join(" ");
        (!organ.is_empty()).then_some(Self {
            organ,
            side,
            part,
            level,
        })
    }
}

/// Lower-case words: split at what is neither letter nor digit, and where a capital follows a small letter.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_small = false;
    for c in name.chars() {
        let starts_new = !c.is_alphanumeric() || (c.is_uppercase() && previous_small);
        if starts_new {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        previous_small = c.is_lowercase();
    }
    words.retain(|w| !w.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_names_apart() {
        let check = |name: &str, organ: &str, side: &str, part: &str, level: &str| {
            let read = StructureName::read(name).unwrap();
            assert_eq!(read.organ, organ, "{name}");
            assert_eq!(
                read.side.map_or(String::new(), |s| s.to_string()),
                side,
                "{name}"
            );
            assert_eq!(read.part.unwrap_or_default(), part, "{name}");
            assert_eq!(
                read.level.map_or(String::new(), |l| l.to_string()),
                level,
                "{name}"
            );
        };
        check("heart", "heart", "", "", "");
        check("kidney_left", "kidney", "left", "", "");
        check("Left Kidney", "kidney", "left", "", "");
        check("KidneyRight", "kidney", "right", "", "");
        check("kidney_l", "kidney", "left", "", "");
        check("lung_upper_lobe_left", "lung", "left", "upper lobe", "");
        check(
            "upper lobe of the left lung",
            "lung",
            "left",
            "upper lobe",
            "",
        );
        check("right-lung", "lung", "right", "", "");
        check("lobe", "lobe", "", "", "");
        check("vertebrae_L5", "vertebrae", "", "", "L5");
        check("vertebrae_T12", "vertebrae", "", "", "T12");
        check("rib_left_1", "rib", "left", "", "1");
        check(
            "common_carotid_artery_right",
            "common carotid artery",
            "right",
            "",
            "",
        );
        check("superior_vena_cava", "superior vena cava", "", "", "");
        check(
            "portal_vein_and_splenic_vein",
            "portal vein and splenic vein",
            "",
            "",
            "",
        );
        check(
            "cervical vertebral column",
            "cervical vertebral column",
            "",
            "",
            "",
        );
        check("L5", "l5", "", "", "");
    }

    #[test]
    fn a_name_without_an_organ_is_none() {
        for name in ["", "__", "left", " - "] {
            assert_eq!(StructureName::read(name), None, "{name:?}");
        }
    }

    #[test]
    fn levels_are_small_numbers() {
        for word in ["l0", "t99", "x3", "+3", "c", "", "300", "é3"] {
            assert_eq!(Level::from_word(word), None, "{word}");
        }
        assert_eq!(
            Level::from_word("S1"),
            Some(Level {
                region: Some('S'),
                number: 1
            })
        );
    }
}
