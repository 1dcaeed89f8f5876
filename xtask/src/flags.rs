//! The command line.
#![allow(
    missing_docs,
    reason = "the macro's structs repeat the commands documented here"
)]

use std::path::PathBuf;

xflags::xflags! {
    /// What is done to the workspace: native libraries, data, tests, demo, benches.
    cmd xtask {
        /// Lays out libtorch, ONNX Runtime and the text encoder under target/.
        cmd setup {
            /// The full CUDA build of libtorch.
            optional --cuda
        }
        /// Says what is there and what is missing; exit code 5 if something is.
        cmd doctor {
            /// As one JSON object.
            optional --json
        }
        /// The main job on real scans, from nothing to a report.
        cmd demo {
            /// The seed of every random choice.
            optional --seed seed: u64
            /// The run folder's name under runs/, or its path.
            optional --run run: String
            /// Run stages whose inputs have not changed, too.
            optional --force
        }
        /// All tests; what follows `--` goes to the runner.
        cmd test {
            /// Arguments of nextest, or of `cargo test` where nextest isn't installed.
            repeated args: String
        }
        /// A training killed at random moments, resumed, and compared byte by byte with one left alone.
        cmd kill-test {
            /// How often it is killed; 20 if not given.
            optional --kills kills: u64
        }
        /// One command as several processes on this machine; when one fails, all end with its exit code.
        cmd launch {
            /// How many processes.
            required -n, --processes count: u32
            /// The port they meet at; any free one if not given.
            optional --port port: u16
            /// Seconds that the others get to end by themselves when one fails; 10 if not given.
            optional --grace-s seconds: u64
            /// The command and its arguments, after `--`.
            repeated command: String
        }
        /// Formatting, tidiness, dependency arrows, lints, documentation, tests; the cheapest first.
        cmd validate {
            /// All but the tests.
            optional --no-tests
        }
        /// The checks of the sources that no other tool makes.
        cmd tidy {}
        /// Runs the stages of a pipeline file, skipping what has not changed.
        cmd pipeline {
            /// Such as datasets/demo.toml.
            required file: PathBuf
            /// Run stages whose inputs have not changed, too.
            optional --force
            /// Only this stage.
            optional --only stage: String
            /// This stage and those after it.
            optional --from stage: String
            /// NAME=VALUE for a placeholder of the file, such as run=DIR.
            repeated --set assignment: String
        }
        /// Data sets, by their manifests in datasets/.
        cmd data {
            /// One line a set.
            cmd list {}
            /// Puts sets under target/data/.
            cmd fetch {
                /// The sets' names.
                repeated names: String
            }
        }
        /// Trains the localizer that scarce brings along, tests it, and writes its model and card.
        cmd localizer {}
        /// Every file of several packages read by scarce and by the Python references, whole and damaged.
        cmd parity {}
        /// Criterion benches.
        cmd bench {
            /// Only this subject, such as metrics.
            optional subject: String
            /// The side-by-side runs against other libraries instead.
            optional --peers
            /// Write the figures to benches/results/NAME.json.
            optional --save name: String
            /// Compare with benches/results/NAME.json; exit code 4 on a regression.
            optional --against name: String
            /// How much slower counts as a regression; 1.5 if not given.
            optional --band ratio: f64
        }
    }
}
