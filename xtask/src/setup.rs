//! `setup`: the native libraries and models, so that a plain `cargo build` works afterwards.

pub mod layout;
pub mod own;
pub mod versions;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::atomic::Outcome;
use crate::process;
use crate::workspace::Workspace;
use versions::Versions;

/// What to lay out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The full CUDA build of libtorch instead of its CPU half.
    pub cuda: bool,
    /// Say nothing where nothing is to do.
    pub quiet: bool,
}

/// Lays out what is missing under `target/`. Where all is there, this takes milliseconds.
///
/// # Errors
/// No Python to fetch with, no such platform, a failing download, or a user's own library that does not fit.
pub fn setup(workspace: &Workspace, options: Options) -> Result<()> {
    let start = Instant::now();
    let versions = Versions::pinned()?;
    let mut changed = false;
    for (piece, folder) in pieces(workspace, &versions, options) {
        let outcome = match piece {
            "libtorch" | "libtorch-cuda" => match own::libtorch(workspace, &versions)? {
                Some(outcome) => outcome,
                None => layout::lay_out(workspace, &versions, piece, &folder)?,
            },
            "onnxruntime" => match own::onnxruntime(workspace)? {
                Some(outcome) => outcome,
                None => layout::lay_out(workspace, &versions, piece, &folder)?,
            },
            _ => layout::lay_out(workspace, &versions, piece, &folder)?,
        };
        if outcome == Outcome::Replaced && piece.starts_with("libtorch") {
            forget_link_flags(workspace)?;
        }
        changed |= outcome != Outcome::Present;
        if !options.quiet || outcome != Outcome::Present {
            println!(
                "{piece} {} {} in {}",
                versions.version(piece)?,
                outcome.word(),
                workspace.relative(&folder)
            );
        }
    }
    if changed {
        println!("setup done in {:.0} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// [`setup`] without a word where nothing is missing: what every command does that needs the libraries.
///
/// # Errors
/// As [`setup`].
pub fn ensure(workspace: &Workspace) -> Result<()> {
    let options = Options {
        cuda: false,
        quiet: true,
    };
    setup(workspace, options)
}

/// The pieces and the folders they go to.
fn pieces(
    workspace: &Workspace,
    versions: &Versions,
    options: Options,
) -> Vec<(&'static str, PathBuf)> {
    // A CUDA layout that is already there stays: going back is done by removing it.
    let has_cuda = layout::is_present(versions, "libtorch-cuda", &workspace.libtorch());
    let libtorch = if options.cuda || has_cuda {
        "libtorch-cuda"
    } else {
        "libtorch"
    };
    vec![
        (libtorch, workspace.libtorch()),
        ("onnxruntime", workspace.onnxruntime()),
        ("text-encoder", workspace.models().join("minilm")),
    ]
}

/// torch-sys remembers which libraries it found; after a change it has to look again.
fn forget_link_flags(workspace: &Workspace) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    process::run(cmd!(sh, "cargo clean --quiet --package torch-sys"))
}
