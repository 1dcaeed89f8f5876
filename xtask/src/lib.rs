//! What is done to the workspace: native libraries, data, tests, pipelines, benches.
//!
//! `cargo xtask VERB` runs these modules, one a verb. This crate links neither libtorch nor ONNX
//! Runtime and knows none of our crates: where it needs them, it starts the `scarce` binary.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its user"
)]

pub mod archive;
pub mod checksum;
pub mod failure;
pub mod flags;
pub mod process;
pub mod python;
pub mod setup;
pub mod workspace;
