//! `cargo xtask`: see [`xtask::flags`] for the commands.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks to its user"
)]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use xtask::bench;
use xtask::flags::{DataCmd, Demo, Pipeline, Xtask, XtaskCmd};
use xtask::workspace::Workspace;
use xtask::{
    data, demo, doctor, failure, kill_test, launch, localizer, parity, pipeline, setup, test, tidy,
    validate,
};

fn main() -> ExitCode {
    match run(Xtask::from_env_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(failure::exit_code_of(&error))
        }
    }
}

fn run(flags: Xtask) -> Result<()> {
    let workspace = Workspace::find();
    match flags.subcommand {
        XtaskCmd::Setup(flags) => setup::setup(
            &workspace,
            setup::Options {
                cuda: flags.cuda,
                quiet: false,
            },
        ),
        XtaskCmd::Doctor(flags) => doctor::doctor(&workspace, flags.json),
        XtaskCmd::Demo(flags) => demo::demo(&workspace, &demo_options(flags)),
        XtaskCmd::Test(flags) => test::test(&workspace, &flags.args),
        XtaskCmd::KillTest(flags) => {
            kill_test::kill_test(&workspace, flags.kills.unwrap_or(kill_test::DEFAULT_KILLS))
        }
        XtaskCmd::Launch(flags) => launch::launch(
            &flags.command,
            &launch::Options {
                processes: flags.processes,
                port: flags.port,
                grace: flags
                    .grace_s
                    .map_or(launch::Options::DEFAULT_GRACE, Duration::from_secs),
            },
        ),
        XtaskCmd::Validate(flags) => validate::validate(&workspace, !flags.no_tests),
        XtaskCmd::Tidy(_) => tidy::tidy(&workspace),
        XtaskCmd::Pipeline(flags) => run_pipeline(&workspace, flags),
        XtaskCmd::Data(flags) => match flags.subcommand {
            DataCmd::List(_) => data::list(&workspace),
            DataCmd::Fetch(flags) => data::fetch(&workspace, &flags.names),
        },
        XtaskCmd::Localizer(_) => localizer::localizer(&workspace),
        XtaskCmd::Parity(_) => parity::parity(&workspace),
        XtaskCmd::Bench(flags) => bench::bench(
            &workspace,
            &bench::Options {
                subject: flags.subject,
                peers: flags.peers,
                save: flags.save,
                against: flags.against,
                band: flags.band.unwrap_or(bench::DEFAULT_BAND),
            },
        ),
    }
}

fn demo_options(flags: Demo) -> pipeline::Options {
    let seed = flags.seed.map(|seed| format!("seed={seed}"));
    let run = flags.run.map(|run| format!("run={run}"));
    pipeline::Options {
        force: flags.force,
        set: seed.into_iter().chain(run).collect(),
        ..pipeline::Options::default()
    }
}

fn run_pipeline(workspace: &Workspace, flags: Pipeline) -> Result<()> {
    let options = pipeline::Options {
        force: flags.force,
        only: flags.only,
        from: flags.from,
        set: flags.set,
    };
    if let Some(result) = pipeline::pipeline(workspace, &flags.file, &options)? {
        println!("result: {}", result.display());
    }
    Ok(())
}
