//! `bench`: criterion's figures as one JSON file, compared with a stored one.

pub mod duels;
pub mod figures;
pub mod peers;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::failure::Failure;
use crate::workspace::Workspace;
use crate::{atomic, nearest, process, setup, usage};
use figures::Figures;

/// Shared machines vary by a third from run to run; half as slow again is a change of the code.
pub const DEFAULT_BAND: f64 = 1.5;

/// What to measure and what to do with it.
#[derive(Debug, Clone)]
pub struct Options {
    /// One subject, or all.
    pub subject: Option<String>,
    /// The side-by-side runs instead.
    pub peers: bool,
    /// Write to `benches/results/NAME.json`.
    pub save: Option<String>,
    /// Compare with `benches/results/NAME.json`.
    pub against: Option<String>,
    /// The ratio above which a bench counts as slower.
    pub band: f64,
}

/// Runs the benches.
///
/// # Errors
/// [`Failure::Usage`] for an unknown subject or baseline; cargo's own exit code; [`Failure::Numeric`] for a
/// bench slower than the baseline by more than the band.
pub fn bench(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.peers {
        return peers::peers(
            workspace,
            options.subject.as_deref(),
            options.save.as_deref(),
        );
    }
    let subjects = subjects(workspace)?;
    if let Some(subject) = &options.subject
        && !subjects.contains(subject)
    {
        usage!(
            "no bench `{subject}`{}",
            nearest::hint(subject, subjects.iter().map(String::as_str))
        );
    }
    let results = workspace.root().join("benches/results");
    let baseline = options
        .against
        .as_ref()
        .map(|name| Figures::read(&results, name))
        .transpose()?;

    setup::ensure(workspace)?;
    let mut figures = measure(workspace, options.subject.as_deref())?;
    if let Some(baseline) = &baseline {
        let slow: BTreeSet<String> = figures
            .slower(baseline, options.band)
            .iter()
            .map(|(subject, ..)| (*subject).to_owned())
            .collect();
        // A neighbour on the machine slows a bench down for a while, a change of the code for good.
        for subject in slow {
            println!("{subject} seems slower: measuring it once more");
            figures.improve(measure(workspace, Some(&subject))?);
        }
    }
    if let Some(name) = &options.save {
        let path = results.join(format!("{name}.json"));
        atomic::write(&path, &(serde_json::to_string_pretty(&figures)? + "\n"))?;
        println!("figures: {}", workspace.relative(&path));
    }
    let Some(baseline) = baseline else {
        return Ok(());
    };
    figures.print_beside(&baseline);
    let slower: Vec<String> = figures
        .slower(&baseline, options.band)
        .iter()
        .map(|(_, bench, ratio)| format!("{bench} ({ratio:.2})"))
        .collect();
    if slower.is_empty() {
        return Ok(());
    }
    let told = format!(
        "slower than the baseline by more than {}: {}",
        options.band,
        slower.join(", ")
    );
    Err(Failure::Numeric(told).into())
}

/// Runs one subject's benches, or all.
fn measure(workspace: &Workspace, subject: Option<&str>) -> Result<Figures> {
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    let start = SystemTime::now();
    let only: Vec<&str> = match subject {
        Some(subject) => vec!["--bench", subject],
        None => vec!["--benches"],
    };
    process::run(
        cmd!(sh, "cargo bench --quiet --package scarce-benches {only...}")
            .env_remove("CARGO_TARGET_DIR"),
    )?;
    Figures::collect(workspace, start)
}

/// The subjects: the `[[bench]]` entries of `benches/Cargo.toml`.
fn subjects(workspace: &Workspace) -> Result<Vec<String>> {
    let path: PathBuf = workspace.root().join("benches/Cargo.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let table: toml::Table = text
        .parse()
        .map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
    let entries = table
        .get("bench")
        .and_then(toml::Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    Ok(entries
        .iter()
        .filter_map(|entry| Some(entry.get("name")?.as_str()?.to_owned()))
        .collect())
}
