//! What can go wrong between processes, and what to do about it.

use thiserror::Error;

use crate::native::NativeError;

/// What can go wrong between processes.
#[derive(Debug, Error)]
pub enum DistributedError {
    /// A variable of the launcher is missing or makes no sense.
    #[error("environment variable {name}: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// Another program listens on the store's port.
    #[error(
        "rank 0 cannot open the store on port {port}: set MASTER_PORT to a free port, on all ranks alike ({source})"
    )]
    PortTaken {
        /// The port.
        port: u16,
        /// What libtorch said.
        source: NativeError,
    },
    /// No store answers.
    #[error(
        "rank {rank} found no store at {host}:{port} within {seconds} s: MASTER_ADDR must name rank 0's machine as seen from here, rank 0 must run, and no firewall may stand between ({source})"
    )]
    NoStore {
        /// Who looked for it.
        rank: u32,
        /// The store's address.
        host: String,
        /// The store's port.
        port: u16,
        /// How long.
        seconds: f64,
        /// What libtorch said.
        source: NativeError,
    },
    /// Some processes did not come.
    #[error(
        "{} of {world_size} did not come within {seconds} s: was the job started with fewer processes than its world size? {hint}",
        ranks_in_words(ranks)
    )]
    Absent {
        /// Who is missing.
        ranks: Vec<u32>,
        /// How many were expected.
        world_size: u32,
        /// How long they were waited for.
        seconds: f64,
        /// What helps with this launcher.
        hint: &'static str,
    },
    /// Two processes were told different world sizes.
    #[error(
        "rank {other} was started with a world size of {theirs}, rank {rank} with {ours}: start all with the same"
    )]
    WorldSize {
        /// This process.
        rank: u32,
        /// Its world size.
        ours: u32,
        /// The other process.
        other: u32,
        /// The other's world size.
        theirs: String,
    },
    /// Two processes have the same rank.
    #[error(
        "rank {rank} was taken by another process: give each its own RANK, and each job its own MASTER_PORT"
    )]
    RankTaken {
        /// The rank.
        rank: u32,
    },
    /// A collective failed, since another process died, hangs or gave up.
    #[error("{report} ({source})")]
    Lost {
        /// Who, and where it was.
        report: String,
        /// What libtorch said.
        source: NativeError,
    },
    /// A batch cannot be shared out.
    #[error(
        "a batch of {samples} samples cannot be shared by {world_size} processes: each needs one"
    )]
    BatchTooSmall {
        /// Samples in the batch.
        samples: usize,
        /// Processes.
        world_size: u32,
    },
    /// libtorch refused a call.
    #[error(transparent)]
    Native(#[from] NativeError),
}

impl DistributedError {
    /// Whether the command or its environment is wrong, rather than the machine.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Variable { .. }
                | Self::WorldSize { .. }
                | Self::RankTaken { .. }
                | Self::BatchTooSmall { .. }
        )
    }
}

/// `rank 3` or `ranks 1, 3`.
pub(super) fn ranks_in_words(ranks: &[u32]) -> String {
    let list: Vec<String> = ranks.iter().map(u32::to_string).collect();
    let word = if ranks.len() == 1 { "rank" } else { "ranks" };
    format!("{word} {}", list.join(", "))
}
