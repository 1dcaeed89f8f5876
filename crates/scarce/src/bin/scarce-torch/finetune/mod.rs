//! `finetune`: an encoder's second half of life, telling images apart, or outlining or finding what is on them.

mod classify;
pub mod config;
mod course;
mod data;
mod detect;
pub mod predict;
pub mod report;
mod segment;
mod start;

use scarce_cli::arguments::FinetuneArguments;

use crate::surroundings::Surroundings;
use config::{ClassifyFile, DetectFile, SegmentFile, TaskKind};

/// What a run's manifest calls it.
pub const KIND: &str = "finetune";

/// Trains, chooses on the validation part, and reports on the test part.
pub fn run(arguments: &FinetuneArguments) -> anyhow::Result<()> {
    match config::task(arguments)? {
        TaskKind::Classify => {
            let Some(config) = config::configuration::<ClassifyFile>(arguments)? else {
                return Ok(());
            };
            Surroundings::with(&arguments.run.device, |surroundings| {
                classify::train(&arguments.run, &config, surroundings)
            })
        }
        TaskKind::Segment => {
            let Some(config) = config::configuration::<SegmentFile>(arguments)? else {
                return Ok(());
            };
            Surroundings::with(&arguments.run.device, |surroundings| {
                segment::train(&arguments.run, &config, surroundings)
            })
        }
        TaskKind::Detect => {
            let Some(config) = config::configuration::<DetectFile>(arguments)? else {
                return Ok(());
            };
            Surroundings::with(&arguments.run.device, |surroundings| {
                detect::train(&arguments.run, &config, surroundings)
            })
        }
    }
}
