//! Which files a case is made of, and what it is for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_image::{LabelMap, Volume};
use scarce_io::{Loaded, ReadOptions};
use serde::Serialize;

use crate::preprocessing::check_grids;

/// The files of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseFiles {
    /// Its name.
    pub id: String,
    /// The image.
    pub image: PathBuf,
    /// Its label map, where there is one. An unlabelled case may have one: it is not trained on.
    pub label: Option<PathBuf>,
    /// How both are read.
    pub options: ReadOptions,
}

/// Cases by what they are for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cases {
    /// Trained on with labels.
    pub labelled: Vec<CaseFiles>,
    /// Trained on without.
    pub unlabelled: Vec<CaseFiles>,
    /// Settings are chosen by these.
    pub validation: Vec<CaseFiles>,
}

/// Their names; `split.json`.
#[derive(Debug, Serialize)]
pub struct CaseNames<'a> {
    labelled: Vec<&'a str>,
    unlabelled: Vec<&'a str>,
    validation: Vec<&'a str>,
}

impl CaseFiles {
    /// A case that is read as files tell.
    pub fn new(id: &str, image: &Path, label: Option<&Path>) -> Self {
        Self {
            id: id.to_owned(),
            image: image.to_owned(),
            label: label.map(Path::to_owned),
            options: ReadOptions::default(),
        }
    }

    /// The image, and the label map where there is one, on one grid.
    pub fn read(&self) -> anyhow::Result<(Volume<f32>, Option<LabelMap>)> {
        let image = scarce_io::read_volume_with(&self.image, &self.options)?;
        let image = Loaded::into_logged(image);
        let Some(path) = &self.label else {
            return Ok((image, None));
        };
        // A frame is one of the image's channels; label maps have one.
        let mut options = self.options.clone();
        options.frame = None;
        let labels = Loaded::into_logged(scarce_io::read_label_map_with(path, &options)?);
        check_grids(&image.grid(), &labels).with_context(|| format!("case {}", self.id))?;
        Ok((image, Some(labels)))
    }
}

impl Cases {
    /// Takes in others.
    pub fn extend(&mut self, others: Self) {
        self.labelled.extend(others.labelled);
        self.unlabelled.extend(others.unlabelled);
        self.validation.extend(others.validation);
    }

    /// All of them with their parts' names.
    fn all(&self) -> impl Iterator<Item = (&'static str, &CaseFiles)> {
        in_part("labelled", &self.labelled)
            .chain(in_part("unlabelled", &self.unlabelled))
            .chain(in_part("validation", &self.validation))
    }

    /// Refuses a name that comes twice, and a file that would be learned from and judged by.
    pub fn check(&self) -> anyhow::Result<()> {
        let mut by_id: BTreeMap<&str, &str> = BTreeMap::new();
        let mut by_image: BTreeMap<&Path, (&str, &str)> = BTreeMap::new();
        for (part, case) in self.all() {
            if let Some(before) = by_id.insert(&case.id, part) {
                anyhow::bail!("case {} comes twice: {before} and {part}", case.id);
            }
            if let Some((id, before)) = by_image.insert(&case.image, (&case.id, part)) {
                anyhow::ensure!(
                    (before == "validation") == (part == "validation"),
                    "{id} ({before}) and {} ({part}) are one file: {}",
                    case.id,
                    case.image.display()
                );
            }
        }
        Ok(())
    }

    /// Their names.
    pub fn names(&self) -> CaseNames<'_> {
        CaseNames {
            labelled: ids(&self.labelled),
            unlabelled: ids(&self.unlabelled),
            validation: ids(&self.validation),
        }
    }
}

fn ids(cases: &[CaseFiles]) -> Vec<&str> {
    cases.iter().map(|case| case.id.as_str()).collect()
}

fn in_part<'a>(
    name: &'static str,
    cases: &'a [CaseFiles],
) -> impl Iterator<Item = (&'static str, &'a CaseFiles)> {
    cases.iter().map(move |case| (name, case))
}
