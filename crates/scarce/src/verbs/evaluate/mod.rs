//! `evaluate`: predictions against references, one file a task.

mod classify;
mod detect;
mod pairing;
mod segment;
mod show;

pub use segment::EvaluationFile;

use scarce_cli::arguments::EvaluateArguments;

/// Scores every case and prints the figures.
pub fn run(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    match arguments.task.as_str() {
        "classify" => classify::run(arguments),
        "detect" => detect::run(arguments),
        _ => segment::run(arguments),
    }
}
