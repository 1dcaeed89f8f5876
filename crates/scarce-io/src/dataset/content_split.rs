//! Splits of images whose patients nobody named.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use scarce_image::Seed;

use super::{Part, Shares};
use crate::IoError;
use crate::error::system;

/// An image to be put into a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitImage {
    /// Its name.
    pub id: String,
    /// [`content_hash`] of its file: two files of one content are one image.
    pub content: [u8; 32],
    /// What it must not be parted from, such as its patient.
    pub group: Option<String>,
    /// What the parts should have alike shares of, such as its class; empty where there is no such thing.
    pub stratum: String,
}

/// BLAKE3 of a file's bytes.
///
/// # Errors
/// [`IoError::System`].
pub fn content_hash(path: &Path) -> Result<[u8; 32], IoError> {
    let file = File::open(path).map_err(system("cannot open", path))?;
    let mut hasher = blake3::Hasher::new();
    hasher
        .update_reader(file)
        .map_err(system("cannot read", path))?;
    Ok(*hasher.finalize().as_bytes())
}

/// The part of each image: [`Part::Labelled`] to train on, [`Part::Validation`], [`Part::Test`].
///
/// Images of one content or one group, and those that hang together through others, form a unit and go to one part. Units
/// of each stratum are ordered by a hash of seed and contents; the first are for the test, the next for validation, as many
/// as their share rounded. So the split depends neither on names nor on the order of the files, and an image more or less
/// moves at most the units at a border.
///
/// # Errors
/// [`IoError::Dataset`] for shares that leave nothing to train on, a stratum that has no unit to train on, and images
/// of one content in several strata, by name.
pub fn split_by_content(
    images: &[SplitImage],
    shares: Shares,
    seed: Seed,
) -> Result<Vec<Part>, IoError> {
    let fault = |message: String| {
        Err(IoError::Dataset {
            message,
            path: PathBuf::from("(split)"),
        })
    };
    let Shares { validation, test } = shares;
    if !((0.0..1.0).contains(&validation) && (0.0..1.0).contains(&test) && validation + test < 1.0)
    {
        return fault(format!(
            "shares: expected validation and test from 0 to below 1 together, got {validation} and {test}"
        ));
    }
    let mut first_of_content: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let first = *first_of_content.entry(image.content).or_insert(index);
        let (a, b) = (&images[first], image);
        if a.stratum != b.stratum {
            return fault(format!(
                "{} and {} are the same image, but one is {:?} and the other {:?}",
                a.id, b.id, a.stratum, b.stratum
            ));
        }
    }
    // By stratum, then by the unit's key, the indices of its images.
    let mut units: BTreeMap<&str, BTreeMap<[u8; 32], Vec<usize>>> = BTreeMap::new();
    for unit in units_of(images) {
        let mut contents: Vec<&[u8; 32]> =
            unit.iter().map(|index| &images[*index].content).collect();
        contents.sort_unstable();
        contents.dedup();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.0.to_le_bytes());
        for content in contents {
            hasher.update(content);
        }
        // A group of several classes counts for that of its first image by name.
        let stratum = unit.iter().min_by_key(|index| &images[**index].id);
        let stratum = stratum.map_or("", |index| images[*index].stratum.as_str());
        let of_stratum = units.entry(stratum).or_default();
        of_stratum.insert(*hasher.finalize().as_bytes(), unit);
    }
    let mut parts = vec![Part::Labelled; images.len()];
    for (stratum, units) in units {
        let count = |share: f64| (share * units.len() as f64).round() as usize;
        let (n_test, n_validation) = (count(test), count(validation));
        if n_test + n_validation >= units.len() {
            return fault(format!(
                "{} images of {stratum:?} that may be parted leave none to train on beside {n_validation} to validate \
                 and {n_test} to test on",
                units.len()
            ));
        }
        for (place, unit) in units.into_values().enumerate() {
            let part = if place < n_test {
                Part::Test
            } else if place < n_test + n_validation {
                Part::Validation
            } else {
                Part::Labelled
            };
            for index in unit {
                parts[index] = part;
            }
        }
    }
    Ok(parts)
}

/// Images that must not be parted, as indices.
fn units_of(images: &[SplitImage]) -> Vec<Vec<usize>> {
    let mut above: Vec<usize> = (0..images.len()).collect();
    let top = |above: &[usize], mut index: usize| {
        while above[index] != index {
            index = above[index];
        }
        index
    };
    let mut first_of: BTreeMap<&[u8], usize> = BTreeMap::new();
    for (index, image) in images.iter().enumerate() {
        let names = [Some(image.content.as_slice())]
            .into_iter()
            .chain([image.group.as_ref().map(String::as_bytes)]);
        for name in names.flatten() {
            let first = *first_of.entry(name).or_insert(index);
            let (a, b) = (top(&above, first), top(&above, index));
            above[a.max(b)] = a.min(b);
        }
    }
    let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for index in 0..images.len() {
        units.entry(top(&above, index)).or_default().push(index);
    }
    units.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares {
        validation: 0.2,
        test: 0.3,
    };

    fn image(id: &str, content: &str, group: Option<&str>, stratum: &str) -> SplitImage {
        SplitImage {
            id: id.to_owned(),
            content: *blake3::hash(content.as_bytes()).as_bytes(),
            group: group.map(str::to_owned),
            stratum: stratum.to_owned(),
        }
    }

    /// Ten images of each of two classes; of `a`, 0 and 1 are the same file, 2 and 3 of one patient, as are 3's copy and 4.
    fn images() -> Vec<SplitImage> {
        let mut images: Vec<SplitImage> = (0..20)
            .map(|k| {
                let stratum = if k < 10 { "a" } else { "b" };
                image(&format!("i{k}"), &format!("content {k}"), None, stratum)
            })
            .collect();
        images[1].content = images[0].content;
        for (index, group) in [(2, "p"), (3, "p"), (9, "q"), (4, "q")] {
            images[index].group = Some(group.to_owned());
        }
        images[9].content = images[3].content;
        images
    }

    #[test]
    fn equal_contents_and_groups_stay_together_and_classes_are_shared_out() {
        let images = images();
        let parts = split_by_content(&images, SHARES, Seed(1)).unwrap();
        assert_eq!(parts[0], parts[1]);
        for index in [3, 9, 4] {
            assert_eq!(parts[2], parts[index], "{index}");
        }
        // Class b has ten units.
        for (part, expected) in [(Part::Test, 3), (Part::Validation, 2), (Part::Labelled, 5)] {
            let got = parts[10..].iter().filter(|p| **p == part).count();
            assert_eq!(got, expected, "{part:?}");
        }
        // Neither names nor order matter.
        let mut turned = images.clone();
        turned.reverse();
        for (k, image) in turned.iter_mut().enumerate() {
            image.id = format!("renamed {k}");
        }
        let mut again = split_by_content(&turned, SHARES, Seed(1)).unwrap();
        again.reverse();
        assert_eq!(again, parts);
        assert_ne!(split_by_content(&images, SHARES, Seed(2)).unwrap(), parts);
    }

    /// ```python
    /// import blake3  # or b3sum
    /// key = lambda k, seed=7: blake3.blake3(seed.to_bytes(8, "little") + blake3.blake3(b"content %d" % k).digest()).digest()
    /// sorted(range(10), key=key)
    /// ```
    #[test]
    fn the_split_is_the_same_on_every_machine() {
        let images: Vec<SplitImage> = (0..10)
            .map(|k| image(&k.to_string(), &format!("content {k}"), None, ""))
            .collect();
        let parts = split_by_content(&images, SHARES, Seed(7)).unwrap();
        let of = |part| (0..10).filter(|k| parts[*k] == part).collect::<Vec<_>>();
        assert_eq!(
            (of(Part::Test), of(Part::Validation)),
            (vec![0, 1, 5], vec![7, 8])
        );
    }

    #[test]
    fn what_cannot_be_split_is_named() {
        let same = [image("x", "c", None, "a"), image("y", "c", None, "b")];
        let few = [image("x", "c", None, "a"), image("y", "d", None, "a")];
        let none = Shares {
            validation: 0.0,
            test: 0.0,
        };
        let shares = |validation, test| Shares { validation, test };
        for (images, shares, part) in [
            (&same, none, "x and y are the same image"),
            (&few, shares(0.4, 0.4), "leave none to train on"),
            (&few, shares(0.6, 0.5), "shares"),
        ] {
            let error = split_by_content(images, shares, Seed(0)).unwrap_err();
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
    }
}
