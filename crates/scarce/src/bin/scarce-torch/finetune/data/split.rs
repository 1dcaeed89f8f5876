//! Which images are trained on, chosen by, and reported on.

use std::collections::{BTreeMap, BTreeSet};

use scarce_image::Seed;
use scarce_io::{Part, Shares, SplitImage, split_by_content};
use serde::{Deserialize, Serialize};

/// How images are shared out. It has a seed of its own: trainings with several seeds are reported on the same images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SplitConfig {
    /// Share that the training is stopped and chosen by.
    pub validation: f64,
    /// Share that is reported on, once, in the end; 0 where there are images held out.
    pub test: f64,
    /// Seed of the shares.
    pub seed: u64,
    /// Images of each class to train on, others of that part being left out; all of them if left out.
    pub train_per_class: Option<usize>,
}

impl Default for SplitConfig {
    fn default() -> Self {
        Self {
            validation: 0.2,
            test: 0.2,
            seed: 0,
            train_per_class: None,
        }
    }
}

/// Something for each part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Parts<T> {
    /// Trained on.
    pub train: Vec<T>,
    /// Chosen by.
    pub validation: Vec<T>,
    /// Reported on.
    pub test: Vec<T>,
}

impl<T> Parts<T> {
    /// The same of something else.
    pub fn map<U>(&self, f: impl Fn(&T) -> U) -> Parts<U> {
        let each = |part: &[T]| part.iter().map(&f).collect();
        Parts {
            train: each(&self.train),
            validation: each(&self.validation),
            test: each(&self.test),
        }
    }
}

/// Indices of `images` by part, those `held_out` beside them; `given` names the parts where a table does.
pub fn share_out(
    config: &SplitConfig,
    images: &[SplitImage],
    given: Option<&[Part]>,
    held_out: &[SplitImage],
) -> anyhow::Result<Parts<usize>> {
    let has_held_out = !held_out.is_empty();
    let parts = if let Some(parts) = given {
        parts.to_vec()
    } else {
        let shares = Shares {
            validation: config.validation,
            test: if has_held_out { 0.0 } else { config.test },
        };
        split_by_content(images, shares, Seed(config.seed))?
    };
    let mut shared = Parts::default();
    for (index, part) in parts.iter().enumerate() {
        match part {
            Part::Validation => shared.validation.push(index),
            Part::Test => shared.test.push(index),
            Part::Labelled | Part::Unlabelled => shared.train.push(index),
        }
    }
    anyhow::ensure!(
        !has_held_out || shared.test.is_empty(),
        "images are held out, and the table has a test part, too: which is to be reported on?"
    );
    let of = |index: &usize| &images[*index];
    leaks(
        shared.train.iter().map(of),
        shared.validation.iter().map(of),
    )?;
    leaks(
        shared.train.iter().chain(&shared.validation).map(of),
        shared.test.iter().map(of).chain(held_out),
    )?;
    if let Some(most) = config.train_per_class {
        let mut order = shared.train.clone();
        order.sort_by_key(|index| images[*index].content);
        let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
        let chosen: BTreeSet<usize> = order
            .into_iter()
            .filter(|index| {
                let n = kept.entry(&images[*index].stratum).or_default();
                *n += 1;
                *n <= most
            })
            .collect();
        shared.train.retain(|index| chosen.contains(index));
    }
    Ok(shared)
}

/// Refuses an image that is in both, or whose group is.
fn leaks<'a>(
    learned: impl Iterator<Item = &'a SplitImage> + Clone,
    judged: impl Iterator<Item = &'a SplitImage>,
) -> anyhow::Result<()> {
    let contents: BTreeMap<&[u8; 32], &str> = learned
        .clone()
        .map(|image| (&image.content, image.id.as_str()))
        .collect();
    let groups: BTreeMap<&str, &str> = learned
        .filter_map(|image| Some((image.group.as_deref()?, image.id.as_str())))
        .collect();
    for image in judged {
        let same = contents.get(&image.content);
        let kin = image.group.as_deref().and_then(|group| groups.get(group));
        if let Some(learned) = same.or(kin) {
            let why = if same.is_some() { "image" } else { "group" };
            anyhow::bail!(
                "{} and {learned} are the same {why}: one would be learned from, the other judged by",
                image.id
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(k: usize, group: Option<&str>) -> SplitImage {
        SplitImage {
            id: format!("i{k}"),
            content: [k as u8; 32],
            group: group.map(str::to_owned),
            stratum: format!("class {}", k % 2),
        }
    }

    #[test]
    fn parts_are_disjoint_and_what_is_held_out_is_the_test() {
        let images: Vec<_> = (0..20).map(|k| image(k, None)).collect();
        let config = SplitConfig::default();
        let shared = share_out(&config, &images, None, &[]).unwrap();
        let sizes = [&shared.train, &shared.validation, &shared.test].map(Vec::len);
        assert_eq!(sizes, [12, 4, 4]);
        let held_out = [image(30, None)];
        let shared = share_out(&config, &images, None, &held_out).unwrap();
        assert!(shared.test.is_empty() && shared.train.len() == 16);
        let few = SplitConfig {
            train_per_class: Some(3),
            ..config.clone()
        };
        let fewer = share_out(&few, &images, None, &held_out).unwrap();
        assert_eq!(fewer.train.len(), 6);
        assert_eq!(fewer.validation, shared.validation);
        assert!(fewer.train.iter().all(|i| shared.train.contains(i)));
    }

    #[test]
    fn what_would_be_learned_and_judged_by_is_named() {
        let images = [image(0, Some("p")), image(1, None), image(2, Some("p"))];
        let parts = |last| [Part::Labelled, Part::Validation, last];
        for (given, held_out, part) in [
            (parts(Part::Test), vec![], "i2 and i0 are the same group"),
            (
                parts(Part::Labelled),
                vec![image(1, None)],
                "i1 and i1 are the same image",
            ),
            (
                parts(Part::Test),
                vec![image(9, None)],
                "which is to be reported on",
            ),
        ] {
            let error = share_out(&SplitConfig::default(), &images, Some(&given), &held_out);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
