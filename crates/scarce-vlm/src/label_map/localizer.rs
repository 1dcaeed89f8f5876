//! The localizer over a label map.

use std::collections::{BTreeMap, BTreeSet};

use scarce_image::{Grid, LabelMap, Volume};
use serde_json::json;

use super::{
    concept::{Concept, concepts},
    lexicon::Lexicon,
    names::{Side, StructureName},
    prompt::Prompt,
    score::{Vectors, is_allowed},
};
use crate::{
    LocalizeError, Localizer, MatchedLabel, NearName, Provenance, Region, RegionBox,
    region::Extent, text::SentenceEncoder,
};

/// The least cosine similarity at which a prompt counts as understood.
///
/// Chosen on one half of `tests/fixtures/prompts.csv` with the int8 all-MiniLM-L6-v2: midway
/// between the lowest true prompt and the highest prompt that names no structure.
pub const DEFAULT_THRESHOLD: f32 = 0.5;

/// How many structures an error about an unknown prompt names.
const NEAREST: usize = 5;

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
    outside: Vec<String>,
    vectors: Vectors,
    options: LabelMapOptions,
}

/// A concept with its similarity to a prompt.
struct Scored<'a> {
    concept: &'a Concept,
    text: String,
    similarity: f32,
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
        let mut voxels_of = BTreeMap::new();
        for label in labels.voxels().iter().filter(|label| **label != 0) {
            *voxels_of.entry(*label).or_insert(0) += 1;
        }
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
        let outside = lexicon.outside().to_vec();
        Ok(Self {
            encoder,
            labels,
            names,
            structures,
            voxels_of,
            unnamed,
            concepts,
            outside,
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

    /// The concept that `prompt` means and the heat of each label.
    fn understand(
        &mut self,
        prompt: &str,
        read: &Prompt,
    ) -> Result<(Concept, String, f32, BTreeMap<u16, f32>), LocalizeError> {
        let Self {
            encoder,
            concepts,
            vectors,
            outside,
            options,
            ..
        } = self;
        let mut scored = Vec::new();
        for concept in concepts.iter().filter(|concept| is_allowed(concept, read)) {
            let nearest = vectors.nearest(encoder, &read.subject, &concept.texts)?;
            if let Some((text, similarity)) = nearest {
                scored.push(Scored {
                    concept,
                    text: text.to_owned(),
                    similarity,
                });
            }
        }
        // Of equals the first by name: the sort is stable.
        scored.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        let outside = vectors.nearest(encoder, &read.subject, outside)?;
        let best = scored.first();
        let best_similarity = best.map_or(0.0, |s| s.similarity);
        let outside = outside.filter(|(_, similarity)| *similarity >= best_similarity);
        let Some(best) = best.filter(|b| b.similarity >= options.threshold && outside.is_none())
        else {
            return Err(LocalizeError::UnknownPrompt {
                prompt: prompt.to_owned(),
                best_similarity,
                threshold: options.threshold,
                outside: outside.map(|(name, similarity)| NearName {
                    name: name.to_owned(),
                    similarity,
                }),
                nearest: scored
                    .iter()
                    .take(NEAREST)
                    .map(|s| NearName {
                        name: s.concept.name.clone(),
                        similarity: s.similarity,
                    })
                    .collect(),
            });
        };
        let mut heat_of: BTreeMap<u16, f32> = BTreeMap::new();
        for s in &scored {
            for label in &s.concept.labels {
                let heat = heat_of.entry(*label).or_insert(0.0);
                *heat = heat.max(s.similarity.clamp(0.0, 1.0));
            }
        }
        Ok((
            best.concept.clone(),
            best.text.clone(),
            best.similarity,
            heat_of,
        ))
    }

    /// One box around the region, or one a side where all of it has a side and both occur.
    fn boxes(&self, concept: &Concept) -> Vec<RegionBox> {
        let side_of = |label: &u16| self.structures.get(label).and_then(|s| s.side);
        let present: BTreeSet<u16> = concept
            .labels
            .iter()
            .filter(|l| self.voxels_of.contains_key(l))
            .copied()
            .collect();
        let sides: BTreeSet<Option<Side>> = present.iter().map(side_of).collect();
        let by_side = sides.len() == 2 && !sides.contains(&None);
        let mut extents: BTreeMap<Option<Side>, Extent> = BTreeMap::new();
        for (zyx, label) in self.labels.voxels().indexed_iter() {
            if present.contains(label) {
                let side = if by_side { side_of(label) } else { None };
                extents.entry(side).or_default().include(zyx);
            }
        }
        let geometry = self.labels.geometry();
        extents
            .into_iter()
            .filter_map(|(side, extent)| {
                let name = side.map_or_else(
                    || concept.name.clone(),
                    |side| format!("{}, {side}", concept.name),
                );
                extent.into_box(name, geometry)
            })
            .collect()
    }
}

impl<E: SentenceEncoder> Localizer for LabelMapLocalizer<E> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        self.check_grid(image)?;
        let read = Prompt::read(prompt)?;
        let (concept, text, similarity, heat_of) = self.understand(prompt, &read)?;
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
        let mut heat_table = vec![0.0_f32; usize::from(u16::MAX) + 1];
        for (label, heat) in &heat_of {
            heat_table[usize::from(*label)] = *heat;
        }
        let mut inside_table = vec![false; usize::from(u16::MAX) + 1];
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
}

/// An f32 as the f64 that prints alike.
fn decimal(value: f32) -> f64 {
    (f64::from(value) * 1e6).round() / 1e6
}

fn in_words(grid: &Grid) -> String {
    let origin = grid.geometry.world_from_voxel().translation;
    format!(
        "shape {:?}, spacing {:?} mm (z, y, x), {} from ({:.3}, {:.3}, {:.3}) mm",
        grid.shape_zyx,
        grid.geometry.spacing_mm_zyx(),
        grid.geometry.orientation(),
        origin.x,
        origin.y,
        origin.z
    )
}
