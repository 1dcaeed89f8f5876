//! After the training: the chosen checkpoint, and what is written of it.

use std::path::Path;

use scarce_cli::exit::UsageError;
use scarce_train::{Checkpoint, LoopConfig, Outcome, RunFolder, TrainingSummary, load_variables};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Where a run lists the classes, in order.
pub const CLASSES_FILE: &str = "classes.json";
/// Where a run lists which image was for what.
pub const SPLIT_FILE: &str = "split.json";
/// Where a run reports on its test part.
pub const TEST_FOLDER: &str = "test";

/// The classes of a run, in order; for a segmentation the background is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes {
    /// Their names.
    pub classes: Vec<String>,
}

/// The checkpoint that a run is judged by: the best by its validation figure, or the last where none was asked for.
pub fn chosen(run: &Path, training: &LoopConfig) -> anyhow::Result<Checkpoint> {
    let checkpoints = run.join("checkpoints");
    let best = checkpoints.join("best");
    let by_figure = !training.validation.figure.is_empty() && best.is_dir();
    Ok(Checkpoint::load(if by_figure {
        &best
    } else {
        &checkpoints
    })?)
}

/// Fills a network with a checkpoint's weights, the averaged ones where those were validated.
pub fn fill(
    variables: &[(String, Tensor)],
    checkpoint: &Checkpoint,
    training: &LoopConfig,
) -> anyhow::Result<()> {
    let group = if training.validation.on_ema {
        "ema"
    } else {
        "weights"
    };
    Ok(load_variables(variables, checkpoint.group(group)?, "")?)
}

/// Refuses a training that could not be chosen as it says.
pub fn check_validation(training: &LoopConfig, validation: usize) -> anyhow::Result<()> {
    let asks = training.validation.every > 0 && !training.validation.figure.is_empty();
    if asks && training.steps > 0 && validation == 0 {
        let message = format!(
            "training.validation.figure is {:?}, but no image is to validate on: give data.split.validation a share, or set \
             training.validation.every to 0",
            training.validation.figure
        );
        return Err(UsageError(message).into());
    }
    Ok(())
}

/// Whether a run has come to where it may be reported on; the test part is not looked at before.
pub fn is_done(summary: &TrainingSummary, run: &RunFolder) -> bool {
    if summary.outcome == Outcome::BudgetSpent {
        tracing::info!(
            "not yet reported on: the training is to go on: {}",
            run.path().display()
        );
        return false;
    }
    true
}
