//! Configuration: one TOML file, overrides on top, unknown keys refused with the nearest known one.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::TrainError;

/// Reads `file` (none: all defaults), applies `overrides` of the form `a.b=value` in order and
/// deserialises the result. Relative paths inside are left as they are.
///
/// An override's value is TOML where it parses as such (`3`, `true`, `[1, 2]`, `"text"`) and a
/// plain string otherwise.
///
/// # Errors
/// [`TrainError::Config`] naming the key and the file for unknown keys (with the nearest known
/// one), wrong types and malformed TOML; [`TrainError::Io`] when the file cannot be read.
pub fn load<T: DeserializeOwned>(
    file: Option<&Path>,
    overrides: &[String],
) -> Result<T, TrainError> {
    load_with_presets(file, overrides, &[])
}

/// A named configuration that a file starts from by `preset = "name"`.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// What the file calls it.
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

/// As [`load`], where the file or an override may name one of `presets` to start from.
///
/// What the file says wins, key by key; a choice by `kind`, such as an optimizer, is replaced whole where the file
/// chooses another kind. The key `preset` itself is not part of the result: that holds every setting already.
///
/// # Errors
/// As [`load`], and [`TrainError::Config`] for a preset that there is not.
pub fn load_with_presets<T: DeserializeOwned>(
    file: Option<&Path>,
    overrides: &[String],
    presets: &[Preset],
) -> Result<T, TrainError> {
    let origin = file.map_or_else(|| "the defaults".to_owned(), |f| f.display().to_string());
    let mut table = match file {
        None => Table::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| TrainError::Io {
                what: "cannot read the configuration",
                source,
                path: path.to_owned(),
            })?;
            text.parse::<Table>().map_err(|error| TrainError::Config {
                key: String::new(),
                message: error.to_string().trim().replace('\n', " "),
                origin: origin.clone(),
            })?
        }
    };
    for text in overrides {
        apply_override(&mut table, text)?;
    }
    if !presets.is_empty()
        && let Some(name) = table.remove("preset")
    {
        let mut whole = preset(&name, presets, &origin)?;
        merge(&mut whole, table);
        table = whole;
    }
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        TrainError::Config {
            key: if path == "." { String::new() } else { path },
            message: with_nearest(error.inner().to_string().trim()),
            origin,
        }
    })
}

/// The configuration as the TOML text that is written into a run folder.
///
/// # Errors
/// [`TrainError::Config`] when a value has no TOML form.
pub fn resolved<T: Serialize>(config: &T) -> Result<String, TrainError> {
    toml::to_string_pretty(config).map_err(|error| TrainError::Config {
        key: String::new(),
        message: error.to_string(),
        origin: "the resolved configuration".to_owned(),
    })
}

fn preset(name: &Value, presets: &[Preset], origin: &str) -> Result<Table, TrainError> {
    let failed = |message: String, origin: &str| TrainError::Config {
        key: "preset".to_owned(),
        message,
        origin: origin.to_owned(),
    };
    let found = presets.iter().find(|p| name.as_str() == Some(p.name));
    let preset = found.ok_or_else(|| {
        let known: Vec<&str> = presets.iter().map(|p| p.name).collect();
        failed(format!("{name} is not among {known:?}"), origin)
    })?;
    let parsed = preset.text.parse::<Table>();
    parsed.map_err(|error| failed(error.to_string(), preset.name))
}

/// Lays `over` on `base`.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above))
                if above
                    .get("kind")
                    .is_none_or(|kind| below.get("kind") == Some(kind)) =>
            {
                merge(below, above);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn apply_override(table: &mut Table, text: &str) -> Result<(), TrainError> {
    let malformed = |message: &str| TrainError::Config {
        key: text.split('=').next().unwrap_or_default().to_owned(),
        message: message.to_owned(),
        origin: format!("--set {text}"),
    };
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| malformed("expected the form a.b=value"))?;
    let value = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut t| t.remove("value"))
        .unwrap_or_else(|| Value::String(value.to_owned()));
    let mut path: Vec<&str> = key.split('.').collect();
    let last = path
        .pop()
        .filter(|k| !k.is_empty())
        .ok_or_else(|| malformed("the key is empty"))?;
    let mut inner = table;
    for part in path {
        inner = inner
            .entry(part)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| malformed(&format!("`{part}` is not a table")))?;
    }
    inner.insert(last.to_owned(), value);
    Ok(())
}

/// Serde says ``unknown field `x`, expected one of `a`, `b` ``: the nearest of them is put in front.
fn with_nearest(message: &str) -> String {
    let message = message.replace('\n', " ");
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message;
    }
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let nearest = quoted.split_first().and_then(|(found, known)| {
        known
            .iter()
            .map(|name| (strsim::normalized_damerau_levenshtein(found, name), name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    });
    match nearest {
        Some((likeness, name)) if likeness > 0.5 => format!("{message}; did you mean `{name}`?"),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Example {
        steps: u64,
        name: String,
        inner: Inner,
        choice: Choice,
    }

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        learning_rate: f64,
        momentum: f64,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
    enum Choice {
        Some { share: f64, least: u64 },
        All { but: u64 },
    }

    impl Default for Choice {
        fn default() -> Self {
            Self::All { but: 0 }
        }
    }

    const PRESETS: [Preset; 1] = [Preset {
        name: "half",
        text: "steps = 9\nchoice = { kind = \"some\", share = 0.5, least = 2 }\n[inner]\nmomentum = 0.9",
    }];

    fn check(text: &str, overrides: &[&str]) -> Result<Example, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        load_with_presets(Some(&file), &overrides, &PRESETS).map_err(|error| error.to_string())
    }

    #[test]
    fn overrides_win_over_the_file() {
        let got = check(
            "steps = 3\n[inner]\nlearning_rate = 0.5",
            &["inner.learning_rate=0.25", "name=plain text", "steps=4"],
        );
        let expected = Example {
            steps: 4,
            name: "plain text".to_owned(),
            inner: Inner {
                learning_rate: 0.25,
                ..Inner::default()
            },
            ..Example::default()
        };
        assert_eq!(got.unwrap(), expected);
    }

    #[test]
    fn a_file_wins_over_its_preset() {
        let half = |steps, learning_rate, choice| Example {
            steps,
            inner: Inner {
                learning_rate,
                momentum: 0.9,
            },
            choice,
            ..Example::default()
        };
        let some = |share, least| Choice::Some { share, least };
        let cases: [(&str, &[&str], Example); 4] = [
            ("preset = \"half\"", &[], half(9, 0.0, some(0.5, 2))),
            (
                "preset = \"half\"\nsteps = 3\n[inner]\nlearning_rate = 0.5",
                &["choice.share=0.25"],
                half(3, 0.5, some(0.25, 2)),
            ),
            (
                "[choice]\nkind = \"some\"\nleast = 1",
                &["preset=half"],
                half(9, 0.0, some(0.5, 1)),
            ),
            (
                "preset = \"half\"\nchoice = { kind = \"all\", but = 1 }",
                &[],
                half(9, 0.0, Choice::All { but: 1 }),
            ),
        ];
        for (text, overrides, expected) in cases {
            assert_eq!(check(text, overrides).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let cases: [(&str, &[&str], &[&str]); 7] = [
            (
                "preset = \"hlaf\"",
                &[],
                &["preset", "\"hlaf\" is not among [\"half\"]", "c.toml"],
            ),
            (
                "stpes = 3",
                &[],
                &["stpes", "did you mean `steps`?", "c.toml"],
            ),
            (
                "[inner]\nlerning_rate = 1.0",
                &[],
                &["inner", "did you mean `learning_rate`?"],
            ),
            ("steps = \"many\"", &[], &["steps", "invalid type"]),
            ("steps = ", &[], &["c.toml"]),
            (
                "steps = 1",
                &["steps.deeper=1"],
                &["`steps` is not a table"],
            ),
            ("", &["steps"], &["expected the form a.b=value"]),
        ];
        for (text, overrides, parts) in cases {
            let message = check(text, overrides).unwrap_err();
            for part in parts {
                assert!(message.contains(part), "{message:?} lacks {part:?}");
            }
            assert!(
                !message.contains('\n'),
                "{message:?} has more than one line"
            );
        }
    }
}
