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
pub mod arrows;
pub mod atomic;
pub mod bench;
pub mod checksum;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod failure;
pub mod flags;
pub mod kill_test;
pub mod launch;
pub mod localizer;
pub mod machine;
pub mod nearest;
pub mod package;
pub mod parity;
pub mod pipeline;
pub mod process;
pub mod python;
pub mod setup;
pub mod test;
pub mod tidy;
pub mod validate;
pub mod workspace;
