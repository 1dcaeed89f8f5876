//! Cases from a folder laid out in a known way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use scarce_io::{CasesFrom, FewLabels, ManifestCase, Part, ReadOptions, ids_in};
use serde::{Deserialize, Serialize};

use super::{CaseFiles, Cases};

/// A data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Its folder.
    pub folder: PathBuf,
    /// How many of the cases are used, from the first on; all if left out.
    pub first: Option<usize>,
    /// Which volume of image files that hold several, from 0.
    pub frame: Option<usize>,
    /// Spacing of the voxels in formats that tell none, such as HDF5.
    pub spacing_mm_xyz: Option<[f64; 3]>,
    /// A text file in the folder, an id a line, of cases that only are measured on: none of them may be among the others.
    pub test: Option<PathBuf>,
    /// How the folder is laid out. The Decathlon's test images, which have no labels, are left out.
    pub cases: CasesFrom,
    /// Which cases keep their labels, and which settings are chosen by.
    #[serde(default)]
    pub split: FewLabels,
}

impl DataSet {
    /// The cases by part.
    pub fn cases(&self) -> anyhow::Result<Cases> {
        let mut found = self.cases.cases_in(&self.folder)?;
        if self.cases == CasesFrom::Decathlon {
            found.retain(|case| !case.labels.is_empty());
        }
        anyhow::ensure!(!found.is_empty(), "no case is there");
        if let Some(first) = self.first {
            anyhow::ensure!(
                first <= found.len(),
                "data.set.first is {first}, but there are {} cases",
                found.len()
            );
            found.truncate(first);
        }
        let test = match &self.test {
            Some(list) => ids_in(&self.folder.join(list))?,
            None => Vec::new(),
        };
        let split = self.split.split(&found, &test)?;
        let mut files: BTreeMap<&str, CaseFiles> = BTreeMap::new();
        for case in &found {
            files.insert(&case.id, self.files(case)?);
        }
        let mut of = |part: Part| -> Vec<CaseFiles> {
            let ids = split.get(&part).into_iter().flatten();
            ids.filter_map(|id| files.remove(id.as_str())).collect()
        };
        Ok(Cases {
            labelled: of(Part::Labelled),
            unlabelled: of(Part::Unlabelled),
            validation: of(Part::Validation),
        })
    }

    /// Cases by name, whichever part they are in, or none: those of a test list, say.
    pub fn named(&self, ids: &[String]) -> anyhow::Result<Vec<CaseFiles>> {
        if let CasesFrom::List { image, label, .. } = &self.cases {
            let place = |pattern: &str, id: &str| self.folder.join(pattern.replace("{id}", id));
            let files = |id: &String| CaseFiles {
                id: id.clone(),
                image: place(image, id),
                label: label.as_deref().map(|label| place(label, id)),
                options: self.options(),
            };
            return Ok(ids.iter().map(files).collect());
        }
        let found = self.cases.cases_in(&self.folder)?;
        let of = |id: &String| {
            let case = found.iter().find(|case| case.id == *id);
            self.files(case.with_context(|| format!("no case {id}"))?)
        };
        ids.iter().map(of).collect()
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        options.frame = self.frame;
        options.spacing_mm_xyz = self.spacing_mm_xyz;
        options
    }

    fn files(&self, case: &ManifestCase) -> anyhow::Result<CaseFiles> {
        let id = &case.id;
        anyhow::ensure!(
            case.channels.is_empty(),
            "case {id} has {} channels, expected one",
            case.channels.len() + 1
        );
        anyhow::ensure!(
            case.labels.len() <= 1,
            "case {id} has {} label maps, expected one",
            case.labels.len()
        );
        Ok(CaseFiles {
            id: id.clone(),
            image: self.folder.join(&case.image),
            label: case.labels.first().map(|l| self.folder.join(&l.path)),
            options: self.options(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use scarce_train::config::{load, load_preset, resolved};

    use super::super::SemiFile;
    use super::*;
    use crate::semi::recipes::RECIPES;

    /// Fifteen cases in a list; which of them are in which part, or what is wrong.
    fn cases(more: &str, test: &str) -> Result<[String; 3], String> {
        let folder = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (0..15).map(|k| format!("case{k:02}")).collect();
        fs::write(folder.path().join("train.list"), ids.join("\n")).unwrap();
        fs::write(folder.path().join("test.list"), test).unwrap();
        let text = format!(
            "[data.set]\nfolder = {:?}\n{more}\n[data.set.cases]\nlayout = \"list\"\nlist = \"train.list\"\n\
             image = \"v/{{id}}.h5\"\nlabel = \"v/{{id}}.h5\"\n",
            folder.path()
        );
        let path = folder.path().join("c.toml");
        fs::write(&path, text).unwrap();
        let told = |cases: &[CaseFiles]| {
            let numbers = cases.iter().map(|case| case.id.replace("case", ""));
            numbers.collect::<Vec<_>>().join(" ")
        };
        let file: SemiFile =
            load_preset(Some(&path), &[], "recipe", RECIPES).map_err(|e| e.to_string())?;
        // What a run records reads back as it was.
        fs::write(&path, resolved(&file).unwrap()).unwrap();
        assert_eq!(load::<SemiFile>(Some(&path), &[]).unwrap(), file);
        let cases = file.data.cases().map_err(|e| format!("{e:#}"))?;
        let place =
            |case: &CaseFiles| case.image == folder.path().join(format!("v/{}.h5", case.id));
        assert!(cases.labelled.iter().all(place));
        assert!(
            cases
                .labelled
                .iter()
                .all(|case| case.label.as_deref() == Some(Path::new(&case.image)))
        );
        Ok([&cases.labelled, &cases.unlabelled, &cases.validation].map(|part| told(part)))
    }

    #[test]
    fn the_list_is_shared_out() {
        let few = "split = { labelled = 2, validation = 3 }";
        let expected = ["00 01", "02 03 04 05 06 07 08 09 10 11", "12 13 14"];
        assert_eq!(cases(few, "").unwrap(), expected);
        let some = format!("first = 8\ntest = \"test.list\"\n{few}");
        assert_eq!(
            cases(&some, "case08").unwrap(),
            ["00 01", "02 03 04", "05 06 07"]
        );
        let named = "split = { labelled_ids = [\"case14\"], validation = 1 }";
        let [labelled, _, validation] = cases(named, "").unwrap();
        assert_eq!((labelled.as_str(), validation.as_str()), ("14", "13"));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (more, test, part) in [
            ("test = \"test.list\"", "x\ncase03", "case03"),
            ("first = 16", "", "there are 15 cases"),
            ("split = { validation = 16 }", "", "validation"),
            ("split = { labelled_by = \"luck\" }", "", "labelled_by"),
            ("split = { labeled = 3 }", "", "labelled"),
        ] {
            let message = cases(more, test).unwrap_err();
            assert!(message.contains(part), "{message} lacks {part}");
        }
    }
}
