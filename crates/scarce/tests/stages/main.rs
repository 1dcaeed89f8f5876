//! The stages through the command line, on a phantom with the real text encoder.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod detected;
mod faults;
mod few_labels;
mod figures;
mod finetuned;
mod line;
mod localizers;
mod phantom;
mod pretrained;
#[cfg(unix)]
mod processes;
mod programs;
mod semi;
mod sets;

use std::path::Path;
use std::process::{Command, Output};

/// Runs `scarce` in `folder`.
fn scarce(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scarce"))
        .args(arguments)
        .current_dir(folder)
        .env("SCARCE_LOG", "info")
        .output()
        .unwrap()
}

/// Runs `scarce` and expects success.
fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = scarce(folder, arguments);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {log}");
    log
}

/// Where `cargo xtask setup` puts the text encoder.
fn text_encoder() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/models/minilm");
    assert!(
        folder.join("model.onnx").is_file(),
        "run `cargo xtask setup` first"
    );
    folder.canonicalize().unwrap().display().to_string()
}
