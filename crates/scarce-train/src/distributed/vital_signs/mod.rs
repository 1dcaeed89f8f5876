//! Signs of life: each process writes one into the store at a steady pace and watches the others', on a
//! thread of its own, so that a failed collective can be blamed on someone.

mod scene;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::scene::{Scene, Trace};
use self::watch::keep_watch;
use crate::native::store::Store;

/// A process that is silent for so many paces is taken for dead.
const SILENT_PACES: u32 = 5;

/// Who watches, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    pub(super) rank: u32,
    pub(super) world_size: u32,
    /// Whether the store depends on rank 0.
    pub(super) rank_0_runs_store: bool,
    /// Between two signs.
    pub(super) pace: Duration,
}

impl Watch {
    /// Whether the store goes with this process.
    fn keeps_store(&self) -> bool {
        self.rank == 0 && self.rank_0_runs_store
    }
}

/// The thread's end that the training holds.
#[derive(Debug)]
pub(super) struct VitalSigns {
    shared: Arc<Shared>,
    watch: Watch,
}

#[derive(Debug)]
struct Shared {
    /// Collectives this process has entered: who lags behind in these is waited for.
    entered: AtomicU64,
    /// The training step, for people.
    step: AtomicU64,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug)]
struct Seen {
    processes: Vec<Process>,
    /// What the first process that gave up said.
    verdict: Option<String>,
    /// What this process wants to be the verdict.
    own_verdict: Option<String>,
    /// How many processes need the store no more.
    departures: i64,
    departure: Departure,
    store_lost: bool,
    stop: bool,
    ended: bool,
}

/// Whether this process still needs the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Departure {
    Staying,
    /// To be told to the others.
    Departing,
    Told,
}

#[derive(Debug, Clone)]
struct Process {
    sign: String,
    entered: u64,
    step: u64,
    heard_at: Instant,
}

impl VitalSigns {
    /// Starts the thread; `store` is a connection for it alone.
    pub(super) fn start(store: Store, watch: Watch) -> std::io::Result<Self> {
        let silent = Process {
            sign: String::new(),
            entered: 0,
            step: 0,
            heard_at: Instant::now(),
        };
        let shared = Arc::new(Shared {
            entered: AtomicU64::new(0),
            step: AtomicU64::new(0),
            seen: Mutex::new(Seen {
                processes: vec![silent; watch.world_size as usize],
                verdict: None,
                own_verdict: None,
                departures: 0,
                departure: Departure::Staying,
                store_lost: false,
                stop: false,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("vital signs".to_owned())
            .spawn(move || keep_watch(&store, watch, &of_thread))?;
        Ok(Self { shared, watch })
    }

    /// This process enters a collective.
    pub(super) fn enter(&self) {
        self.shared.entered.fetch_add(1, Ordering::Relaxed);
    }

    /// This process begins a step.
    pub(super) fn at_step(&self, step: u64) {
        self.shared.step.store(step, Ordering::Relaxed);
    }

    /// Who made a collective fail. Takes some paces, since silence takes time to notice; makes the
    /// finding known to the others, and lets them read it before a store of our own goes.
    pub(super) fn blame(&self) -> String {
        let deadline = Instant::now() + self.watch.pace * (SILENT_PACES + 3);
        let mut seen = self.shared.lock();
        let report = loop {
            if let Some(verdict) = &seen.verdict {
                break verdict.clone();
            }
            let scene = self.scene(&seen);
            if let Some(report) = scene.silence() {
                break report;
            }
            if Instant::now() >= deadline {
                break scene.lag();
            }
            seen = self.shared.wait(seen, self.watch.pace / 2);
        };
        drop(seen);
        self.tell(&report);
        report
    }

    /// Makes `verdict` known to the others, unless one is known already.
    pub(super) fn tell(&self, verdict: &str) {
        {
            let mut seen = self.shared.lock();
            if seen.departure != Departure::Staying {
                return;
            }
            seen.own_verdict = Some(verdict.to_owned());
        }
        self.depart(self.watch.pace * (SILENT_PACES + 3));
    }

    /// Says that this process needs the store no more, and waits until all have said so if the store
    /// depends on it.
    pub(super) fn depart(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let keeps_store = self.watch.keeps_store();
        let mut seen = self.shared.lock();
        if seen.departure == Departure::Staying {
            seen.departure = Departure::Departing;
        }
        self.shared.changed.notify_all();
        while Instant::now() < deadline && !seen.store_lost && !seen.ended {
            let all = i64::from(self.watch.world_size);
            if seen.departure == Departure::Told && (!keeps_store || seen.departures >= all) {
                break;
            }
            seen = self.shared.wait(seen, Duration::from_millis(20));
        }
    }
}

impl VitalSigns {
    fn scene(&self, seen: &Seen) -> Scene {
        let processes = seen.processes.iter().map(|process| Trace {
            silent_for: process.heard_at.elapsed(),
            entered: process.entered,
            step: process.step,
        });
        Scene {
            own_rank: self.watch.rank,
            rank_0_runs_store: self.watch.rank_0_runs_store,
            store_lost: seen.store_lost,
            dead_after: self.watch.pace * SILENT_PACES,
            processes: processes.collect(),
        }
    }
}

impl Drop for VitalSigns {
    fn drop(&mut self) {
        let mut seen = self.shared.lock();
        seen.stop = true;
        self.shared.changed.notify_all();
        // Not joined: a store on a machine that hangs would keep the thread, and with it us.
        let deadline = Instant::now() + self.watch.pace * 2;
        while !seen.ended && Instant::now() < deadline {
            seen = self.shared.wait(seen, Duration::from_millis(20));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, seen: MutexGuard<'a, Seen>, time: Duration) -> MutexGuard<'a, Seen> {
        let waited = self.changed.wait_timeout(seen, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
