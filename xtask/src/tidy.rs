//! `tidy`: what the sources promise and no other tool checks.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{arrows, checksum, usage};

/// A file longer than this holds more than one idea.
const LONGEST_LINES: usize = 500;

/// Folder and file names that say nothing about their content.
const NAMELESS: [&str; 5] = ["utils", "util", "common", "helpers", "misc"];

/// Checks all Rust sources and the arrows.
///
/// # Errors
/// [`crate::failure::Failure::Usage`] with one line for each fault.
pub fn tidy(workspace: &Workspace) -> Result<()> {
    let mut faults = arrows::offences(&arrows::resolve(workspace)?);
    let mut count = 0;
    for path in sources(workspace)? {
        let text =
            fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        let shown = workspace.relative(&path).to_string();
        faults.extend(
            faults_of(&path, &text)
                .into_iter()
                .map(|fault| format!("{shown}: {fault}")),
        );
        count += 1;
    }
    if faults.is_empty() {
        println!("tidy: {count} files, nothing to say");
        return Ok(());
    }
    usage!("{} faults\n{}", faults.len(), faults.join("\n"));
}

/// All Rust sources of the workspace.
fn sources(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for folder in ["crates", "xtask", "benches"] {
        let files = checksum::files_under(&workspace.root().join(folder))?;
        let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
        sources.extend(files.into_iter().filter(rust));
    }
    Ok(sources)
}

/// What is wrong with one source.
fn faults_of(path: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST_LINES {
        faults.push(format!("{lines} lines, more than {LONGEST_LINES}"));
    }
    if !text.trim_start().starts_with("//!") {
        faults.push("begins with no module documentation (`//!`)".to_owned());
    }
    if path
        .file_stem()
        .is_some_and(|stem| NAMELESS.iter().any(|name| stem == *name))
    {
        faults.push("its name says nothing about its content".to_owned());
    }
    // Written in halves, so that this file passes its own check.
    for (mark, why) in [
        (concat!("todo", "!("), "unfinished code"),
        (concat!("unimplemented", "!("), "unfinished code"),
        (concat!("#[ig", "nore"), "a test that never runs"),
        (
            concat!("#[should", "_panic"),
            "say which error is expected instead",
        ),
    ] {
        for (index, _) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(mark))
        {
            faults.push(format!("line {}: `{mark}`: {why}", index + 1));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told() {
        for (path, text, said) in [
            ("src/a.rs", "//! A.\nfn a() {}\n".to_owned(), None),
            (
                "src/a.rs",
                "fn a() {}\n".to_owned(),
                Some("no module documentation"),
            ),
            ("src/utils.rs", "//! A.\n".to_owned(), Some("says nothing")),
            (
                "src/a.rs",
                format!("//! A.\n{}", "\n".repeat(600)),
                Some("601 lines"),
            ),
            (
                "src/a.rs",
                format!("//! A.\n{}{}]\n", "#[ig", "nore"),
                Some("line 2"),
            ),
        ] {
            let found = faults_of(Path::new(path), &text);
            match said {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(said) => assert!(found.len() == 1 && found[0].contains(said), "{found:?}"),
            }
        }
    }
}
