//! Who a process is among all, from the variables that its launcher set.

mod slurm;

use std::fmt;
use std::str::FromStr;

use self::slurm::first_host;
use super::DistributedError;

/// Where c10d's launchers put the store unless told otherwise.
const DEFAULT_PORT: u16 = 29500;

/// What started the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launcher {
    /// `RANK`, `WORLD_SIZE`, `MASTER_ADDR`, `MASTER_PORT`: torchrun, `cargo xtask launch`, or by hand.
    Variables,
    /// `srun`.
    Slurm,
    /// Open MPI's `mpirun`.
    OpenMpi,
    /// `mpiexec` of MPICH or Intel MPI.
    Pmi,
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variables => "RANK and WORLD_SIZE",
            Self::Slurm => "Slurm",
            Self::OpenMpi => "Open MPI",
            Self::Pmi => "PMI",
        })
    }
}

/// Who a process is among all, and where they meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// This process's number, from 0.
    pub rank: u32,
    /// Its number on its machine, from 0; none where the launcher does not tell. It chooses the device.
    pub local_rank: Option<u32>,
    /// How many processes there are: 2 or more.
    pub world_size: u32,
    /// The machine of rank 0.
    pub store_host: String,
    /// The store's port on it.
    pub store_port: u16,
    /// Whether the launcher runs the store already (torchrun's agent): rank 0 is then one of its
    /// clients like all others.
    pub store_is_running: bool,
    /// How often the launcher has started these processes over: keys of an earlier attempt must not
    /// be found.
    pub attempt: u32,
    /// What started the processes.
    pub launcher: Launcher,
}

/// The names of one launcher's variables, the first that is set of each.
struct Names {
    launcher: Launcher,
    rank: &'static str,
    world_size: &'static [&'static str],
    local_rank: &'static str,
    attempt: &'static str,
}

/// In order of precedence: torchrun may itself have been started by Slurm, and Slurm sets PMI's too.
const LAUNCHERS: [Names; 4] = [
    Names {
        launcher: Launcher::Variables,
        rank: "RANK",
        world_size: &["WORLD_SIZE"],
        local_rank: "LOCAL_RANK",
        attempt: "TORCHELASTIC_RESTART_COUNT",
    },
    Names {
        launcher: Launcher::Slurm,
        rank: "SLURM_PROCID",
        world_size: &["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"],
        local_rank: "SLURM_LOCALID",
        attempt: "SLURM_RESTART_COUNT",
    },
    Names {
        launcher: Launcher::OpenMpi,
        rank: "OMPI_COMM_WORLD_RANK",
        world_size: &["OMPI_COMM_WORLD_SIZE"],
        local_rank: "OMPI_COMM_WORLD_LOCAL_RANK",
        attempt: "",
    },
    Names {
        launcher: Launcher::Pmi,
        rank: "PMI_RANK",
        world_size: &["PMI_SIZE"],
        local_rank: "MPI_LOCALRANKID",
        attempt: "",
    },
];

impl Placement {
    /// From this process's environment; none for a process on its own.
    ///
    /// # Errors
    /// As [`Self::from_variables`].
    pub fn from_env() -> Result<Option<Self>, DistributedError> {
        Self::from_variables(&|name| std::env::var(name).ok())
    }

    /// From variables by name; none where no launcher's are set, or the world size is 1.
    ///
    /// # Errors
    /// [`DistributedError::Variable`] for one that is missing or makes no sense.
    pub fn from_variables(
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, DistributedError> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let Some(names) = LAUNCHERS.iter().find(|names| {
            // One of two is enough: the other's absence is then an error and not overlooked.
            names.launcher == Launcher::Variables && lookup("WORLD_SIZE").is_some()
                || lookup(names.rank).is_some()
        }) else {
            return Ok(None);
        };
        let launcher = names.launcher;
        let size_name = names
            .world_size
            .iter()
            .find(|name| lookup(name).is_some())
            .or(names.world_size.last())
            .copied()
            .unwrap_or_default();
        let rank: u32 = required(&lookup, names.rank, launcher)?;
        let world_size: u32 = required(&lookup, size_name, launcher)?;
        if rank >= world_size {
            return Err(DistributedError::Variable {
                name: names.rank.to_owned(),
                message: format!(
                    "is {rank}, expected less than {size_name}, which is {world_size}"
                ),
            });
        }
        if world_size == 1 {
            return Ok(None);
        }
        let local_rank = optional(&lookup, names.local_rank)?;
        let agent = "TORCHELASTIC_USE_AGENT_STORE";
        let store_is_running = launcher == Launcher::Variables
            && lookup(agent)
                .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
        Ok(Some(Self {
            rank,
            local_rank,
            world_size,
            store_host: store_host(&lookup, launcher, world_size)?,
            store_port: store_port(&lookup, launcher)?,
            store_is_running,
            attempt: optional(&lookup, names.attempt)?.unwrap_or(0),
            launcher,
        }))
    }

    /// Whether all processes meet over this machine's loopback, so that they all run on it.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.store_host.trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

fn store_host(
    lookup: &dyn Fn(&str) -> Option<String>,
    launcher: Launcher,
    world_size: u32,
) -> Result<String, DistributedError> {
    if let Some(host) = lookup("MASTER_ADDR") {
        return Ok(host.trim().to_owned());
    }
    let missing = |message: String| DistributedError::Variable {
        name: "MASTER_ADDR".to_owned(),
        message,
    };
    match launcher {
        Launcher::Slurm => {
            let names = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"];
            let found = names.iter().find_map(|name| Some((*name, lookup(name)?)));
            let Some((name, list)) = found else {
                return Err(missing(format!(
                    "is not set, and neither is {}",
                    names.join(" or ")
                )));
            };
            first_host(&list).ok_or_else(|| DistributedError::Variable {
                name: name.to_owned(),
                message: format!("is `{list}`, expected a host list such as `node[01-04]`"),
            })
        }
        Launcher::OpenMpi
            if optional::<u32>(lookup, "OMPI_COMM_WORLD_LOCAL_SIZE")? == Some(world_size) =>
        {
            Ok("127.0.0.1".to_owned())
        }
        _ => Err(missing(format!(
            "is not set: with {launcher}, it must name the machine of rank 0"
        ))),
    }
}

fn store_port(
    lookup: &dyn Fn(&str) -> Option<String>,
    launcher: Launcher,
) -> Result<u16, DistributedError> {
    if let Some(port) = optional::<u16>(lookup, "MASTER_PORT")? {
        return Ok(port);
    }
    match launcher {
        Launcher::Variables => Err(DistributedError::Variable {
            name: "MASTER_PORT".to_owned(),
            message: "is not set: all ranks need the same free port of rank 0's machine".to_owned(),
        }),
        Launcher::Slurm => {
            // Jobs that share a machine must not share a port.
            let job: u32 = optional(lookup, "SLURM_JOB_ID")?.unwrap_or(0);
            Ok(20_000 + (job % 10_000) as u16)
        }
        Launcher::OpenMpi | Launcher::Pmi => Ok(DEFAULT_PORT),
    }
}

fn required<T: FromStr>(
    lookup: &dyn Fn(&str) -> Option<String>,
    name: &str,
    launcher: Launcher,
) -> Result<T, DistributedError> {
    optional(lookup, name)?.ok_or_else(|| DistributedError::Variable {
        name: name.to_owned(),
        message: format!("is not set, though other variables of {launcher} are"),
    })
}

fn optional<T: FromStr>(
    lookup: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<T>, DistributedError> {
    let Some(value) = lookup(name) else {
        return Ok(None);
    };
    value
        .trim()
        .parse()
        .map(Some)
        .map_err(|_| DistributedError::Variable {
            name: name.to_owned(),
            message: format!("is `{value}`, expected a small whole number"),
        })
}

#[cfg(test)]
mod tests;
