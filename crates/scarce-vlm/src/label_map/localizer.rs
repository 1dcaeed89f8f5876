//! The localizer over a label map.

use std::collections::{BTreeMap, BTreeSet};

use scarce_image::{LabelMap, Volume};
use serde_json::json;

use super::{
    concept::{Concept, absent_terms, concepts},
    lexicon::Lexicon,
    names::{Side, StructureName},
    prompt::Prompt,
    score::{Vectors, is_allowed},
};
use crate::{
    LocalizeError, Localizer, MatchedLabel, NearName, Provenance, Region, RegionBox,
    cache::{Identity, volume_sha256},
    region::{Extent, in_words, voxel_at},
    text::SentenceEncoder,
};

/// The least cosine similarity at which a prompt counts as understood.
///
/// Chosen on the `tune` half of `tests/fixtures/prompts.csv` with the int8 all-MiniLM-L6-v2: midway
/// between the lowest prompt that is rightly answered (0.64) and the highest that names no structure
/// and is nearer to a labelled one than to anything else (0.59). `tests/prompts.rs` holds the
/// figures of both halves.
pub const DEFAULT_THRESHOLD: f32 = 0.61;

/// How many structures an error about an unknown prompt names.
const NEAREST: usize = 5;

/// How many values a label can have.
const LABELS: usize = u16::MAX as usize + 1;

/// How the label map's localizer decides.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LabelMapOptions {
    /// The least cosine similarity, 0 to 1, at which a prompt counts as understood.
    /// _Default:_ [`DEFAULT_THRESHOLD`].
    pub threshold: f32,
}

impl Default for LabelMapOptions {
    fn default() -> Self {
        Self {
            threshold: DEFAULT_THRESHOLD,
        }
    }
}

impl LabelMapOptions {
    /// With another threshold.
    #[must_use]
    pub fn with_threshold(mut self, threshold: f32) -> Self {
        self.threshold = threshold;
        self
    }
}

/// Finds the structures of a label map that a prompt speaks of.
///
/// - mask: all voxels of the structure that the prompt comes nearest to;
/// - heat: for each voxel the similarity of the prompt and the voxel's own structure, negative ones
///   as 0; 0 where nothing is labelled and where the prompt's words exclude the structure (the other
///   side, another number);
/// - boxes: one around the region, or one a side where it lies on both;
/// - score: the cosine similarity of the prompt and the structure.
pub struct LabelMapLocalizer<E> {
    encoder: E,
    labels: LabelMap,
    names: BTreeMap<u16, String>,
    structures: BTreeMap<u16, StructureName>,
    voxels_of: BTreeMap<u16, usize>,
    unnamed: Vec<u16>,
    concepts: Vec<Concept>,
    /// What the map has not: the name and the texts.
    elsewhere: BTreeMap<String, Vec<String>>,
    vectors: Vectors,
    options: LabelMapOptions,
}

/// What a prompt means in this label map.
struct Understood {
    concept: Concept,
    /// The concept's text that the prompt came nearest to.
    text: String,
    similarity: f32,
    /// Each label's similarity to the prompt, 0 to 1; labels that the prompt excludes are not in it.
    heat_of: BTreeMap<u16, f32>,
}

impl<E: SentenceEncoder> LabelMapLocalizer<E> {
    /// A localizer over `labels`, whose values `names` names (0, the background, needs no name).
    ///
    /// Values without a name are never found; they are counted in a warning and listed in the
    /// provenance.
    ///
    /// # Errors
    /// [`LocalizeError::Names`] when a name has no word for the organ or there is none,
    /// [`LocalizeError::Option`] when the threshold is outside 0 to 1.
    pub fn new(
        encoder: E,
        labels: LabelMap,
        names: BTreeMap<u16, String>,
        options: LabelMapOptions,
    ) -> Result<Self, LocalizeError> {
        if !(0.0..=1.0).contains(&options.threshold) {
            return Err(LocalizeError::Option {
                option: "threshold",
                expected: "0 to 1",
                got: options.threshold.to_string(),
            });
        }
        let mut structures = BTreeMap::new();
        for (label, name) in names.iter().filter(|(label, _)| **label != 0) {
            let structure = StructureName::read(name).ok_or_else(|| LocalizeError::Names {
                what: format!("label {label}: expected a structure's name, got {name:?}"),
            })?;
            structures.insert(*label, structure);
        }
        if structures.is_empty() {
            let what = "expected at least one label above 0 with a name, got none".to_owned();
            return Err(LocalizeError::Names { what });
        }
        let mut counts = vec![0_usize; LABELS];
        for label in labels.voxels() {
            counts[usize::from(*label)] += 1;
        }
        let voxels_of: BTreeMap<u16, usize> = (1..=u16::MAX)
            .zip(counts.into_iter().skip(1))
            .filter(|(_, count)| *count > 0)
            .collect();
        let unnamed: Vec<u16> = voxels_of
            .keys()
            .filter(|label| !structures.contains_key(label))
            .copied()
            .collect();
        if !unnamed.is_empty() {
            tracing::warn!(count = unnamed.len(), labels = ?unnamed, "labels without a name are never found");
        }
        let lexicon = Lexicon::built_in()?;
        let concepts = concepts(&structures, &lexicon);
        let mut elsewhere = absent_terms(&structures, &lexicon);
        for kind in lexicon.outside() {
            elsewhere.insert(kind.clone(), vec![kind.clone()]);
        }
        Ok(Self {
            encoder,
            labels,
            names,
            structures,
            voxels_of,
            unnamed,
            concepts,
            elsewhere,
            vectors: Vectors::new(),
            options,
        })
    }

    /// The readable names of all that a prompt can find, sorted: each structure and what several
    /// make up.
    pub fn concept_names(&self) -> Vec<&str> {
        self.concepts
            .iter()
            .map(|concept| concept.name.as_str())
            .collect()
    }

    fn check_grid(&self, image: &Volume<f32>) -> Result<(), LocalizeError> {
        if self.labels.grid().matches(&image.grid()) {
            return Ok(());
        }
        Err(LocalizeError::GridMismatch {
            what: "label map",
            expected: in_words(&self.labels.grid()),
            got: in_words(&image.grid()),
        })
    }

    /// What `prompt` means, or the error that refuses it.
    fn understand(&mut self, prompt: &str, read: &Prompt) -> Result<Understood, LocalizeError> {
        let Self {
            encoder,
            concepts,
            elsewhere,
            vectors,
            options,
            ..
        } = self;
        let mut scored: Vec<(&Concept, &str, f32)> = Vec::new();
        for concept in concepts.iter().filter(|concept| is_allowed(concept, read)) {
            let nearest = vectors.nearest(encoder, &read.subject, &concept.texts)?;
            scored.extend(nearest.map(|(text, similarity)| (concept, text, similarity)));
        }
        // Of equals the first by name: the sort is stable.
        scored.sort_by(|(_, _, a), (_, _, b)| b.total_cmp(a));
        let best_similarity = scored.first().map_or(0.0, |(_, _, similarity)| *similarity);
        let mut outside: Option<NearName> = None;
        for (name, texts) in elsewhere.iter() {
            let nearest = vectors.nearest(encoder, &read.subject, texts)?;
            let similarity = nearest.map_or(-1.0, |(_, similarity)| similarity);
            if similarity > outside.as_ref().map_or(best_similarity, |o| o.similarity) {
                outside = Some(NearName {
                    name: name.clone(),
                    similarity,
                });
            }
        }
        let accepted = scored.first().filter(|(_, _, s)| *s >= options.threshold);
        match accepted {
            Some((concept, text, similarity)) if outside.is_none() => {
                let mut heat_of: BTreeMap<u16, f32> = BTreeMap::new();
                for (concept, _, similarity) in &scored {
                    for label in &concept.labels {
                        let heat = heat_of.entry(*label).or_insert(0.0);
                        *heat = heat.max(similarity.clamp(0.0, 1.0));
                    }
                }
                Ok(Understood {
                    concept: (*concept).clone(),
                    text: (*text).to_owned(),
                    similarity: *similarity,
                    heat_of,
                })
            }
            _ => Err(LocalizeError::UnknownPrompt {
                prompt: prompt.to_owned(),
                best_similarity,
                threshold: options.threshold,
                outside,
                nearest: scored
                    .iter()
                    .take(NEAREST)
                    .map(|(concept, _, similarity)| NearName {
                        name: concept.name.clone(),
                        similarity: *similarity,
                    })
                    .collect(),
            }),
        }
    }

    /// One box around the region, or one a side where all of it has a side and both occur.
    fn boxes(&self, concept: &Concept) -> Vec<RegionBox> {
        let side_of = |label: &u16| self.structures.get(label).and_then(|s| s.side);
        let present: Vec<u16> = concept
            .labels
            .iter()
            .filter(|l| self.voxels_of.contains_key(l))
            .copied()
            .collect();
        let sides: BTreeSet<Option<Side>> = present.iter().map(side_of).collect();
        let parts: Vec<Option<Side>> = if sides.len() == 2 && !sides.contains(&None) {
            sides.into_iter().collect()
        } else {
            vec![None]
        };
        // Which of the parts a label belongs to.
        let mut part_of: Vec<Option<usize>> = vec![None; LABELS];
        for label in &present {
            let at = parts.iter().position(|side| *side == side_of(label));
            part_of[usize::from(*label)] = Some(at.unwrap_or(0));
        }
        let mut extents = vec![Extent::default(); parts.len()];
        for (at, label) in self.labels.voxels().iter().enumerate() {
            if let Some(part) = part_of[usize::from(*label)] {
                extents[part].include(voxel_at(at, self.labels.shape_zyx()));
            }
        }
        let named = |side: &Option<Side>| match side {
            Some(side) => format!("{}, {side}", concept.name),
            None => concept.name.clone(),
        };
        let geometry = self.labels.geometry();
        let boxes = parts.iter().zip(extents);
        boxes
            .filter_map(|(side, extent)| extent.into_box(named(side), geometry))
            .collect()
    }
}

impl<E: SentenceEncoder> Localizer for LabelMapLocalizer<E> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        self.check_grid(image)?;
        let read = Prompt::read(prompt)?;
        let Understood {
            concept,
            text,
            similarity,
            heat_of,
        } = self.understand(prompt, &read)?;
        let matches: Vec<MatchedLabel> = concept
            .labels
            .iter()
            .filter_map(|label| {
                Some(MatchedLabel {
                    label: *label,
                    name: self.names.get(label)?.clone(),
                    similarity: heat_of.get(label).copied()?,
                    voxels: self.voxels_of.get(label).copied()?,
                })
            })
            .collect();
        if matches.is_empty() {
            return Err(LocalizeError::AbsentStructure {
                prompt: prompt.to_owned(),
                structure: concept.name,
                labels: concept.labels.into_iter().collect(),
            });
        }
        let mut heat_table = vec![0.0_f32; LABELS];
        for (label, heat) in &heat_of {
            heat_table[usize::from(*label)] = *heat;
        }
        let mut inside_table = vec![false; LABELS];
        for label in &concept.labels {
            inside_table[usize::from(*label)] = true;
        }
        let heat = self.labels.map(|label| heat_table[usize::from(*label)]);
        let mask = self.labels.map(|label| inside_table[usize::from(*label)]);
        let provenance = Provenance {
            localizer: "label-map".to_owned(),
            prompt: prompt.to_owned(),
            models: self.encoder.models(),
            matches,
            settings: BTreeMap::from([
                ("nearest_text".to_owned(), json!(text)),
                ("structure".to_owned(), json!(concept.name)),
                ("subject".to_owned(), json!(read.subject)),
                (
                    "threshold".to_owned(),
                    json!(decimal(self.options.threshold)),
                ),
                ("unnamed_labels".to_owned(), json!(self.unnamed)),
            ]),
        };
        Ok(Region::new(
            heat,
            mask,
            self.boxes(&concept),
            similarity,
            provenance,
        )?)
    }

    fn identity(&self) -> Identity {
        let labels = self.labels.map(|label| f32::from(*label));
        let settings = [
            ("labels_sha256", json!(volume_sha256(&labels))),
            ("names", json!(self.names)),
            ("threshold", json!(decimal(self.options.threshold))),
        ];
        Identity {
            localizer: "label-map".to_owned(),
            models: self.encoder.models(),
            settings: settings
                .map(|(name, value)| (name.to_owned(), value))
                .into(),
        }
    }
}

/// An f32 as the f64 that prints alike.
fn decimal(value: f32) -> f64 {
    (f64::from(value) * 1e6).round() / 1e6
}
