//! Images with their masks or outlines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::{Array2, Axis};
use scarce_cli::exit::UsageError;
use scarce_image::{Connectivity, connected_components};
use scarce_io::{SplitImage, content_hash};
use scarce_mim::finetune::OutlinedImage;
use scarce_mim::finetune::look::Frame;
use serde::{Deserialize, Serialize};

use super::outlines::Outlines;
use super::pictures::stem;
use super::split::share_out;
use super::{Parts, Shown, SplitConfig, files_in};

/// Where images and what is outlined on them are found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlinedData {
    /// A folder of images.
    pub images: PathBuf,
    /// A folder of masks, each named as its image but for the ending.
    pub masks: Option<PathBuf>,
    /// Or a file of outlines: VIA's JSON, or COCO's.
    pub outlines: Option<PathBuf>,
    /// The same of images that are only reported on.
    pub held_out: Option<OutlinedFolder>,
    /// The classes in order, the background, 0, left out: names of COCO's categories, or values of an attribute of VIA's
    /// regions. One alone takes every outline.
    #[serde(default = "object")]
    pub classes: Vec<String>,
    /// Values of the masks that become class 1, 2, …; others are background. Left out, every value but 0 is class 1.
    pub mask_values: Option<Vec<u16>>,
    /// How the images are shared out.
    #[serde(default)]
    pub split: SplitConfig,
}

fn object() -> Vec<String> {
    vec!["object".to_owned()]
}

/// A folder of images and what is outlined on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlinedFolder {
    /// A folder of images.
    pub images: PathBuf,
    /// A folder of masks.
    pub masks: Option<PathBuf>,
    /// Or a file of outlines.
    pub outlines: Option<PathBuf>,
}

/// The images of a segmentation.
pub struct Outlined {
    /// Trained on.
    pub train: Vec<OutlinedImage>,
    /// Chosen by.
    pub validation: Vec<OutlinedImage>,
    /// Reported on.
    pub test: Vec<OutlinedCase>,
}

/// An image that is reported on, with the truth in its own pixels.
pub struct OutlinedCase {
    /// The image, on its canvas.
    pub image: OutlinedImage,
    /// Where it lies there.
    pub frame: Frame,
    /// The class of each of its pixels `(y, x)`.
    pub truth: Array2<u8>,
}

impl OutlinedData {
    /// Reads and shares out all images.
    pub fn read(&self, shown: Shown) -> anyhow::Result<Outlined> {
        let Parts {
            train,
            validation,
            test,
        } = self.cases(|folder, index| folder.read(index, shown))?;
        let images = |cases: Vec<OutlinedCase>| cases.into_iter().map(|case| case.image).collect();
        Ok(Outlined {
            train: images(train),
            validation: images(validation),
            test,
        })
    }

    /// Shares out all images, each as `read` makes it of its folder and its place there.
    pub(super) fn cases<C>(
        &self,
        read: impl Fn(&Folder<'_>, usize) -> anyhow::Result<C>,
    ) -> anyhow::Result<Parts<C>> {
        if self.classes.is_empty() || self.classes.len() > 254 {
            let message = format!("data.classes: {}, expected 1 to 254", self.classes.len());
            return Err(UsageError(message).into());
        }
        let own = OutlinedFolder {
            images: self.images.clone(),
            masks: self.masks.clone(),
            outlines: self.outlines.clone(),
        };
        let own = self.folder(&own, "")?;
        let held_out = match &self.held_out {
            Some(folder) => Some(self.folder(folder, "held-out-")?),
            None => None,
        };
        let of_held_out: &[SplitImage] = held_out.as_ref().map_or(&[], |f| &f.images);
        let shared = share_out(&self.split, &own.images, None, of_held_out)?;
        let of = |indices: &[usize]| -> anyhow::Result<Vec<C>> {
            indices.iter().map(|index| read(&own, *index)).collect()
        };
        let mut test = of(&shared.test)?;
        if let Some(folder) = &held_out {
            for index in 0..folder.paths.len() {
                test.push(read(folder, index)?);
            }
        }
        Ok(Parts {
            train: of(&shared.train)?,
            validation: of(&shared.validation)?,
            test,
        })
    }

    fn folder(&self, folder: &OutlinedFolder, prefix: &str) -> anyhow::Result<Folder<'_>> {
        let source = match (&folder.masks, &folder.outlines) {
            (Some(masks), None) => Source::Masks(by_stem(&files_in(masks, false)?)?),
            (None, Some(file)) => Source::Outlines(Outlines::read(file, &self.classes)?),
            _ => {
                let message = "data: expected either `masks` or `outlines` beside `images`";
                return Err(UsageError(message.to_owned()).into());
            }
        };
        let mut files = files_in(&folder.images, false)?;
        // Annotations often lie beside the images they are of.
        files.retain(|path| Some(path) != folder.outlines.as_ref());
        let stems = by_stem(&files)?;
        let names: Vec<String> = match &source {
            Source::Masks(masks) => masks.keys().cloned().collect(),
            Source::Outlines(outlines) => outlines.stems(),
        };
        let alone = stems
            .keys()
            .find(|stem| !names.contains(stem))
            .or_else(|| names.iter().find(|stem| !stems.contains_key(*stem)));
        if let Some(alone) = alone {
            anyhow::bail!(
                "{alone} is an image without mask or entry, or the other way round: {}",
                folder.images.display()
            );
        }
        anyhow::ensure!(!stems.is_empty(), "no image: {}", folder.images.display());
        let mut images = Vec::new();
        let mut paths = Vec::new();
        for (stem, path) in stems {
            images.push(SplitImage {
                id: format!("{prefix}{stem}"),
                content: content_hash(&path)?,
                group: None,
                stratum: String::new(),
            });
            paths.push((stem, path));
        }
        Ok(Folder {
            images,
            paths,
            source,
            mask_values: self.mask_values.as_deref(),
        })
    }

    /// The files by role, for the manifest.
    pub fn inputs(&self) -> BTreeMap<String, Vec<String>> {
        let name = |path: &Path| vec![path.display().to_string()];
        let mut inputs = BTreeMap::from([("images".to_owned(), name(&self.images))]);
        for (role, path) in [("masks", &self.masks), ("outlines", &self.outlines)] {
            if let Some(path) = path {
                inputs.insert(role.to_owned(), name(path));
            }
        }
        if let Some(folder) = &self.held_out {
            inputs.insert("held out".to_owned(), name(&folder.images));
        }
        inputs
    }
}

/// A folder's images, and where their truth is found.
pub(super) struct Folder<'a> {
    images: Vec<SplitImage>,
    paths: Vec<(String, PathBuf)>,
    source: Source,
    mask_values: Option<&'a [u16]>,
}

enum Source {
    Masks(BTreeMap<String, PathBuf>),
    Outlines(Outlines),
}

impl Folder<'_> {
    fn read(&self, index: usize, shown: Shown) -> anyhow::Result<OutlinedCase> {
        let (stem, path) = &self.paths[index];
        let (pixels, frame) = shown.read(path)?;
        let size = frame.image_yx();
        let truth = match &self.source {
            Source::Outlines(outlines) => outlines
                .labels(stem, size)
                .with_context(|| format!("cannot outline {}", path.display()))?,
            Source::Masks(masks) => self.classes_of(masks.get(stem), size)?,
        };
        let image = OutlinedImage {
            id: self.id(index).to_owned(),
            pixels,
            labels: frame.canvas_of_labels(truth.view()),
        };
        Ok(OutlinedCase {
            image,
            frame,
            truth,
        })
    }

    /// The image's file.
    pub(super) fn path(&self, index: usize) -> &Path {
        &self.paths[index].1
    }

    /// The image's name.
    pub(super) fn id(&self, index: usize) -> &str {
        &self.images[index].id
    }

    /// The class and the pixels `(y, x)` of each object of an image. In a mask what is connected, over corners too, is one
    /// object.
    pub(super) fn objects(
        &self,
        index: usize,
        size: [usize; 2],
        boxes_will_do: bool,
    ) -> anyhow::Result<Vec<(u8, Array2<bool>)>> {
        let (stem, path) = &self.paths[index];
        match &self.source {
            Source::Outlines(outlines) => outlines
                .objects(stem, size, boxes_will_do)
                .with_context(|| format!("cannot outline {}", path.display())),
            Source::Masks(masks) => {
                let classes = self.classes_of(masks.get(stem), size)?;
                let largest = classes.iter().copied().max().unwrap_or(0);
                let mut objects = Vec::new();
                for class in 1..=largest {
                    let inside = classes.mapv(|of| of == class).insert_axis(Axis(0));
                    let (numbers, sizes) =
                        connected_components(inside.view(), Connectivity::Corners26);
                    let numbers = numbers.index_axis_move(Axis(0), 0);
                    let of = |number: usize| numbers.mapv(|n| n as usize == number);
                    objects.extend((1..=sizes.len()).map(|number| (class, of(number))));
                }
                Ok(objects)
            }
        }
    }

    fn classes_of(&self, mask: Option<&PathBuf>, size: [usize; 2]) -> anyhow::Result<Array2<u8>> {
        let mask = mask.context("no mask")?;
        let labels = scarce_io::read_label_map(mask)?;
        let labels = labels.voxels().index_axis(Axis(0), 0);
        anyhow::ensure!(
            <[usize; 2]>::from(labels.dim()) == size,
            "a mask of {:?} pixels (y, x) for an image of {size:?}: {}",
            labels.dim(),
            mask.display()
        );
        Ok(labels.map(|value| self.class(*value)))
    }

    fn class(&self, value: u16) -> u8 {
        match self.mask_values {
            None => u8::from(value != 0),
            Some(values) => values
                .iter()
                .position(|v| *v == value)
                .map_or(0, |k| k as u8 + 1),
        }
    }
}

/// Files by their names without the ending.
fn by_stem(files: &[PathBuf]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let mut stems = BTreeMap::new();
    for path in files {
        if let Some(other) = stems.insert(stem(path), path.clone()) {
            let other: PathBuf = other;
            anyhow::bail!(
                "two files of one name: {} and {}",
                other.display(),
                path.display()
            );
        }
    }
    Ok(stems)
}
