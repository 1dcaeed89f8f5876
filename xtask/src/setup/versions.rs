//! The pinned versions of `xtask/versions.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::archive::Take;
use crate::bad_environment;

/// What is pinned: versions by piece, wheels by platform and piece.
#[derive(Debug)]
pub struct Versions {
    table: toml::Table,
}

/// What a piece is laid out from.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The wheels and what is taken from each.
    pub wheel: Vec<PinnedWheel>,
    /// Symbolic links: path in the layout, to what it points.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

/// One wheel, named exactly.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedWheel {
    /// The wheel's file name, which carries name, version and platform tags.
    pub file: String,
    /// Of the whole file.
    pub sha256: String,
    /// Path inside the wheel, path in the layout.
    pub take: BTreeMap<String, String>,
}

impl PinnedWheel {
    /// [`Self::take`] in the form the archive reader wants.
    pub fn takes(&self) -> Vec<Take> {
        self.take
            .iter()
            .map(|(from, to)| Take {
                from: from.clone(),
                to: to.clone(),
            })
            .collect()
    }
}

impl Versions {
    /// The table this program was built with.
    ///
    /// # Errors
    /// The table is not TOML.
    pub fn pinned() -> Result<Self> {
        Self::parse(include_str!("../../versions.toml"))
    }

    /// Another table, for tests.
    ///
    /// # Errors
    /// `text` is not TOML.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            table: text.parse().context("xtask/versions.toml is damaged")?,
        })
    }

    /// The version of a piece.
    ///
    /// # Errors
    /// No such piece.
    pub fn version(&self, piece: &str) -> Result<&str> {
        self.table
            .get(piece)
            .and_then(|entry| entry.get("version"))
            .and_then(toml::Value::as_str)
            .with_context(|| format!("xtask/versions.toml gives no version of {piece}"))
    }

    /// What `piece` is made of on this machine, and whether that was ever tried.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Environment`] where nothing is pinned for the platform.
    pub fn recipe(&self, piece: &str) -> Result<(Recipe, bool)> {
        self.recipe_for(&platform(), piece)
    }

    /// What `piece` is made of on `platform`, such as `linux-x86_64`.
    ///
    /// # Errors
    /// As [`Self::recipe`].
    pub fn recipe_for(&self, platform: &str, piece: &str) -> Result<(Recipe, bool)> {
        let Some(platforms) = self.table.get("platform").and_then(toml::Value::as_table) else {
            bad_environment!("xtask/versions.toml names no platform");
        };
        let any = platforms
            .get("any")
            .and_then(|entry| entry.get(piece))
            .map(|recipe| (recipe, true));
        let own = platforms.get(platform).and_then(|entry| {
            let tried = entry
                .get("tried")
                .and_then(toml::Value::as_bool)
                .unwrap_or(false);
            Some((entry.get(piece)?, tried))
        });
        let Some((recipe, tried)) = any.or(own) else {
            let known: Vec<&str> = platforms
                .iter()
                .filter(|(_, entry)| entry.get(piece).is_some())
                .map(|(name, _)| name.as_str())
                .collect();
            bad_environment!(
                "no {piece} is pinned for {platform} (only for {}); \
                 set LIBTORCH and ORT_DYLIB_PATH to libraries of your own",
                known.join(", ")
            );
        };
        let recipe = recipe
            .clone()
            .try_into()
            .with_context(|| format!("xtask/versions.toml, platform {platform}, {piece}"))?;
        Ok((recipe, tried))
    }
}

/// This machine as the table names it.
pub fn platform() -> String {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "aarch64") => "macos-arm64".to_owned(),
        (os, arch) => format!("{os}-{arch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::Package;

    #[test]
    fn every_pin_is_complete() {
        let versions = Versions::pinned().unwrap();
        let platforms = ["linux-x86_64", "linux-aarch64", "macos-arm64"];
        for (platform, piece) in platforms
            .iter()
            .flat_map(|p| ["libtorch", "onnxruntime", "text-encoder"].map(|piece| (*p, piece)))
            .chain([
                ("linux-x86_64", "libtorch-cuda"),
                ("linux-aarch64", "libtorch-cuda"),
            ])
        {
            let (recipe, _) = versions.recipe_for(platform, piece).unwrap();
            assert!(!versions.version(piece).unwrap().is_empty());
            for wheel in &recipe.wheel {
                assert_eq!(wheel.sha256.len(), 64, "{}", wheel.file);
                assert!(!wheel.take.is_empty(), "{}", wheel.file);
                Package::wheel(&wheel.file, &wheel.sha256).unwrap();
            }
        }
    }

    #[test]
    fn a_platform_without_the_piece_is_refused_by_name() {
        let versions = Versions::pinned().unwrap();
        for (platform, piece) in [("macos-arm64", "libtorch-cuda"), ("plan9-mips", "libtorch")] {
            let error = versions.recipe_for(platform, piece).unwrap_err();
            assert_eq!(crate::failure::exit_code_of(&error), 5);
            assert!(error.to_string().contains(platform), "{error}");
        }
    }
}
