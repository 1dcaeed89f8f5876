//! From what was seen of the processes to who is to blame.

use std::time::Duration;

use crate::distributed::error::ranks_in_words;

/// What one process saw of all when its collective failed.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) own_rank: u32,
    pub(super) rank_0_runs_store: bool,
    pub(super) store_lost: bool,
    /// How long a silence means death.
    pub(super) dead_after: Duration,
    /// By rank.
    pub(super) processes: Vec<Trace>,
}

/// What was seen of one process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    pub(super) silent_for: Duration,
    /// Collectives it had entered.
    pub(super) entered: u64,
    pub(super) step: u64,
}

impl Scene {
    /// Who is silent; none as long as all give signs.
    pub(super) fn silence(&self) -> Option<String> {
        let store = if self.rank_0_runs_store {
            "rank 0, which runs the store,"
        } else {
            "the launcher's store"
        };
        if self.store_lost {
            return Some(format!("{store} has ended: its own output tells why"));
        }
        let is_dead = |trace: &Trace| trace.silent_for > self.dead_after;
        if self
            .processes
            .get(self.own_rank as usize)
            .is_some_and(is_dead)
        {
            // Not even our own sign comes through.
            return Some(format!("{store} does not answer"));
        }
        let (silent, longest) = self.ranks(is_dead);
        let trace = longest?;
        Some(format!(
            "{} gave no sign of life for {:.1} s, last seen at step {}: it ended, or its machine hangs; its own output tells why",
            ranks_in_words(&silent),
            trace.silent_for.as_secs_f64(),
            trace.step
        ))
    }

    /// Who is behind, given that all are alive.
    pub(super) fn lag(&self) -> String {
        let entered = self.processes.iter().map(|trace| trace.entered);
        let furthest = entered.max().unwrap_or(0);
        match self.ranks(|trace| trace.entered < furthest) {
            (_, None) => {
                "all ranks are alive and at the same point: the call itself failed".to_owned()
            }
            (behind, Some(trace)) => format!(
                "{} is alive but keeps the others waiting, at step {}: it is slower than the time-out allows, or did not come to a call that the others made",
                ranks_in_words(&behind),
                trace.step
            ),
        }
    }

    /// The ranks that are meant, and what was seen of the first.
    fn ranks(&self, is_meant: impl Fn(&Trace) -> bool) -> (Vec<u32>, Option<Trace>) {
        let numbered = (0..).zip(&self.processes);
        let meant: Vec<(u32, Trace)> = numbered
            .filter(|(_, trace)| is_meant(trace))
            .map(|(rank, trace)| (rank, *trace))
            .collect();
        let first = meant.first().map(|(_, trace)| *trace);
        (meant.into_iter().map(|(rank, _)| rank).collect(), first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_one_is_blamed() {
        let trace = |silent_ms, entered, step| Trace {
            silent_for: Duration::from_millis(silent_ms),
            entered,
            step,
        };
        let fine = trace(100, 40, 7);
        let dead = trace(2400, 39, 6);
        for (own_rank, rank_0_runs_store, store_lost, processes, silence, lag) in [
            (
                0,
                true,
                false,
                vec![fine, dead],
                Some("rank 1 gave no sign of life for 2.4 s, last seen at step 6"),
                "",
            ),
            (
                0,
                true,
                false,
                vec![fine, dead, fine, dead],
                Some("ranks 1, 3 gave no sign"),
                "",
            ),
            (
                1,
                true,
                true,
                vec![dead, fine],
                Some("rank 0, which runs the store, has ended"),
                "",
            ),
            (
                1,
                false,
                true,
                vec![fine, fine],
                Some("the launcher's store has ended"),
                "",
            ),
            (
                1,
                true,
                false,
                vec![dead, dead],
                Some("rank 0, which runs the store, does not answer"),
                "",
            ),
            (
                1,
                false,
                false,
                vec![dead, fine],
                Some("rank 0 gave no sign"),
                "",
            ),
            (
                0,
                true,
                false,
                vec![fine, trace(100, 39, 5)],
                None,
                "rank 1 is alive but keeps the others waiting, at step 5",
            ),
            (
                0,
                true,
                false,
                vec![trace(100, 39, 6), fine],
                None,
                "rank 0 is alive",
            ),
            (
                0,
                true,
                false,
                vec![fine, fine],
                None,
                "all ranks are alive",
            ),
        ] {
            let scene = Scene {
                own_rank,
                rank_0_runs_store,
                store_lost,
                dead_after: Duration::from_secs(1),
                processes,
            };
            match (scene.silence(), silence) {
                (None, None) => {}
                (Some(told), Some(said)) => assert!(told.contains(said), "{told}"),
                other => panic!("{other:?}"),
            }
            if silence.is_none() {
                assert!(scene.lag().contains(lag), "{}", scene.lag());
            }
        }
    }
}
