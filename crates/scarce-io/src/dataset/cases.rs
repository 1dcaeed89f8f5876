//! The cases of folders laid out in a known way.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ManifestCase, ManifestLabel};
use crate::IoError;
use crate::error::system;

/// From where the cases are read that a manifest does not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "layout", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CasesFrom {
    /// nnU-Net's raw data: `imagesTr/ID_0000.ENDING` and `labelsTr/ID.ENDING`, the ending told by
    /// `dataset.json`.
    NnUnet,
    /// The Medical Segmentation Decathlon: pairs listed under `training` of `dataset.json`, images
    /// without labels under `test`.
    Decathlon,
    /// BIDS: `sub-ID/[ses-ID/]MODALITY/*.nii[.gz]`; label maps are the `*_dseg` and `*_mask` files of
    /// `derivatives` that fit one image alone.
    Bids,
    /// A text file with an id a line, and where a case's files lie, `{id}` in its place.
    List {
        /// The text file.
        list: PathBuf,
        /// The image.
        image: String,
        /// The label map.
        label: Option<String>,
    },
    /// A folder a case, called by its id, with files of the same names in each: the 2018 left-atrium challenge's
    /// `lgemri.nrrd` and `laendo.nrrd`, say.
    Folders {
        /// The image.
        image: PathBuf,
        /// The label map; folders without it are cases without labels.
        label: Option<PathBuf>,
    },
}

impl CasesFrom {
    /// The cases in `folder`: in the order of the list where there is one, by id otherwise. A patient is whom the
    /// layout names as one: BIDS tells subjects, the others one patient a case.
    ///
    /// # Errors
    /// [`IoError::Dataset`] for a folder that is not laid out so, or a list that names a case twice;
    /// [`IoError::System`].
    pub fn cases_in(&self, folder: &Path) -> Result<Vec<ManifestCase>, IoError> {
        let mut cases = match self {
            Self::NnUnet => nnunet(folder)?,
            Self::Decathlon => decathlon(folder)?,
            Self::Bids => bids(folder)?,
            Self::List { list, image, label } => {
                return listed(folder, list, image, label.as_deref());
            }
            Self::Folders { image, label } => folders(folder, image, label.as_deref())?,
        };
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(cases)
    }
}

fn case(id: &str, patient: &str, images: Vec<PathBuf>, labels: Vec<PathBuf>) -> ManifestCase {
    let mut images = images.into_iter();
    ManifestCase {
        id: id.to_owned(),
        patient: patient.to_owned(),
        modality: String::new(),
        image: images.next().unwrap_or_default(),
        channels: images.collect(),
        labels: (labels.into_iter())
            .map(|path| ManifestLabel {
                path,
                made_by: String::new(),
            })
            .collect(),
    }
}

fn nnunet(folder: &Path) -> Result<Vec<ManifestCase>, IoError> {
    let (told, path) = description(folder)?;
    let ending = told["file_ending"].as_str();
    let ending = ending.ok_or_else(|| fault("expected a file_ending, got none", &path))?;
    let channels = told["channel_names"].as_object();
    let channels = channels.ok_or_else(|| fault("expected channel_names, got none", &path))?;
    let labels = names(&folder.join("labelsTr"))?;
    let ids = labels.iter().filter_map(|name| name.strip_suffix(ending));
    Ok(ids
        .map(|id| {
            let image = |channel| format!("imagesTr/{id}_{channel:04}{ending}").into();
            let label = format!("labelsTr/{id}{ending}").into();
            case(
                id,
                id,
                (0..channels.len()).map(image).collect(),
                vec![label],
            )
        })
        .collect())
}

fn decathlon(folder: &Path) -> Result<Vec<ManifestCase>, IoError> {
    let (told, path) = description(folder)?;
    let training = told["training"].as_array();
    let training = training.ok_or_else(|| fault("expected a list training, got none", &path))?;
    let pairs = training.iter().map(|pair| {
        let file = |key: &str| pair[key].as_str().map(relative);
        match (file("image"), file("label")) {
            (Some(image), Some(label)) => Ok((image, vec![label])),
            _ => Err(fault(
                &format!("expected an image and a label, got {pair}"),
                &path,
            )),
        }
    });
    let test = told["test"].as_array().into_iter().flatten();
    let alone = test.map(|entry| {
        let image = entry.as_str().or(entry["image"].as_str());
        let image =
            image.ok_or_else(|| fault(&format!("expected an image, got {entry}"), &path))?;
        Ok((relative(image), Vec::new()))
    });
    pairs
        .chain(alone)
        .map(|found| {
            let (image, labels): (PathBuf, Vec<PathBuf>) = found?;
            let id = stem(&image);
            Ok(case(&id, &id, vec![image], labels))
        })
        .collect()
}

fn bids(folder: &Path) -> Result<Vec<ManifestCase>, IoError> {
    let mut cases = Vec::new();
    for subject in names(folder)? {
        if !subject.starts_with("sub-") {
            continue;
        }
        for image in scans(folder, Path::new(&subject))? {
            let id = stem(&image);
            let mut found = case(&id, &subject, vec![image], Vec::new());
            id.rsplit('_')
                .next()
                .unwrap_or_default()
                .clone_into(&mut found.modality);
            cases.push(found);
        }
    }
    let derivatives = folder.join("derivatives");
    if !derivatives.is_dir() {
        return Ok(cases);
    }
    for label in scans(folder, Path::new("derivatives"))? {
        let name = stem(&label);
        let Some(told) = name.strip_suffix("_dseg").or(name.strip_suffix("_mask")) else {
            continue;
        };
        let told: BTreeSet<&str> = told.split('_').collect();
        let fits = |case: &&mut ManifestCase| {
            let entities = case
                .id
                .rsplit_once('_')
                .map_or("", |(entities, _)| entities);
            let named = told.contains(format!("space-{}", case.modality).as_str());
            let space = told.iter().any(|entity| entity.starts_with("space-"));
            entities.split('_').all(|entity| told.contains(entity)) && (named || !space)
        };
        let mut fitting: Vec<&mut ManifestCase> = cases.iter_mut().filter(fits).collect();
        match &mut fitting[..] {
            [only] => only.labels.push(ManifestLabel {
                path: label,
                made_by: String::new(),
            }),
            several => tracing::warn!(
                "{} images fit, the label map is left out: {}",
                several.len(),
                label.display()
            ),
        }
    }
    Ok(cases)
}

fn listed(
    folder: &Path,
    list: &Path,
    image: &str,
    label: Option<&str>,
) -> Result<Vec<ManifestCase>, IoError> {
    let ids = ids_in(&folder.join(list))?;
    let placed = |pattern: &str, id: &str| PathBuf::from(pattern.replace("{id}", id));
    Ok(ids
        .iter()
        .map(|id| {
            let labels = label.map(|pattern| placed(pattern, id)).into_iter();
            case(id, id, vec![placed(image, id)], labels.collect())
        })
        .collect())
}

/// The ids of a text file, one a line, in its order.
///
/// # Errors
/// [`IoError::Dataset`] for an id that comes twice; [`IoError::System`].
pub fn ids_in(path: &Path) -> Result<Vec<String>, IoError> {
    let text = fs::read_to_string(path).map_err(system("cannot read", path))?;
    let ids = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        Some(id) => Err(fault(&format!("{id} stands there twice"), path)),
        None => Ok(ids),
    }
}

fn folders(
    folder: &Path,
    image: &Path,
    label: Option<&Path>,
) -> Result<Vec<ManifestCase>, IoError> {
    let mut cases = Vec::new();
    for id in names(folder)? {
        let below = Path::new(&id);
        if folder.join(below).join(image).is_file() {
            let labels = label.map(|label| below.join(label)).into_iter();
            let labels = labels.filter(|label| folder.join(label).is_file());
            cases.push(case(&id, &id, vec![below.join(image)], labels.collect()));
        }
    }
    Ok(cases)
}

fn description(folder: &Path) -> Result<(Value, PathBuf), IoError> {
    let path = folder.join("dataset.json");
    let text = fs::read_to_string(&path).map_err(system("cannot read", &path))?;
    match serde_json::from_str(&text) {
        Ok(told) => Ok((told, path)),
        Err(error) => Err(fault(&error.to_string(), &path)),
    }
}

/// NIfTI files under `below`, relative to `folder`.
fn scans(folder: &Path, below: &Path) -> Result<Vec<PathBuf>, IoError> {
    let mut found = Vec::new();
    for name in names(&folder.join(below))? {
        let path = below.join(&name);
        let full = folder.join(&path);
        // A link could lead round in a circle.
        if full.is_dir() && !full.is_symlink() {
            found.extend(scans(folder, &path)?);
        } else if name.ends_with(".nii") || name.ends_with(".nii.gz") {
            found.push(path);
        }
    }
    Ok(found)
}

fn names(folder: &Path) -> Result<Vec<String>, IoError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(system("cannot list", folder))? {
        let name = entry.map_err(system("cannot list", folder))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// The Decathlon writes `./imagesTr/…`.
fn relative(text: &str) -> PathBuf {
    PathBuf::from(text.trim_start_matches("./"))
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".nii.gz").or(name.strip_suffix(".nii"));
    stem.unwrap_or(&name).to_owned()
}

fn fault(message: &str, path: &Path) -> IoError {
    IoError::Dataset {
        message: message.to_owned(),
        path: path.to_owned(),
    }
}
