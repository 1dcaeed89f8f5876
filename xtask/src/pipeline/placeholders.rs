//! `{data}`, `{run}` and the like in a pipeline's texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::file::PipelineFile;
use crate::workspace::Workspace;
use crate::{nearest, usage};

/// The placeholders of one run.
#[derive(Debug, Clone)]
pub struct Placeholders {
    values: BTreeMap<String, toml::Value>,
    run: PathBuf,
}

/// What every file has without naming it.
const BUILT_IN: [&str; 4] = ["data", "models", "root", "config"];

impl Placeholders {
    /// Those of `file`, with `NAME=VALUE` from the command line winning.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Usage`] for a name the file does not have.
    pub fn new(workspace: &Workspace, file: &PipelineFile, set: &[String]) -> Result<Self> {
        let mut own = file.set.clone();
        for name in BUILT_IN {
            if own.contains_key(name) {
                usage!("`{name}` in [set] is a placeholder every pipeline has");
            }
        }
        own.entry("run").or_insert_with(|| "pipeline".into());
        for assignment in set {
            let Some((name, value)) = assignment.split_once('=') else {
                usage!("--set wants NAME=VALUE, got `{assignment}`");
            };
            let Some(slot) = own.get_mut(name) else {
                usage!(
                    "--set: the pipeline has no `{name}`{}",
                    nearest::hint(name, own.keys().map(String::as_str))
                );
            };
            // A number stays a number; what is no TOML value is a text.
            *slot = match (&*slot, value.parse::<toml::Value>()) {
                (toml::Value::String(_), _) | (_, Err(_)) => value.into(),
                (_, Ok(value)) => value,
            };
        }
        let Some(toml::Value::String(run)) = own.remove("run") else {
            usage!("`run` is the name or path of a run folder");
        };
        // A bare name lies with the other runs; anything else is a path as the shell means it.
        let run = if Path::new(&run).components().count() == 1 {
            workspace.runs().join(run)
        } else {
            std::path::absolute(run)?
        };
        let mut values: BTreeMap<String, toml::Value> = own.into_iter().collect();
        for (name, path) in [
            ("data", workspace.data()),
            ("models", workspace.models()),
            ("root", workspace.root().to_path_buf()),
            ("run", run.clone()),
        ] {
            values.insert(name.to_owned(), path.display().to_string().into());
        }
        Ok(Self { values, run })
    }

    /// The run folder.
    pub fn run(&self) -> &Path {
        &self.run
    }

    /// As `self`, with `{config}` besides.
    #[must_use]
    pub fn with_config(&self, path: &Path) -> Self {
        let mut more = self.clone();
        more.values
            .insert("config".to_owned(), path.display().to_string().into());
        more
    }

    /// `text` with every `{name}` replaced.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Usage`] for an unknown name or an open brace.
    pub fn fill(&self, text: &str) -> Result<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                usage!("`{{` without `}}` in `{text}`");
            };
            filled.push_str(before);
            filled.push_str(&plain(self.value(name)?));
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// `value` with the placeholders in all its texts replaced. A text that is nothing but a
    /// placeholder takes the placeholder's type: `seed = "{seed}"` becomes a number.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn fill_value(&self, value: &toml::Value) -> Result<toml::Value> {
        Ok(match value {
            toml::Value::String(text) => {
                let whole = text
                    .strip_prefix('{')
                    .and_then(|text| text.strip_suffix('}'));
                match whole.filter(|name| !name.contains(['{', '}'])) {
                    Some(name) => self.value(name)?.clone(),
                    None => self.fill(text)?.into(),
                }
            }
            toml::Value::Array(items) => items
                .iter()
                .map(|item| self.fill_value(item))
                .collect::<Result<Vec<_>>>()?
                .into(),
            toml::Value::Table(table) => {
                let filled = table
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), self.fill_value(item)?)));
                toml::Value::Table(filled.collect::<Result<toml::Table>>()?)
            }
            other => other.clone(),
        })
    }

    fn value(&self, name: &str) -> Result<&toml::Value> {
        match self.values.get(name) {
            Some(value) => Ok(value),
            None if name == "config" => usage!("`{{config}}` in a stage without [stage.config]"),
            None => usage!(
                "no placeholder `{{{name}}}`{}",
                nearest::hint(name, self.values.keys().map(String::as_str))
            ),
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
