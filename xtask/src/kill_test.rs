//! `kill-test`: the test that kills a training, with more kills than the tests do each time.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;
use crate::{process, setup, usage};

/// How often the training is killed where nothing else is asked for.
pub const DEFAULT_KILLS: u64 = 20;

/// Kills a training `kills` times with SIGKILL, resumes it each time, and compares all it leaves with what a run
/// left alone does.
///
/// # Errors
/// As [`setup::setup`]; [`crate::failure::Failure::Usage`] for no kill; the test's own exit code.
pub fn kill_test(workspace: &Workspace, kills: u64) -> Result<()> {
    if kills == 0 {
        usage!("--kills is 0, expected at least 1");
    }
    setup::setup(
        workspace,
        setup::Options {
            cuda: false,
            quiet: true,
        },
    )?;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    process::run(
        cmd!(
            sh,
            "cargo test --quiet --package scarce-train --test kill -- --exact killed_at_random_moments_it_ends_the_same --nocapture"
        )
        .env("SCARCE_KILLS", kills.to_string())
        .env_remove("CARGO_TARGET_DIR"),
    )
}
