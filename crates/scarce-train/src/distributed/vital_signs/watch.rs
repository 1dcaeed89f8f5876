//! The thread that writes this process's signs and reads the others'.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Departure, Process, Shared, Watch};
use crate::native::NativeError;
use crate::native::store::Store;

/// Until told to stop, or the store is lost.
pub(super) fn keep_watch(store: &Store, watch: Watch, shared: &Shared) {
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
