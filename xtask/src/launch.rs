//! `launch`: one command as several processes on this machine, with the variables that torchrun sets.

use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::failure::Failure;
use crate::machine::Machine;
use crate::usage;

/// Between two looks at the processes.
const POLL: Duration = Duration::from_millis(20);

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many processes.
    pub processes: u32,
    /// The port they meet at; any free one if not given.
    pub port: Option<u16>,
    /// How long the others may take to report what the first failure did to them.
    pub grace: Duration,
}

impl Options {
    /// Long enough to say who is lost, and for a checkpoint that is being written.
    pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);
}

/// The processes that still run, killed when this goes out of scope.
struct Running(Vec<(u32, Child)>);

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            // It may have ended in between.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs `command` as processes with ranks 0 to n − 1 until all have ended. When one fails, the others
/// get the grace to end by themselves and are killed then.
///
/// # Errors
/// [`Failure::Child`] with the exit code of the first that failed (128 + n after signal n);
/// [`Failure::Usage`] for no processes or no command; [`Failure::Environment`] if it can't be started.
pub fn launch(command: &[String], options: &Options) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else {
        usage!("name a command: cargo xtask launch -n 2 -- COMMAND...");
    };
    if options.processes == 0 {
        usage!("0 processes run nothing: expected 1 or more");
    }
    let port = match options.port {
        Some(port) => port,
        None => free_port()?,
    };
    let mut running = Running(Vec::new());
    for rank in 0..options.processes {
        let mut process = Command::new(program);
        process
            .args(arguments)
            .stdin(Stdio::null())
            // Of a torchrun around us: its store isn't ours.
            .env_remove("TORCHELASTIC_USE_AGENT_STORE")
            .envs(variables(rank, options.processes, port));
        let child = process
            .spawn()
            .map_err(|e| Failure::Environment(format!("can't start `{program}`: {e}")))?;
        running.0.push((rank, child));
    }
    watch(&mut running, &command.join(" "), options.grace)
}

fn watch(running: &mut Running, shown: &str, grace: Duration) -> Result<()> {
    let mut failed: Option<(Failure, Instant)> = None;
    while !running.0.is_empty() {
        let mut still = Vec::new();
        for (rank, mut child) in running.0.drain(..) {
            match child.try_wait().context("can't wait for a process")? {
                None => still.push((rank, child)),
                Some(status) if status.success() => {}
                Some(status) => {
                    let code = code_of(status);
                    eprintln!("launch: rank {rank} ended with code {code}");
                    let failure = Failure::Child {
                        command: format!("rank {rank} of: {shown}"),
                        code,
                    };
                    failed.get_or_insert((failure, Instant::now() + grace));
                }
            }
        }
        running.0 = still;
        if let Some((_, deadline)) = &failed
            && Instant::now() >= *deadline
        {
            for (rank, _) in &running.0 {
                eprintln!(
                    "launch: rank {rank} is killed, {} s later",
                    grace.as_secs_f64()
                );
            }
            break;
        }
        thread::sleep(POLL);
    }
    failed.map_or(Ok(()), |(failure, _)| Err(failure.into()))
}

fn variables(rank: u32, processes: u32, port: u16) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("RANK", rank.to_string()),
        ("LOCAL_RANK", rank.to_string()),
        ("WORLD_SIZE", processes.to_string()),
        ("LOCAL_WORLD_SIZE", processes.to_string()),
        ("MASTER_ADDR", "127.0.0.1".to_owned()),
        ("MASTER_PORT", port.to_string()),
    ];
    if std::env::var_os("OMP_NUM_THREADS").is_none() {
        // Each process would otherwise take all cores.
        let threads = (Machine::this().threads / processes as usize).max(1);
        variables.push(("OMP_NUM_THREADS", threads.to_string()));
    }
    variables
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr().context("no port is free")?.port())
}

fn code_of(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None::<i32>;
    let code = status.code().or(signal.map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
