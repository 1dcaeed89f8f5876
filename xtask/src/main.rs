//! `cargo xtask`: see [`xtask::flags`] for the commands.
#![allow(clippy::print_stderr, reason = "the one place where errors are shown")]

use std::process::ExitCode;

use xtask::flags::{Xtask, XtaskCmd};
use xtask::workspace::Workspace;
use xtask::{failure, setup};

fn main() -> ExitCode {
    let workspace = Workspace::find();
    let done = match Xtask::from_env_or_exit().subcommand {
        XtaskCmd::Setup(flags) => setup::setup(
            &workspace,
            setup::Options {
                cuda: flags.cuda,
                quiet: false,
            },
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(failure::exit_code_of(&error))
        }
    }
}
