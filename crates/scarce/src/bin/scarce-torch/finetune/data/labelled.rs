//! Images with a class each: a folder for each class, or a table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_io::{Part, SplitImage, content_hash};
use scarce_mim::finetune::LabelledImage;
use serde::{Deserialize, Serialize};

use super::split::share_out;
use super::{Parts, Shown, SplitConfig, files_in};

/// Where images and their classes are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledData {
    /// A folder with one folder for each class, or a CSV with the columns `path` and `label`, perhaps `group` (what must stay
    /// together, such as the patient) and `split` (`train`, `validation` or `test`); its paths start from where it lies.
    pub images: PathBuf,
    /// The same for images that are only reported on.
    pub held_out: Option<PathBuf>,
    /// The classes in order; those found, in order of their names, if left out.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How the images are shared out.
    #[serde(default)]
    pub split: SplitConfig,
}

/// The images of a classification.
pub struct Labelled {
    /// By what they are for.
    pub parts: Parts<LabelledImage>,
    /// The classes in order.
    pub classes: Vec<String>,
}

struct File {
    path: PathBuf,
    image: SplitImage,
    part: Option<Part>,
}

impl LabelledData {
    /// Reads and shares out all images.
    pub fn read(&self, shown: Shown) -> anyhow::Result<Labelled> {
        let files = files(&self.images)?;
        let held_out = match &self.held_out {
            Some(path) => files_of_held_out(path)?,
            None => Vec::new(),
        };
        let found: BTreeSet<&String> = files.iter().map(|file| &file.image.stratum).collect();
        let classes: Vec<String> = if self.classes.is_empty() {
            found.into_iter().cloned().collect()
        } else {
            self.classes.clone()
        };
        for file in files.iter().chain(&held_out) {
            anyhow::ensure!(
                classes.contains(&file.image.stratum),
                "class {:?} of {} is not among {}",
                file.image.stratum,
                file.path.display(),
                classes.join(", ")
            );
        }
        let given = parts_of_table(&files, &self.images)?;
        let images: Vec<SplitImage> = files.iter().map(|file| file.image.clone()).collect();
        let of_held_out: Vec<SplitImage> = held_out.iter().map(|f| f.image.clone()).collect();
        let shared = share_out(&self.split, &images, given.as_deref(), &of_held_out)?;
        let read = |file: &File| -> anyhow::Result<LabelledImage> {
            let class = classes.iter().position(|c| *c == file.image.stratum);
            Ok(LabelledImage {
                id: file.image.id.clone(),
                pixels: shown.read(&file.path)?.0,
                class: class.unwrap_or(0),
            })
        };
        let of = |indices: &[usize]| -> anyhow::Result<Vec<LabelledImage>> {
            indices.iter().map(|index| read(&files[*index])).collect()
        };
        let mut test = of(&shared.test)?;
        for file in &held_out {
            test.push(read(file)?);
        }
        let parts = Parts {
            train: of(&shared.train)?,
            validation: of(&shared.validation)?,
            test,
        };
        Ok(Labelled { parts, classes })
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self) -> BTreeMap<String, Vec<String>> {
        let name = |path: &Path| vec![path.display().to_string()];
        let mut inputs = BTreeMap::from([("images".to_owned(), name(&self.images))]);
        if let Some(path) = &self.held_out {
            inputs.insert("held out".to_owned(), name(path));
        }
        inputs
    }
}

fn files(images: &Path) -> anyhow::Result<Vec<File>> {
    let files = if images.is_dir() {
        in_folders(images)?
    } else {
        in_table(images)?
    };
    anyhow::ensure!(!files.is_empty(), "no image: {}", images.display());
    Ok(files)
}

/// Named apart from the others, whose folder may have files of the same names.
fn files_of_held_out(images: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = files(images)?;
    for file in &mut files {
        file.image.id.insert_str(0, "held-out/");
    }
    Ok(files)
}

fn in_folders(images: &Path) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for path in files_in(images, true)? {
        let inner = path.strip_prefix(images).unwrap_or(&path);
        let mut parts = inner.components();
        let class = parts
            .next()
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        let (Some(class), true) = (class, parts.next().is_some()) else {
            anyhow::bail!(
                "an image beside the folders of the classes: {}",
                path.display()
            );
        };
        let image = SplitImage {
            id: inner.display().to_string(),
            content: content_hash(&path)?,
            group: None,
            stratum: class,
        };
        files.push(File {
            path,
            image,
            part: None,
        });
    }
    Ok(files)
}

/// A row of a table of images.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    path: PathBuf,
    label: String,
    group: Option<String>,
    split: Option<String>,
}

fn in_table(table: &Path) -> anyhow::Result<Vec<File>> {
    let at = || format!("cannot read {}", table.display());
    let mut reader = csv::Reader::from_path(table).with_context(at)?;
    let mut files = Vec::new();
    for (line, row) in reader.deserialize::<Row>().enumerate() {
        let row = row.with_context(at)?;
        let part = match row.split.as_deref() {
            None | Some("") => None,
            Some("train") => Some(Part::Labelled),
            Some("validation") => Some(Part::Validation),
            Some("test") => Some(Part::Test),
            Some(other) => anyhow::bail!(
                "row {}: split is {other:?}, expected train, validation or test: {}",
                line + 2,
                table.display()
            ),
        };
        let path = table.with_file_name("").join(&row.path);
        let image = SplitImage {
            id: row.path.display().to_string(),
            content: content_hash(&path)?,
            group: row.group.filter(|group| !group.is_empty()),
            stratum: row.label,
        };
        files.push(File { path, image, part });
    }
    Ok(files)
}

/// The parts that a table gives, to all its images or to none.
fn parts_of_table(files: &[File], table: &Path) -> anyhow::Result<Option<Vec<Part>>> {
    let given: Vec<Part> = files.iter().filter_map(|file| file.part).collect();
    if given.is_empty() {
        return Ok(None);
    }
    if let Some(file) = files.iter().find(|file| file.part.is_none()) {
        anyhow::bail!(
            "{} has no split, though others have: {}",
            file.image.id,
            table.display()
        );
    }
    Ok(Some(given))
}
