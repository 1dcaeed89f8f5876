//! `validate`: what continuous integration runs, the cheapest first.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;
use crate::{process, setup, test, tidy};

/// Checks formatting, sources, arrows, lints, documentation and tests; stops at the first failure.
///
/// # Errors
/// The failing step's.
pub fn validate(workspace: &Workspace, with_tests: bool) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(workspace.root());
    process::run(cmd!(sh, "cargo fmt --all --check"))?;
    tidy::tidy(workspace)?;
    // From here on torch-sys is compiled, which looks for libtorch.
    setup::ensure(workspace)?;
    process::run(cmd!(
        sh,
        "cargo clippy --workspace --all-targets -- -D warnings"
    ))?;
    process::run(cmd!(sh, "cargo doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings"))?;
    if with_tests {
        test::test(workspace, &[])?;
    }
    Ok(())
}
