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
    let (table, origin) = table(file, overrides)?;
    deserialize(table, origin)
}

/// As [`load`], but what neither `file` nor `overrides` give stands as in one of `presets`, name and TOML each: that
/// which the top key `key` names, or the first.
///
/// A table with another `kind` than the preset's takes nothing from it.
///
/// # Errors
/// As [`load`], and [`TrainError::Config`] for a preset of another name.
pub fn load_preset<T: DeserializeOwned>(
    file: Option<&Path>,
    overrides: &[String],
    key: &str,
    presets: &[(&str, &str)],
) -> Result<T, TrainError> {
    let (mut given, origin) = table(file, overrides)?;
    let refuse = |message: String| TrainError::Config {
        key: key.to_owned(),
        message,
        origin: origin.clone(),
    };
    let first = presets.first().map_or("", |(name, _)| name);
    let name = match given.get(key) {
        None => first.to_owned(),
        Some(Value::String(name)) => name.clone(),
        Some(other) => return Err(refuse(format!("expected a name, got {other}"))),
    };
    let Some((_, preset)) = presets.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = presets.iter().map(|(known, _)| *known).collect();
        return Err(refuse(format!(
            "unknown {name:?}, expected one of {}",
            known.join(", ")
        )));
    };
    given.insert(key.to_owned(), Value::String(name));
    let mut beneath = preset
        .parse::<Table>()
        .map_err(|error| refuse(error.to_string().trim().replace('\n', " ")))?;
    lay_over(&mut beneath, given);
    deserialize(beneath, origin)
}

/// The file's table with the overrides, and where it comes from.
fn table(file: Option<&Path>, overrides: &[String]) -> Result<(Table, String), TrainError> {
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
    Ok((table, origin))
}

fn deserialize<T: DeserializeOwned>(table: Table, origin: String) -> Result<T, TrainError> {
    serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
        let path = error.path().to_string();
        TrainError::Config {
            key: if path == "." { String::new() } else { path },
            message: with_nearest(error.inner().to_string().trim()),
            origin,
        }
    })
}

fn lay_over(beneath: &mut Table, above: Table) {
    for (key, value) in above {
        match (beneath.get_mut(&key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if is_same_kind(old, &new) => {
                lay_over(old, new);
            }
            (_, value) => {
                beneath.insert(key, value);
            }
        }
    }
}

/// Settings of one optimizer mean nothing to another.
fn is_same_kind(old: &Table, new: &Table) -> bool {
    match (old.get("kind"), new.get("kind")) {
        (Some(old), Some(new)) => old == new,
        _ => true,
    }
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
    }

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        learning_rate: f64,
    }

    fn check(text: &str, overrides: &[&str]) -> Result<Example, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("c.toml");
        std::fs::write(&file, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        load(Some(&file), &overrides).map_err(|error| error.to_string())
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
            },
        };
        assert_eq!(got.unwrap(), expected);
    }

    #[test]
    fn a_preset_fills_what_is_not_given() {
        let presets = [
            ("slow", "steps = 9\n[inner]\nlearning_rate = 0.1"),
            ("fast", "steps = 2\n[inner]\nlearning_rate = 0.8"),
        ];
        let check = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
            load_preset::<Example>(None, &overrides, "name", &presets)
                .map(|e| (e.name, e.steps, e.inner.learning_rate))
                .map_err(|error| error.to_string())
        };
        let named = |name: &str, steps, rate| Ok((name.to_owned(), steps, rate));
        assert_eq!(check(&[]), named("slow", 9, 0.1));
        assert_eq!(check(&["name=fast", "steps=3"]), named("fast", 3, 0.8));
        assert_eq!(check(&["inner.learning_rate=0.5"]), named("slow", 9, 0.5));
        let error = check(&["name=fats"]).unwrap_err();
        assert!(error.contains("expected one of slow, fast"), "{error}");

        let table = |text: &str| text.parse::<Table>().unwrap();
        for (above, expected) in [
            ("o = {kind = 'a', y = 3}", "o = {kind = 'a', x = 1, y = 3}"),
            ("o = {kind = 'b', y = 3}", "o = {kind = 'b', y = 3}"),
            ("o = {x = 2}", "o = {kind = 'a', x = 2}"),
        ] {
            let mut beneath = table("o = {kind = 'a', x = 1}");
            lay_over(&mut beneath, table(above));
            assert_eq!(beneath, table(expected));
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let cases: [(&str, &[&str], &[&str]); 6] = [
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
