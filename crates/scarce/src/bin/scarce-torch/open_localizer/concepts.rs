//! What the localizer learns to find, and in which words it is asked for.

use anyhow::{Context as _, bail};
use serde::Deserialize;

const CONCEPTS_TOML: &str = include_str!("concepts.toml");

/// All concepts with their wordings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concepts {
    templates: Vec<String>,
    nonsense: Vec<String>,
    concept: Vec<Concept>,
}

/// Something that can be asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    /// What reports call it.
    pub name: String,
    /// How often it is asked for, beside 1.
    #[serde(default = "one")]
    pub weight: f32,
    structures: Vec<String>,
    words: Vec<String>,
    #[serde(default)]
    phrases: Vec<String>,
}

fn one() -> f32 {
    1.0
}

impl Concepts {
    /// Those that are built in.
    pub fn built_in() -> anyhow::Result<Self> {
        let concepts: Self = toml::from_str(CONCEPTS_TOML).context("concepts.toml")?;
        for concept in &concepts.concept {
            if concept.words.is_empty() || concept.structures.is_empty() {
                bail!(
                    "concepts.toml: {:?} has no words or no structures",
                    concept.name
                );
            }
        }
        Ok(concepts)
    }

    /// The concepts, in the order of the file.
    pub fn all(&self) -> &[Concept] {
        &self.concept
    }

    /// The place of the concept of a name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.concept.iter().position(|c| c.name == name)
    }

    /// Every prompt for one concept: each word in each template, and the phrases.
    pub fn prompts(&self, concept: &Concept) -> Vec<String> {
        let framed = concept
            .words
            .iter()
            .flat_map(|word| self.templates.iter().map(move |t| t.replace("{}", word)));
        framed.chain(concept.phrases.iter().cloned()).collect()
    }

    /// Prompts of nothing: as they are, and in two templates.
    pub fn nonsense(&self) -> Vec<String> {
        let framed = |text: &String| {
            let template = |k: usize| self.templates[k % self.templates.len()].replace("{}", text);
            [text.clone(), template(2), template(4)]
        };
        self.nonsense.iter().flat_map(framed).collect()
    }
}

impl Concept {
    /// Whether a structure of a label map belongs to it.
    pub fn covers(&self, structure: &str) -> bool {
        self.structures
            .iter()
            .any(|pattern| match pattern.split_once('*') {
                None => pattern == structure,
                Some((head, tail)) => {
                    structure.len() >= head.len() + tail.len()
                        && structure.starts_with(head)
                        && structure.ends_with(tail)
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concepts_gather_structures_by_name() {
        let concepts = Concepts::built_in().unwrap();
        for (concept, structure, covered) in [
            ("heart", "heart", true),
            ("heart", "heart_valve", false),
            ("lungs", "lung_upper_lobe_left", true),
            ("left lung", "lung_upper_lobe_left", true),
            ("left lung", "lung_upper_lobe_right", false),
            ("left lung", "lung_left", true),
            ("ribs", "rib_left_10", true),
        ] {
            let concept = &concepts.all()[concepts.position(concept).unwrap()];
            assert_eq!(
                concept.covers(structure),
                covered,
                "{} {structure}",
                concept.name
            );
        }
    }

    #[test]
    fn no_prompt_stands_for_two_things() {
        let concepts = Concepts::built_in().unwrap();
        let mut seen = std::collections::BTreeMap::new();
        let of = |c: &Concept| {
            concepts
                .prompts(c)
                .into_iter()
                .map(|p| (p, c.name.clone()))
                .collect::<Vec<_>>()
        };
        let nonsense = concepts
            .nonsense()
            .into_iter()
            .map(|p| (p, "nonsense".to_owned()));
        for (prompt, name) in concepts.all().iter().flat_map(of).chain(nonsense) {
            let before = seen.insert(prompt.clone(), name.clone());
            assert!(before.is_none_or(|b| b == name), "{prompt:?}");
        }
    }
}
