//! `parity`: every file of the packages read by scarce and by the Python references, whole and damaged.

use std::fs;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::bench::peers;
use crate::data;
use crate::process;
use crate::python::Python;
use crate::workspace::Workspace;

/// Data sets of whose source packages every file is read, not only what `data fetch` lays out.
const SOURCE_PACKAGES: [&str; 2] = ["pyradiomics", "totalsegmentator"];

/// The comparisons under `benches/parity/`, whose tables land in `benches/results/`.
const COMPARISONS: [&str; 2] = ["volumes", "damage"];

/// Fetches the packages, builds the reader, runs the comparisons.
///
/// # Errors
/// A failing download or build; a file that differs, or a damaged one that was read.
pub fn parity(workspace: &Workspace) -> Result<()> {
    let python = Python::find()?;
    let program = &python.program;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    let corpus = workspace.target().join("parity/corpus");
    fs::create_dir_all(&corpus)?;
    let archives = workspace.target().join("parity/archives");
    let archives = data::fetch_packages(workspace, &SOURCE_PACKAGES, &archives)?;
    let sources = SOURCE_PACKAGES
        .iter()
        .zip(&archives)
        .map(|(name, archive)| format!("{name}={}", archive.display()));
    let sources: Vec<String> = sources.collect();
    process::run(cmd!(
        sh,
        "{program} benches/parity/fetch.py {corpus} {sources...}"
    ))?;
    process::run(cmd!(
        sh,
        "cargo build --release --package scarce-io --example read_each"
    ))?;
    let read_each = workspace.target().join("release/examples/read_each");
    for comparison in COMPARISONS {
        let script = workspace
            .root()
            .join(format!("benches/parity/{comparison}.py"));
        let packages = peers::install(workspace, &python, &script)?;
        let report = workspace
            .root()
            .join(format!("benches/results/{comparison}.json"));
        process::run(
            cmd!(sh, "{program} {script} {read_each} {corpus} {report}")
                .env("PYTHONPATH", &packages),
        )?;
    }
    Ok(())
}
