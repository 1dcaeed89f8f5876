//! Few cases with labels, the rest of the training list without them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};
use serde::{Deserialize, Serialize};

use super::{ManifestCase, Part, Split};
use crate::IoError;

/// Which cases of a training list keep their labels, and which of them settings are chosen on; all others are trained on
/// without their labels. Counts are of patients: all cases of one go to one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FewLabels {
    /// Patients that keep their labels; if left out, all that are left and have some.
    pub labelled: Option<usize>,
    /// How they are picked: the left-atrium papers take the first of the list.
    pub labelled_by: Pick,
    /// The same by name, in place of a number.
    pub labelled_ids: Vec<String>,
    /// Patients to choose settings on, taken from the training list before all others.
    pub validation: usize,
    /// How they are picked.
    pub validation_by: Pick,
    /// The same by name, in place of a number.
    pub validation_ids: Vec<String>,
    /// Seed of what is drawn. It is not the training's: trainings with several seeds are judged on the same cases.
    pub seed: u64,
}

/// How cases are picked from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// From its beginning on.
    First,
    /// From its end on.
    Last,
    /// At random, by the seed and the patients' names, whatever the order.
    Drawn,
}

impl Default for FewLabels {
    fn default() -> Self {
        Self {
            labelled: None,
            labelled_by: Pick::First,
            labelled_ids: Vec::new(),
            validation: 0,
            validation_by: Pick::Last,
            validation_ids: Vec::new(),
            seed: 0,
        }
    }
}

/// A patient of a list.
struct Patient<'a> {
    name: &'a str,
    cases: Vec<&'a ManifestCase>,
}

impl Patient<'_> {
    fn is_labelled(&self) -> bool {
        self.cases.iter().any(|case| !case.labels.is_empty())
    }
}

impl FewLabels {
    /// Splits a training list; `test` has the ids of cases that only are measured on.
    ///
    /// # Errors
    /// [`IoError::Dataset`] for a case that is in both lists, ids that are in neither or chosen twice, and more patients than
    /// there are with labels.
    pub fn split(&self, cases: &[ManifestCase], test: &[String]) -> Result<Split, IoError> {
        let held_out: BTreeSet<&str> = test.iter().map(String::as_str).collect();
        let in_both = cases
            .iter()
            .filter(|c| held_out.contains(c.id.as_str()) || held_out.contains(c.patient.as_str()));
        let in_both: Vec<&str> = in_both.map(|case| case.id.as_str()).collect();
        if !in_both.is_empty() {
            return Err(fault(format!(
                "the test list has cases that are to be trained on or chosen by: {}",
                in_both.join(", ")
            )));
        }
        let patients = patients_of(cases);
        let mut part_of: BTreeMap<&str, Part> = BTreeMap::new();
        self.put(Part::Validation, &patients, &mut part_of)?;
        self.put(Part::Labelled, &patients, &mut part_of)?;
        let mut split = Split::new();
        for patient in &patients {
            let part = part_of.get(patient.name).copied();
            let part = part.unwrap_or(Part::Unlabelled);
            let ids = patient.cases.iter().map(|case| case.id.clone());
            split.entry(part).or_default().extend(ids);
        }
        for ids in split.values_mut() {
            ids.sort();
        }
        Ok(split)
    }

    fn put<'a>(
        &self,
        part: Part,
        patients: &[Patient<'a>],
        part_of: &mut BTreeMap<&'a str, Part>,
    ) -> Result<(), IoError> {
        let (what, count, pick, ids) = match part {
            Part::Validation => (
                "validation",
                Some(self.validation),
                self.validation_by,
                &self.validation_ids,
            ),
            _ => (
                "labelled",
                self.labelled,
                self.labelled_by,
                &self.labelled_ids,
            ),
        };
        if !ids.is_empty() {
            if count.is_some_and(|n| n > 0) {
                return Err(fault(format!("{what} cases are both counted and named")));
            }
            for id in ids {
                let named = |p: &&Patient<'_>| p.cases.iter().any(|case| case.id == *id);
                let Some(patient) = patients.iter().find(named) else {
                    return Err(fault(format!("{what}: no case {id:?}")));
                };
                if !patient.is_labelled() {
                    return Err(fault(format!("{what}: case {id:?} has no label")));
                }
                let before = part_of.insert(patient.name, part);
                if before.is_some_and(|before| before != part) {
                    return Err(fault(format!("case {id:?} is to validate and to train on")));
                }
            }
            return Ok(());
        }
        let is_free = |patient: &&Patient<'_>| {
            let names = |id: &String| patient.cases.iter().any(|case| case.id == *id);
            let named = part == Part::Validation && self.labelled_ids.iter().any(names);
            patient.is_labelled() && !named && !part_of.contains_key(patient.name)
        };
        let mut free: Vec<&'a str> = patients.iter().filter(is_free).map(|p| p.name).collect();
        let count = count.unwrap_or(free.len());
        if count > free.len() {
            return Err(fault(format!(
                "{what}: expected {count} patients with labels, got {} that are left of {}",
                free.len(),
                patients.len()
            )));
        }
        match pick {
            Pick::First => {}
            Pick::Last => free.reverse(),
            Pick::Drawn => {
                free.sort_unstable();
                free.shuffle(&mut Seed(self.seed).stream(StreamKey {
                    epoch: 0,
                    sample_id: what,
                    purpose: "few labels",
                }));
            }
        }
        part_of.extend(free.into_iter().take(count).map(|name| (name, part)));
        Ok(())
    }
}

/// In the order in which they first come.
fn patients_of(cases: &[ManifestCase]) -> Vec<Patient<'_>> {
    let mut patients: Vec<Patient<'_>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        let name = case.patient.as_str();
        let at = *known.entry(name).or_insert_with(|| {
            let cases = Vec::new();
            patients.push(Patient { name, cases });
            patients.len() - 1
        });
        patients[at].cases.push(case);
    }
    patients
}

fn fault(message: String) -> IoError {
    IoError::Dataset {
        message,
        path: PathBuf::from("(split)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::ManifestLabel;

    /// Ten patients, the third with two cases, the last without a label.
    fn cases() -> Vec<ManifestCase> {
        let case = |id: &str, patient: usize| ManifestCase {
            id: id.to_owned(),
            patient: format!("p{patient}"),
            modality: String::new(),
            image: format!("{id}.h5").into(),
            channels: Vec::new(),
            labels: (patient != 9)
                .then(|| ManifestLabel {
                    path: format!("{id}.h5").into(),
                    made_by: String::new(),
                })
                .into_iter()
                .collect(),
        };
        let mut cases: Vec<ManifestCase> = (0..10).map(|k| case(&format!("c{k}"), k)).collect();
        cases.push(case("c2-again", 2));
        cases
    }

    fn told(split: &Split) -> [String; 3] {
        [Part::Labelled, Part::Validation, Part::Unlabelled]
            .map(|part| split.get(&part).map_or(String::new(), |ids| ids.join(" ")))
    }

    #[test]
    fn parts_are_as_asked_for() {
        let base = FewLabels::default;
        let ids = |names: &[&str]| names.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        for (few, expected) in [
            (base(), ["c0 c1 c2 c2-again c3 c4 c5 c6 c7 c8", "", "c9"]),
            (
                FewLabels {
                    labelled: Some(3),
                    validation: 2,
                    ..base()
                },
                ["c0 c1 c2 c2-again", "c7 c8", "c3 c4 c5 c6 c9"],
            ),
            (
                FewLabels {
                    labelled: Some(1),
                    labelled_by: Pick::Last,
                    validation: 8,
                    validation_by: Pick::First,
                    ..base()
                },
                ["c8", "c0 c1 c2 c2-again c3 c4 c5 c6 c7", "c9"],
            ),
            (
                FewLabels {
                    labelled_ids: ids(&["c8", "c2"]),
                    validation: 1,
                    ..base()
                },
                ["c2 c2-again c8", "c7", "c0 c1 c3 c4 c5 c6 c9"],
            ),
            (
                FewLabels {
                    labelled: Some(0),
                    validation_ids: ids(&["c1"]),
                    ..base()
                },
                ["", "c1", "c0 c2 c2-again c3 c4 c5 c6 c7 c8 c9"],
            ),
        ] {
            assert_eq!(
                told(&few.split(&cases(), &[]).unwrap()),
                expected,
                "{few:?}"
            );
        }
    }

    #[test]
    fn what_is_drawn_depends_on_names_and_seed() {
        let few = |seed| FewLabels {
            labelled: Some(2),
            labelled_by: Pick::Drawn,
            validation: 2,
            validation_by: Pick::Drawn,
            seed,
            ..FewLabels::default()
        };
        let mut turned = cases();
        turned.reverse();
        let of = |seed| few(seed).split(&cases(), &[]).unwrap();
        assert_eq!(of(1), few(1).split(&turned, &[]).unwrap());
        let drawn: BTreeSet<[String; 3]> = (0..20).map(|seed| told(&of(seed))).collect();
        assert!(drawn.len() > 10);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let ids = |names: &[&str]| names.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let check = |change: &dyn Fn(&mut FewLabels), test: &[&str], part: &str| {
            let mut few = FewLabels::default();
            change(&mut few);
            let error = few.split(&cases(), &ids(test)).unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        };
        check(&|_| {}, &["c4", "x", "c7"], "chosen by: c4, c7");
        // A test list may name patients.
        check(&|_| {}, &["p2"], "c2, c2-again");
        check(&|f| f.labelled = Some(10), &[], "expected 10 patients");
        check(&|f| f.validation = 10, &[], "validation: expected 10");
        check(&|f| f.labelled_ids = ids(&["c77"]), &[], "no case \"c77\"");
        check(&|f| f.labelled_ids = ids(&["c9"]), &[], "no label");
        check(
            &|f| {
                f.labelled_ids = ids(&["c2"]);
                f.validation_ids = ids(&["c2-again"]);
            },
            &[],
            "\"c2\" is to validate and to train on",
        );
        check(
            &|f| {
                f.validation = 1;
                f.validation_ids = ids(&["c2"]);
            },
            &[],
            "both counted and named",
        );
    }
}
