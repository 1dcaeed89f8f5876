//! Anatomical terms: other words for a structure, and what it is.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::LocalizeError;

const LEXICON_TOML: &str = include_str!("lexicon.toml");

/// The lexicon that is built in, from `lexicon.toml` beside this file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lexicon {
    structure: Vec<Term>,
    group: Vec<Group>,
    outside: Outside,
    #[serde(skip)]
    by_label: BTreeMap<String, usize>,
}

/// A structure, without side, part or number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Term {
    /// The readable name, singular.
    pub(super) name: String,
    /// The readable name of several.
    #[serde(default)]
    plural: Option<String>,
    /// How label maps spell the organ, side, part and number taken away.
    #[serde(default)]
    pub(super) labels: Vec<String>,
    /// Other words for it.
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    /// Other words for all of them together, such as `backbone` for the vertebrae.
    #[serde(default)]
    pub(super) together: Vec<String>,
    /// What it is or does.
    #[serde(default)]
    pub(super) definitions: Vec<String>,
}

/// Several structures that have a name together.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The readable name.
    pub(super) name: String,
    /// The names of its structures.
    pub(super) members: Vec<String>,
    /// The names of structures that it also answers for.
    #[serde(default)]
    pub(super) covers: Vec<String>,
    #[serde(default)]
    pub(super) synonyms: Vec<String>,
    #[serde(default)]
    pub(super) definitions: Vec<String>,
}

/// Things that are no structure: a prompt nearer to one of these is refused.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outside {
    texts: Vec<String>,
}

impl Term {
    /// The readable name of several.
    pub(super) fn plural(&self) -> String {
        self.plural
            .clone()
            .unwrap_or_else(|| format!("{}s", self.name))
    }
}

impl Lexicon {
    /// The built-in lexicon.
    pub(super) fn built_in() -> Result<Self, LocalizeError> {
        Self::from_toml(LEXICON_TOML)
    }

    fn from_toml(text: &str) -> Result<Self, LocalizeError> {
        let mut lexicon: Self = toml::from_str(text).map_err(|error| LocalizeError::Lexicon {
            what: error.to_string(),
        })?;
        for (index, term) in lexicon.structure.iter().enumerate() {
            let spellings = [term.name.clone(), term.plural()];
            for label in spellings.iter().chain(&term.labels) {
                let before = lexicon.by_label.insert(label.clone(), index);
                if before.is_some_and(|b| b != index) {
                    let what = format!("{label:?} is spelt by two structures");
                    return Err(LocalizeError::Lexicon { what });
                }
            }
        }
        let is_unknown = |name: &&String| !lexicon.structure.iter().any(|t| t.name == **name);
        for group in &lexicon.group {
            if let Some(unknown) = group.members.iter().chain(&group.covers).find(is_unknown) {
                let what = format!("group {:?} has the unknown member {unknown:?}", group.name);
                return Err(LocalizeError::Lexicon { what });
            }
        }
        Ok(lexicon)
    }

    /// The term for an organ as a label map spells it.
    pub(super) fn term(&self, organ: &str) -> Option<&Term> {
        self.by_label
            .get(organ)
            .map(|index| &self.structure[*index])
    }

    /// The structures that have a name together.
    pub(super) fn groups(&self) -> &[Group] {
        &self.group
    }

    /// The structures in the order of the file.
    pub(super) fn terms(&self) -> &[Term] {
        &self.structure
    }

    /// Things that are no structure.
    pub(super) fn outside(&self) -> &[String] {
        &self.outside.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_lexicon_is_sound() {
        let lexicon = Lexicon::built_in().unwrap();
        assert_eq!(lexicon.term("clavicula").unwrap().name, "clavicle");
        assert_eq!(lexicon.term("kidneys").unwrap().name, "kidney");
        assert!(lexicon.term("banana").is_none());
    }

    #[test]
    fn refuses_a_lexicon_that_contradicts_itself() {
        let check = |toml: &str, what: &str| {
            let error = Lexicon::from_toml(toml).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        let tail = "[outside]\ntexts = []\n";
        let head = "[[structure]]\nname = 'a'\nlabels = ['x']\n";
        check(
            &format!("group = []\n{head}[[structure]]\nname = 'x'\n{tail}"),
            "two structures",
        );
        check(
            &format!("{head}[[group]]\nname = 'g'\nmembers = ['b']\n{tail}"),
            "unknown member",
        );
        check(&format!("group = []\n{head}colour = 1\n{tail}"), "colour");
    }
}
