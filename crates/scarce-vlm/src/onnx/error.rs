//! What can be wrong with the runtime or with a model.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a model cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The variable that names the library points to nothing.
    #[error("ONNX Runtime's library is not where {variable} says; run `cargo xtask setup` or mend the variable: {}", path.display())]
    LibraryVariable {
        /// The variable's name.
        variable: &'static str,
        /// What it holds.
        path: PathBuf,
    },
    /// The library is in none of the places where it is looked for.
    #[error(
        "ONNX Runtime's library was not found; run `cargo xtask setup` or set {variable}; looked at: {}",
        list(searched)
    )]
    LibraryMissing {
        /// The variable that would name it.
        variable: &'static str,
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The library is there but does not load, or is too old.
    #[error("ONNX Runtime's library does not load ({message}); run `cargo xtask setup`: {}", path.display())]
    LibraryLoad {
        /// The loader's words.
        message: String,
        /// The library.
        path: PathBuf,
    },
    /// A model is missing, broken, of another interface, or failed.
    #[error("the {name} {fault}: {}", path.display())]
    Model {
        /// The part that the model plays, such as `text encoder`.
        name: String,
        /// What is wrong with it.
        fault: Box<ModelFault>,
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with a model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// The file cannot be read.
    #[error("cannot be read ({0})")]
    Read(#[source] io::Error),
    /// The content is not the one that was asked for.
    #[error("has sha256 {found}, expected {expected}")]
    Hash {
        /// What was asked for.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A file beside the model, which holds its weights, cannot be had.
    #[error("keeps weights in {location:?}, which {message}")]
    ExternalData {
        /// The file as the model names it.
        location: String,
        /// What is wrong with it.
        message: String,
    },
    /// The bytes are no model that ONNX Runtime accepts; its words.
    #[error("is no ONNX model that can be loaded ({0})")]
    Load(String),
    /// The file's metadata do not say what is needed, or something else.
    #[error("says {found:?} for {key:?} in its metadata, expected {expected}")]
    Metadata {
        /// The metadata's key.
        key: &'static str,
        /// What was needed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A needed input is missing.
    #[error("has no input {expected:?}; its inputs are {found:?}")]
    MissingInput {
        /// The input that was needed.
        expected: String,
        /// The inputs that are there.
        found: Vec<String>,
    },
    /// The model asks for an input that nobody can give.
    #[error("asks for an unknown input {input:?}; known are {known:?}")]
    UnknownInput {
        /// The input.
        input: String,
        /// The inputs that could be given.
        known: Vec<String>,
    },
    /// None of the outputs that would serve is there.
    #[error("has none of the outputs {expected:?}; its outputs are {found:?}")]
    MissingOutput {
        /// The outputs that would serve, in the order of preference.
        expected: Vec<String>,
        /// The outputs that are there.
        found: Vec<String>,
    },
    /// An input or output has another element type or rank.
    #[error("has {port:?} as {found}, expected {expected}")]
    PortType {
        /// The input or output.
        port: String,
        /// What was needed.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The model failed while it ran; ONNX Runtime's words.
    #[error("failed while running ({0})")]
    Run(String),
    /// The model ran and gave something that cannot be used.
    #[error("gave {output:?} as {found}, expected {expected}")]
    Output {
        /// The output.
        output: String,
        /// What was needed.
        expected: String,
        /// What was found.
        found: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    let words: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    words.join(", ")
}
