//! What a prompt can mean in one label map: each structure, and what several structures make up.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    lexicon::Lexicon,
    names::{Level, Side, StructureName},
    wording::{self, Wording},
};

/// Something with a name and voxels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Concept {
    /// The readable name, unique among the concepts.
    pub(super) name: String,
    /// The labels it consists of.
    pub(super) labels: BTreeSet<u16>,
    /// The one side it lies on, if it has a counterpart or its name tells a side.
    pub(super) side: Option<Side>,
    /// Its place in a series.
    pub(super) level: Option<Level>,
    /// Whether it consists of all numbers of a series.
    pub(super) is_series: bool,
    /// Whether a concept of both sides contains it.
    pub(super) has_both_sides: bool,
    /// Whether it consists of a left and a right one.
    pub(super) is_both_sides: bool,
    /// What a prompt is compared with.
    pub(super) texts: Vec<String>,
}

/// The part of a structure's name that its composites share, and what is left open.
type Key = (String, Option<String>, Option<Level>, Option<Side>);

/// All concepts of a label map, in the order of their names.
///
/// Rules, each applied where it makes up more than one label:
/// - all lobes of an organ on one side make up the organ on that side;
/// - all numbers of a series make up the series, by region of the spine and in all;
/// - left and right make up the pair;
/// - groups of the lexicon make up what it names.
pub(super) fn concepts(names: &BTreeMap<u16, StructureName>, lexicon: &Lexicon) -> Vec<Concept> {
    // The same spelling for the same organ, so that `rib` and `ribs` fall together.
    let structures: BTreeMap<u16, StructureName> = names
        .iter()
        .map(|(label, name)| {
            let term = lexicon.term(&name.organ);
            let organ = term.map_or_else(|| name.organ.clone(), |term| term.name.clone());
            (
                *label,
                StructureName {
                    organ,
                    ..name.clone()
                },
            )
        })
        .collect();
    let mut concepts = named_concepts(&structures, names, lexicon);
    concepts.extend(spine_regions(&structures, lexicon));
    concepts.extend(groups(&structures, lexicon));
    unique(concepts)
}

/// What the names say by themselves: each structure, and what is left when its part, number or
/// side is left open. `as_spelled` has the organs in the map's own words.
fn named_concepts(
    structures: &BTreeMap<u16, StructureName>,
    as_spelled: &BTreeMap<u16, StructureName>,
    lexicon: &Lexicon,
) -> Vec<Concept> {
    let mut labels_of: BTreeMap<Key, BTreeSet<u16>> = BTreeMap::new();
    for (label, name) in structures {
        for part in open(name.part.clone()) {
            for level in open(name.level) {
                for side in open(name.side) {
                    let key = (name.organ.clone(), part.clone(), level, side);
                    labels_of.entry(key).or_default().insert(*label);
                }
            }
        }
    }
    let mut concepts = Vec::new();
    for ((organ, part, level, side), labels) in &labels_of {
        let any = |has: fn(&StructureName) -> bool| {
            labels
                .iter()
                .filter_map(|label| structures.get(label))
                .any(has)
        };
        let sides = [Side::Left, Side::Right]
            .into_iter()
            .filter(|s| labels_of.contains_key(&(organ.clone(), part.clone(), *level, Some(*s))))
            .count();
        if side.is_none() && sides == 1 && !any(|n| n.side.is_none()) {
            // Only one side is in the map: the sided concept says it all.
            continue;
        }
        let is_series = level.is_none() && any(|n| n.level.is_some());
        if is_series && labels.len() == 1 {
            continue;
        }
        let is_both_sides = side.is_none() && sides == 2;
        let wording = Wording {
            term: lexicon.term(organ),
            organ,
            part: part.as_deref(),
            level: *level,
            side: *side,
            several: is_both_sides || is_series,
            is_series,
        };
        let mut texts = wording.texts();
        for spelled in labels.iter().filter_map(|label| as_spelled.get(label)) {
            let own = Wording {
                term: None,
                organ: &spelled.organ,
                several: false,
                ..wording
            };
            if !texts.contains(&own.name()) {
                texts.push(own.name());
            }
        }
        concepts.push(Concept {
            name: wording.name(),
            labels: labels.clone(),
            side: *side,
            level: *level,
            is_series,
            has_both_sides: side.is_some() && sides == 2,
            is_both_sides,
            texts,
        });
    }
    concepts
}

/// The vertebrae of each region, where the map has those of more than one region.
fn spine_regions(structures: &BTreeMap<u16, StructureName>, lexicon: &Lexicon) -> Vec<Concept> {
    let mut labels_of: BTreeMap<(&str, char), BTreeSet<u16>> = BTreeMap::new();
    for (label, name) in structures {
        if let Some(region) = name.level.and_then(|level| level.region) {
            labels_of
                .entry((&name.organ, region))
                .or_default()
                .insert(*label);
        }
    }
    let is_split = |organ: &str| labels_of.keys().filter(|(o, _)| *o == organ).count() > 1;
    let mut concepts = Vec::new();
    for ((organ, region), labels) in &labels_of {
        let Some(adjective) = wording::adjective_of_region(*region) else {
            continue;
        };
        if labels.len() < 2 || !is_split(organ) {
            continue;
        }
        let name = format!("{adjective} vertebrae");
        let mut texts = vec![name.clone()];
        texts.extend(
            lexicon
                .term(&spine_term(adjective))
                .map(wording::plain_texts)
                .unwrap_or_default(),
        );
        concepts.push(composite(name, labels.clone(), texts, true));
    }
    concepts
}

/// The lexicon's name for a region of the spine as a whole.
fn spine_term(adjective: &str) -> String {
    format!("{adjective} vertebral column")
}

/// The lexicon's structures that no concept of this map stands for, with their texts: a prompt that
/// means one of them must not end at the nearest structure that happens to be labelled.
pub(super) fn absent_terms(
    names: &BTreeMap<u16, StructureName>,
    lexicon: &Lexicon,
) -> BTreeMap<String, Vec<String>> {
    let mut present: BTreeSet<String> = BTreeSet::new();
    for name in names.values() {
        present.extend(lexicon.term(&name.organ).map(|term| term.name.clone()));
        let adjective = name
            .level
            .and_then(|l| l.region)
            .and_then(wording::adjective_of_region);
        present.extend(adjective.map(spine_term));
    }
    for group in lexicon.groups() {
        if group.members.iter().any(|member| present.contains(member)) {
            present.extend(group.covers.iter().cloned());
        }
    }
    lexicon
        .terms()
        .iter()
        .filter(|term| !present.contains(&term.name))
        .map(|term| (term.name.clone(), wording::plain_texts(term)))
        .collect()
}

/// The lexicon's groups of which at least two members are in the map.
fn groups(structures: &BTreeMap<u16, StructureName>, lexicon: &Lexicon) -> Vec<Concept> {
    let labels_of = |member: &String| -> BTreeSet<u16> {
        structures
            .iter()
            .filter(|(_, n)| n.organ == *member)
            .map(|(label, _)| *label)
            .collect()
    };
    let mut concepts = Vec::new();
    for group in lexicon.groups() {
        let members: Vec<BTreeSet<u16>> = group
            .members
            .iter()
            .map(labels_of)
            .filter(|labels| !labels.is_empty())
            .collect();
        if members.len() > 1 {
            let labels = members.into_iter().flatten().collect();
            let texts = [
                std::slice::from_ref(&group.name),
                &group.synonyms,
                &group.definitions,
            ];
            concepts.push(composite(group.name.clone(), labels, texts.concat(), false));
        }
    }
    concepts
}

fn composite(name: String, labels: BTreeSet<u16>, texts: Vec<String>, is_series: bool) -> Concept {
    Concept {
        name,
        labels,
        side: None,
        level: None,
        is_series,
        has_both_sides: false,
        is_both_sides: false,
        texts,
    }
}

/// `[None]`, or `[Some(value), None]`.
fn open<T: Clone>(value: Option<T>) -> Vec<Option<T>> {
    match value {
        Some(value) => vec![Some(value), None],
        None => vec![None],
    }
}

/// Concepts of the same name are one: their labels and texts together.
fn unique(concepts: Vec<Concept>) -> Vec<Concept> {
    let mut by_name: BTreeMap<String, Concept> = BTreeMap::new();
    for concept in concepts {
        match by_name.get_mut(&concept.name) {
            Some(known) => {
                known.labels.extend(concept.labels);
                for text in concept.texts {
                    if !known.texts.contains(&text) {
                        known.texts.push(text);
                    }
                }
            }
            None => {
                by_name.insert(concept.name.clone(), concept);
            }
        }
    }
    by_name.into_values().collect()
}
