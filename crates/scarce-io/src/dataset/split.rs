//! Splits by patient.

use std::collections::BTreeMap;

use rand::seq::SliceRandom as _;
use scarce_image::{Seed, StreamKey};
use serde::Serialize;

use super::ManifestCase;
use crate::IoError;

/// How many patients of a hundred go where; the rest is trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// Share that settings are chosen on, 0 to 1.
    pub validation: f64,
    /// Share that is only measured on, 0 to 1.
    pub test: f64,
}

/// What a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Trained on with its label.
    Labelled,
    /// Trained on without its label.
    Unlabelled,
    /// Settings are chosen on it.
    Validation,
    /// Only measured on.
    Test,
}

/// Ids of cases by what they are for, each list sorted.
pub type Split = BTreeMap<Part, Vec<String>>;

/// Draws a split: all images of a patient go to one part, `labelled` patients of those that are
/// trained on keep their labels. It depends on the seed and on each patient's name alone, not on the
/// order of the cases.
///
/// ```
/// use scarce_image::Seed;
/// use scarce_io::{ManifestCase, Part, Shares, split_by_patient};
///
/// let cases: Vec<ManifestCase> = (0..10)
///     .map(|k| ManifestCase {
///         id: format!("scan-{k}"),
///         patient: format!("patient-{}", k / 2),
///         modality: "MR".to_owned(),
///         image: format!("{k}.nii.gz").into(),
///         channels: Vec::new(),
///         labels: Vec::new(),
///     })
///     .collect();
/// let shares = Shares { validation: 0.0, test: 0.4 };
/// let split = split_by_patient(&cases, shares, 0, Seed(1))?;
/// // Two patients of five, with both their scans.
/// assert_eq!(split[&Part::Test].len(), 4);
/// # Ok::<(), scarce_io::IoError>(())
/// ```
///
/// # Errors
/// [`IoError::Dataset`] for shares that leave nothing to train on, more labelled patients than there
/// are with labels, and a split that asks for a patient and finds none.
pub fn split_by_patient(
    cases: &[ManifestCase],
    shares: Shares,
    labelled: usize,
    seed: Seed,
) -> Result<Split, IoError> {
    let fault = |message: String| {
        Err(IoError::Dataset {
            message,
            path: std::path::PathBuf::from("(split)"),
        })
    };
    let (validation, test) = (shares.validation, shares.test);
    if !((0.0..1.0).contains(&validation) && (0.0..1.0).contains(&test) && validation + test < 1.0)
    {
        return fault(format!(
            "shares: expected validation and test from 0 to below 1 together, got {validation} and {test}"
        ));
    }
    let mut patients: BTreeMap<&str, Vec<&ManifestCase>> = BTreeMap::new();
    for case in cases {
        patients.entry(&case.patient).or_default().push(case);
    }
    let mut order: Vec<&str> = patients.keys().copied().collect();
    order.shuffle(&mut seed.stream(StreamKey {
        epoch: 0,
        sample_id: "",
        purpose: "split by patient",
    }));
    let count = |share: f64| (share * order.len() as f64).round() as usize;
    let (n_validation, n_test) = (count(validation), count(test));
    for (name, share, n) in [
        ("validation", validation, n_validation),
        ("test", test, n_test),
    ] {
        if share > 0.0 && n == 0 {
            return fault(format!(
                "{} patients are too few for a {name} share of {share}",
                order.len()
            ));
        }
    }
    let (validation, rest) = order.split_at(n_validation.min(order.len()));
    let (test, train) = rest.split_at(n_test.min(rest.len()));
    // Labels are kept where there are some.
    let has_label = |patient: &&&str| {
        patients[**patient]
            .iter()
            .any(|case| !case.labels.is_empty())
    };
    let keep: Vec<&str> = train
        .iter()
        .filter(has_label)
        .take(labelled)
        .copied()
        .collect();
    if keep.len() < labelled {
        return fault(format!(
            "expected {labelled} labelled patients to train on, got {} with labels of {}",
            keep.len(),
            train.len()
        ));
    }
    let mut split: Split = BTreeMap::new();
    let mut put = |part: Part, patient: &str| {
        let ids = patients[patient].iter().map(|case| case.id.clone());
        split.entry(part).or_default().extend(ids);
    };
    for (part, patients) in [(Part::Validation, validation), (Part::Test, test)] {
        for patient in patients {
            put(part, patient);
        }
    }
    for patient in train {
        let part = if keep.contains(patient) {
            Part::Labelled
        } else {
            Part::Unlabelled
        };
        put(part, patient);
    }
    for ids in split.values_mut() {
        ids.sort();
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::ManifestLabel;

    /// Twenty patients of two images each, labels on all but patient 0.
    fn cases() -> Vec<ManifestCase> {
        (0..40)
            .map(|k| ManifestCase {
                id: format!("case{k}"),
                patient: format!("patient{}", k / 2),
                modality: "MR".to_owned(),
                image: format!("{k}.nii.gz").into(),
                channels: Vec::new(),
                labels: if k < 2 {
                    Vec::new()
                } else {
                    vec![ManifestLabel {
                        path: format!("{k}_label.nii.gz").into(),
                        made_by: "human".to_owned(),
                    }]
                },
            })
            .collect()
    }

    const SHARES: Shares = Shares {
        validation: 0.1,
        test: 0.2,
    };

    #[test]
    fn patients_stay_together_and_the_order_of_cases_does_not_matter() {
        let split = split_by_patient(&cases(), SHARES, 4, Seed(5)).unwrap();
        let count = |part| split[&part].len();
        assert_eq!(
            [
                Part::Labelled,
                Part::Unlabelled,
                Part::Validation,
                Part::Test
            ]
            .map(count),
            [8, 20, 4, 8]
        );
        let part_of = |id: &str| {
            split
                .iter()
                .find(|(_, ids)| ids.contains(&id.to_owned()))
                .unwrap()
                .0
        };
        for k in 0..20 {
            let (a, b) = (format!("case{}", 2 * k), format!("case{}", 2 * k + 1));
            assert_eq!(part_of(&a), part_of(&b));
        }
        let mut turned = cases();
        turned.reverse();
        assert_eq!(
            split_by_patient(&turned, SHARES, 4, Seed(5)).unwrap(),
            split
        );
        assert_ne!(
            split_by_patient(&cases(), SHARES, 4, Seed(6)).unwrap(),
            split
        );
    }

    #[test]
    fn impossible_splits_are_refused() {
        for (shares, labelled, part) in [
            (
                Shares {
                    validation: 0.6,
                    test: 0.5,
                },
                1,
                "shares",
            ),
            (
                Shares {
                    validation: f64::NAN,
                    test: 0.1,
                },
                1,
                "shares",
            ),
            (
                Shares {
                    validation: 0.01,
                    test: 0.1,
                },
                1,
                "too few",
            ),
            (SHARES, 15, "labelled patients"),
        ] {
            let error = split_by_patient(&cases(), shares, labelled, Seed(1)).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
