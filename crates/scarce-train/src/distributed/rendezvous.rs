//! How the processes find one another: all write their names into the store and wait for all others.

use std::time::{Duration, Instant};

use super::{DistributedError, Launcher, Placement};
use crate::native::store::Store;
use crate::native::{NativeError, NativeFault};

/// Between two looks for those who have not come.
const POLL: Duration = Duration::from_millis(20);

/// How long rank 0 keeps its store open after a failed meeting, so that others can read why.
const LINGER: Duration = Duration::from_millis(500);

/// Whether this process runs the store that all others depend on.
pub(super) fn runs_store(placement: &Placement) -> bool {
    placement.rank == 0 && !placement.store_is_running
}

/// Opens the store and waits until all processes have written their names into it.
pub(super) fn meet(placement: &Placement, timeout: Duration) -> Result<Store, DistributedError> {
    let start = Instant::now();
    let store =
        open(placement, timeout)?.prefixed(&format!("scarce/attempt_{}", placement.attempt))?;
    let met = wait_for_all(&store, placement, start, timeout);
    if met.is_err() && runs_store(placement) {
        std::thread::sleep(LINGER);
    }
    met.map(|()| store)
}

fn open(placement: &Placement, timeout: Duration) -> Result<Store, DistributedError> {
    let (host, port) = (&placement.store_host, placement.store_port);
    let opened = if runs_store(placement) {
        Store::serve(host, port, timeout).map(|(store, _)| store)
    } else {
        Store::connect(host, port, timeout)
    };
    opened.map_err(|source| {
        if runs_store(placement) && is_port_taken(&source) {
            return DistributedError::PortTaken { port, source };
        }
        if source.fault == NativeFault::Refused {
            return source.into();
        }
        DistributedError::NoStore {
            rank: placement.rank,
            host: host.clone(),
            port,
            seconds: timeout.as_secs_f64(),
            source,
        }
    })
}

fn is_port_taken(error: &NativeError) -> bool {
    error.message.contains("EADDRINUSE")
}

fn wait_for_all(
    store: &Store,
    placement: &Placement,
    start: Instant,
    timeout: Duration,
) -> Result<(), DistributedError> {
    let Placement {
        rank, world_size, ..
    } = *placement;
    if store.add(&format!("arrivals/{rank}"), 1)? > 1 {
        return Err(DistributedError::RankTaken { rank });
    }
    store.set(&world_size_key(rank), &world_size.to_string())?;
    let mut absent: Vec<u32> = (0..world_size).collect();
    loop {
        let mut still_absent = Vec::new();
        for other in absent {
            match store.get(&world_size_key(other))? {
                None => still_absent.push(other),
                Some(theirs) if theirs == world_size.to_string() => {}
                Some(theirs) => {
                    return Err(DistributedError::WorldSize {
                        rank,
                        ours: world_size,
                        other,
                        theirs,
                    });
                }
            }
        }
        absent = still_absent;
        if absent.is_empty() {
            return Ok(());
        }
        if start.elapsed() > timeout {
            return Err(DistributedError::Absent {
                ranks: absent,
                world_size,
                seconds: timeout.as_secs_f64(),
                hint: match placement.launcher {
                    Launcher::Slurm => "Inside `sbatch`, start it with `srun`.",
                    _ => "Look at their output.",
                },
            });
        }
        std::thread::sleep(POLL);
    }
}

fn world_size_key(rank: u32) -> String {
    format!("world_size/{rank}")
}
