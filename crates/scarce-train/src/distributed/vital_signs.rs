//! Signs of life: each process writes one into the store at a steady pace and watches the others', on a
//! thread of its own, so that a failed collective can be blamed on someone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::ranks_in_words;
use crate::native::NativeError;
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
            if let Some(report) = self.silence(&seen) {
                break report;
            }
            if Instant::now() >= deadline {
                break self.lag(&seen);
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

    fn silence(&self, seen: &Seen) -> Option<String> {
        if seen.store_lost {
            return Some(if self.watch.rank_0_runs_store {
                "rank 0, which runs the store, has ended: its own output tells why".to_owned()
            } else {
                "the launcher's store has ended: the launcher's output tells why".to_owned()
            });
        }
        let limit = self.watch.pace * SILENT_PACES;
        let own = seen.processes.get(self.watch.rank as usize)?;
        if own.heard_at.elapsed() > limit {
            // Not even our own sign comes through.
            return Some(if self.watch.rank_0_runs_store {
                "rank 0, which runs the store, does not answer".to_owned()
            } else {
                "the launcher's store does not answer".to_owned()
            });
        }
        let silent = self.ranks(seen, |process| process.heard_at.elapsed() > limit);
        let first = seen.processes.get(*silent.first()? as usize)?;
        Some(format!(
            "{} has given no sign of life for {:.1} s, last seen at step {}: it ended, or its machine hangs; its own output tells why",
            ranks_in_words(&silent),
            first.heard_at.elapsed().as_secs_f64(),
            first.step
        ))
    }

    fn lag(&self, seen: &Seen) -> String {
        let furthest = seen.processes.iter().map(|p| p.entered).max().unwrap_or(0);
        let behind = self.ranks(seen, |process| process.entered < furthest);
        let first = behind
            .first()
            .and_then(|rank| seen.processes.get(*rank as usize));
        match first {
            None => "all ranks are alive and at the same point: the call itself failed".to_owned(),
            Some(process) => format!(
                "{} is alive but keeps the others waiting, at step {}: it is slower than the time-out allows, or did not come to a call that the others made",
                ranks_in_words(&behind),
                process.step
            ),
        }
    }

    fn ranks(&self, seen: &Seen, is_meant: impl Fn(&Process) -> bool) -> Vec<u32> {
        let numbered = seen.processes.iter().zip(0..self.watch.world_size);
        numbered
            .filter(|(process, _)| is_meant(process))
            .map(|(_, rank)| rank)
            .collect()
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

fn keep_watch(store: &Store, watch: Watch, shared: &Shared) {
    let mut beat = 0u64;
    loop {
        beat += 1;
        let looked = look_around(store, watch, shared, beat);
        let mut seen = shared.lock();
        if looked.is_err() {
            seen.store_lost = true;
        }
        // Another touch of the store could find it gone, and c10d is loud about that.
        let done = seen.departure == Departure::Told && !watch.keeps_store();
        if looked.is_err() || seen.stop || done {
            seen.ended = true;
            shared.changed.notify_all();
            return;
        }
        shared.changed.notify_all();
        let pace = match seen.departure {
            Departure::Staying => watch.pace,
            Departure::Departing | Departure::Told => watch.pace / 4,
        };
        drop(shared.wait(seen, pace));
    }
}

/// One round: leaves our sign, reads the others', passes on verdicts and departures.
fn look_around(store: &Store, watch: Watch, shared: &Shared, beat: u64) -> Result<(), NativeError> {
    let entered = shared.entered.load(Ordering::Relaxed);
    let step = shared.step.load(Ordering::Relaxed);
    store.set(&sign_key(watch.rank), &format!("{entered} {step} {beat}"))?;
    for rank in 0..watch.world_size {
        let Some(sign) = store.get(&sign_key(rank))? else {
            continue;
        };
        let mut seen = shared.lock();
        let Some(process) = seen.processes.get_mut(rank as usize) else {
            continue;
        };
        if process.sign != sign {
            let mut numbers = sign.split(' ').map(|number| number.parse().unwrap_or(0));
            *process = Process {
                entered: numbers.next().unwrap_or(0),
                step: numbers.next().unwrap_or(0),
                heard_at: Instant::now(),
                sign,
            };
        }
    }
    let known = store.get("verdict")?;
    let (own, departs) = {
        let seen = shared.lock();
        let departs = seen.departure == Departure::Departing;
        (seen.own_verdict.clone(), departs)
    };
    if let (None, Some(own)) = (&known, own) {
        store.set("verdict", &own)?;
    }
    let departures = store.add("departures", i64::from(departs))?;
    let mut seen = shared.lock();
    seen.verdict = known.or(seen.verdict.take());
    seen.departures = departures;
    if departs {
        seen.departure = Departure::Told;
    }
    Ok(())
}

fn sign_key(rank: u32) -> String {
    format!("sign/{rank}")
}
