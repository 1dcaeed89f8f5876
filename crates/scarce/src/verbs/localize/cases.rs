//! Which images are looked at, and what is asked of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::exit::UsageError;
use scarce_io::{image_stem, images_in};

/// So many images are named in an error, and no more.
const NAMED: usize = 5;

/// An image and what is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// A file, or a folder of DICOM slices.
    pub image: PathBuf,
    /// What its artefacts are called by where there are several images.
    pub stem: String,
    pub prompt: String,
}

/// This machine's share of the images.
#[derive(Debug)]
pub struct Cases {
    pub cases: Vec<Case>,
    /// Whether one image was asked for, and not a set that happens to hold one.
    pub is_single: bool,
}

impl Cases {
    /// Those of the command line. Names and prompts are checked for all images, of whichever share.
    pub fn gather(arguments: &LocalizeArguments) -> anyhow::Result<Self> {
        let (images, is_single) = images(&arguments.images)?;
        let prompts = Prompts::read(arguments)?;
        let cases = images
            .into_iter()
            .map(|image| Case {
                stem: image_stem(&image),
                prompt: prompts.of(&image).unwrap_or_default().to_owned(),
                image,
            })
            .collect::<Vec<_>>();
        if !is_single {
            check_stems(&cases)?;
        }
        prompts.check(&cases)?;
        Ok(Self {
            cases: arguments.shard.of(cases).collect(),
            is_single,
        })
    }
}

/// Folders are walked, unless they hold one image's slices.
fn images(paths: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, bool)> {
    let mut images = Vec::new();
    let mut is_single = paths.len() == 1;
    for path in paths {
        if path.is_dir() {
            let found = images_in(path)?;
            is_single &= found == [path.clone()];
            images.extend(found);
        } else {
            images.push(path.clone());
        }
    }
    if images.is_empty() {
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        return Err(UsageError(format!("no image in {}", paths.join(", "))).into());
    }
    Ok((images, is_single))
}

/// Refuses images whose artefacts would overwrite one another, on disks that mind no case too.
fn check_stems(cases: &[Case]) -> Result<(), UsageError> {
    let mut first: BTreeMap<String, &Path> = BTreeMap::new();
    for case in cases {
        if let Some(other) = first.insert(case.stem.to_lowercase(), &case.image) {
            return Err(UsageError(format!(
                "two images are called {:?}, after which their folders are named: {} and {}",
                case.stem,
                other.display(),
                case.image.display()
            )));
        }
    }
    Ok(())
}

enum Prompts {
    Same(String),
    ByName(PathBuf, BTreeMap<String, String>),
}

impl Prompts {
    fn read(arguments: &LocalizeArguments) -> anyhow::Result<Self> {
        let Some(path) = &arguments.prompts else {
            let prompt = arguments.prompt.clone().unwrap_or_default();
            return Ok(Self::Same(prompt));
        };
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let by_name = serde_json::from_str(&text).map_err(|error| {
            let expected = "expected {\"file name\": \"prompt\"}";
            UsageError(format!("{error}; {expected}: {}", path.display()))
        })?;
        Ok(Self::ByName(path.clone(), by_name))
    }

    fn of(&self, image: &Path) -> Option<&str> {
        match self {
            Self::Same(prompt) => Some(prompt),
            Self::ByName(_, prompts) => prompts
                .get(image.file_name()?.to_str()?)
                .map(String::as_str),
        }
    }

    /// Refuses images without a prompt; names without an image are told in the log.
    fn check(&self, cases: &[Case]) -> Result<(), UsageError> {
        let Self::ByName(path, prompts) = self else {
            return Ok(());
        };
        let missing: Vec<String> = (cases.iter())
            .filter(|case| self.of(&case.image).is_none())
            .map(|case| case.image.display().to_string())
            .collect();
        if !missing.is_empty() {
            let named = missing[..missing.len().min(NAMED)].join(", ");
            return Err(UsageError(format!(
                "no prompt for {} of {} images ({named}): {}",
                missing.len(),
                cases.len(),
                path.display()
            )));
        }
        let is_image = |name: &str| {
            let mut names = cases.iter().map(|case| case.image.file_name());
            names.any(|image| image.is_some_and(|image| image == name))
        };
        let unused = prompts.keys().filter(|name| !is_image(name)).count();
        if unused > 0 {
            tracing::warn!(
                unused,
                "prompts for names that no image has: {}",
                path.display()
            );
        }
        Ok(())
    }
}
