//! `test`: everything the tests need, then the tests.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;
use crate::{process, setup};

/// Runs all tests by nextest, or by cargo where nextest isn't installed; `args` go to the runner.
///
/// # Errors
/// As [`setup::ensure`]; the runner's own exit code.
pub fn test(workspace: &Workspace, args: &[String]) -> Result<()> {
    setup::ensure(workspace)?;
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    // The test binaries find libtorch relative to their own place.
    if process::ask(cmd!(sh, "cargo nextest --version")).is_none() {
        return process::run(
            cmd!(sh, "cargo test --workspace {args...}").env_remove("CARGO_TARGET_DIR"),
        );
    }
    // Doc tests first: nextest, which leaves them out, then has the last word with its summary.
    let examples = if args.is_empty() {
        process::run(
            cmd!(sh, "cargo test --quiet --workspace --doc").env_remove("CARGO_TARGET_DIR"),
        )
    } else {
        Ok(())
    };
    process::run(
        cmd!(sh, "cargo nextest run --workspace {args...}").env_remove("CARGO_TARGET_DIR"),
    )?;
    examples
}
