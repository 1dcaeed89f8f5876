//! What the machine is made of.

use std::path::Path;
use std::thread;

use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::process;

/// The parts of a machine that decide how fast things are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// As the processor calls itself.
    pub cpu: String,
    /// Threads that run at once.
    pub threads: usize,
    /// Main memory in GiB.
    pub memory_gib: f64,
    /// Such as `linux-x86_64`.
    pub platform: String,
}

impl Machine {
    /// This machine. What can't be learnt is `unknown` or 0.
    pub fn this() -> Self {
        let apple = |key: &str| {
            let sh = Shell::new().ok()?;
            process::ask(cmd!(sh, "sysctl -n {key}"))
        };
        let cpu =
            proc_field("/proc/cpuinfo", "model name").or_else(|| apple("machdep.cpu.brand_string"));
        let memory_kib = proc_field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok())
            .or_else(|| Some(apple("hw.memsize")?.parse::<f64>().ok()? / 1024.0));
        Self {
            cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
            threads: thread::available_parallelism().map_or(1, usize::from),
            memory_gib: (memory_kib.unwrap_or(0.0) / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            platform: crate::setup::versions::platform(),
        }
    }
}

/// Free space for `path` in GiB.
pub fn free_disk_gib(path: &Path) -> Option<f64> {
    let sh = Shell::new().ok()?;
    let said = process::ask(cmd!(sh, "df -Pk {path}"))?;
    let available = said
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse::<f64>()
        .ok()?;
    Some((available / 1024.0 / 1024.0 * 10.0).round() / 10.0)
}

/// The first value of `key : value` lines.
fn proc_field(path: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}
