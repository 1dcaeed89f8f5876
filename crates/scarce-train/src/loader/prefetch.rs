//! Worker threads that stay some batches ahead of the trainer.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use scarce_image::Seed;

use super::{
    Batch, DataWait, DrawnSample, LoaderConfig, LoaderError, LoaderStats, Sample, SampleContext,
    Sampler, Shard, Source,
};
use crate::StepContext;

/// Hands over the batches of a run, read ahead by worker threads.
///
/// Dropping it stops the workers once they are done with the sample at hand.
pub struct Loader {
    source: Arc<dyn Source>,
    sampler: Sampler,
    seed: Seed,
    config: LoaderConfig,
    pool: Option<Pool>,
    /// Nothing from this step on is read ahead.
    until: u64,
    started: Option<Instant>,
    stats: LoaderStats,
    waited: DataWait,
    reading: DataWait,
}

impl Loader {
    /// A loader of what `sampler` names of `source`. Threads start with the first batch.
    ///
    /// # Errors
    /// [`LoaderError::Setting`] for a sampler of more samples than the source has;
    /// [`LoaderError::Twice`].
    pub fn new(
        source: impl Source + 'static,
        sampler: Sampler,
        seed: Seed,
        config: LoaderConfig,
    ) -> Result<Self, LoaderError> {
        if sampler.needs_samples() > source.len() {
            return Err(LoaderError::Setting {
                name: "samples",
                expected: format!("at most the source's {}", source.len()),
                got: sampler.needs_samples().to_string(),
            });
        }
        let mut ids: Vec<String> = (0..source.len()).map(|index| source.id(index)).collect();
        ids.sort_unstable();
        if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            let id = pair[0].clone();
            return Err(LoaderError::Twice { id });
        }
        Ok(Self {
            source: Arc::new(source),
            sampler,
            seed,
            config,
            pool: None,
            until: u64::MAX,
            started: None,
            stats: LoaderStats::default(),
            waited: DataWait::default(),
            reading: DataWait::default(),
        })
    }

    /// Sets the run's number of steps: nothing beyond is read ahead.
    #[must_use]
    pub fn until(mut self, steps: u64) -> Self {
        self.until = steps;
        self
    }

    /// What names the samples.
    pub fn sampler(&self) -> &Sampler {
        &self.sampler
    }

    /// The batch of `step`. Asked for step after step it comes from the queue; any other step, such as the
    /// first of a resumed run, starts the queue there, and nothing before it is read.
    ///
    /// # Errors
    /// [`LoaderError::Sample`] and [`LoaderError::Panicked`] for the batch's first sample that failed,
    /// [`LoaderError::Uneven`], [`LoaderError::Spawn`].
    pub fn batch(&mut self, step: u64) -> Result<Batch, LoaderError> {
        let asked = Instant::now();
        self.started.get_or_insert(asked);
        let batch = self.take(step);
        self.waited.add(asked.elapsed());
        let batch = batch?;
        self.stats.batches += 1;
        self.stats.samples += batch.samples.len() as u64;
        Ok(batch)
    }

    /// The batch of the loop's step, by the loop's seed and with nothing beyond its last step read ahead: what a
    /// [`crate::Task`] calls for its loss.
    ///
    /// # Errors
    /// As [`Self::batch`].
    pub fn batch_for(&mut self, context: &StepContext) -> Result<Batch, LoaderError> {
        if self.seed != context.seed {
            self.seed = context.seed;
            self.pool = None;
        }
        self.until = context.total_steps;
        self.batch(context.step)
    }

    /// From the next batch on, leaves this process its part of every one ([`Sampler::sharded`]).
    ///
    /// # Errors
    /// [`LoaderError::Setting`] for a rank beyond the last.
    pub fn set_shard(&mut self, shard: Shard) -> Result<(), LoaderError> {
        if self.sampler.shard() != shard {
            self.sampler = self.sampler.clone().sharded(shard)?;
            self.pool = None;
        }
        Ok(())
    }

    /// The batches of `steps`, with nothing beyond read ahead. An iteration that is left early leaves the
    /// rest of the queue for the next.
    pub fn batches(&mut self, steps: Range<u64>) -> Batches<'_> {
        self.until = steps.end;
        Batches {
            loader: self,
            steps,
        }
    }

    /// The batches of `epoch`.
    pub fn epoch(&mut self, epoch: u64) -> Batches<'_> {
        let steps = self.sampler.steps_of_epoch(epoch);
        self.batches(steps)
    }

    /// What has been done so far.
    pub fn stats(&self) -> LoaderStats {
        LoaderStats {
            wait_s: self.waited.seconds(),
            total_s: self.started.map_or(0.0, |t| t.elapsed().as_secs_f64()),
            read_s: self.reading.seconds(),
            ..self.stats
        }
    }

    /// The time spent waiting for batches, for who shows it while the run goes on.
    pub fn data_wait(&self) -> DataWait {
        self.waited.clone()
    }

    fn take(&mut self, step: u64) -> Result<Batch, LoaderError> {
        if self.config.workers == 0 {
            let assembly = self.plan(step);
            let read = (0..assembly.samples.len()).map(|place| assembly.read(place));
            return Batch::stack(
                step,
                assembly.samples.clone(),
                read.collect::<Result<_, _>>()?,
            );
        }
        let mut pool = match self.pool.take() {
            Some(pool) if pool.next == step => pool,
            // The old one's threads are joined before new ones start.
            old => {
                drop(old);
                Pool::start(self.config.workers, step)?
            }
        };
        let ahead = self.config.prefetch_batches.max(1) as u64;
        let end = step
            .saturating_add(ahead.saturating_add(1))
            .min(self.until.max(step + 1));
        while pool.planned < end {
            let assembly = Arc::new(self.plan(pool.planned));
            pool.submit(assembly)?;
        }
        let batch = pool.wait_for(step)?;
        pool.next = step + 1;
        self.pool = Some(pool);
        batch
    }

    fn plan(&mut self, step: u64) -> Assembly {
        let draws = self.sampler.batch(step, self.seed);
        let samples: Vec<DrawnSample> = draws
            .into_iter()
            .map(|draw| DrawnSample {
                draw,
                id: self.source.id(draw.index),
            })
            .collect();
        Assembly {
            step,
            seed: self.seed,
            source: Arc::clone(&self.source),
            reading: self.reading.clone(),
            left: AtomicUsize::new(samples.len()),
            read: Mutex::new(samples.iter().map(|_| None).collect()),
            samples,
        }
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader")
            .field("sampler", &self.sampler)
            .field("seed", &self.seed)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// The batches of a range of steps, in order; ends after the first error.
#[derive(Debug)]
pub struct Batches<'a> {
    loader: &'a mut Loader,
    steps: Range<u64>,
}

impl Iterator for Batches<'_> {
    type Item = Result<Batch, LoaderError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.loader.batch(self.steps.next()?);
        if batch.is_err() {
            self.steps.start = self.steps.end;
        }
        Some(batch)
    }
}

/// A batch in the making.
struct Assembly {
    step: u64,
    seed: Seed,
    source: Arc<dyn Source>,
    reading: DataWait,
    samples: Vec<DrawnSample>,
    read: Mutex<Vec<Option<Result<Sample, LoaderError>>>>,
    left: AtomicUsize,
}

impl Assembly {
    /// Reads the sample at `place`; a panic becomes an error, or the trainer would wait for ever.
    fn read(&self, place: usize) -> Result<Sample, LoaderError> {
        let DrawnSample { draw, id } = &self.samples[place];
        let context = SampleContext {
            seed: self.seed,
            id,
            epoch: draw.epoch,
            step: self.step,
            place: draw.place,
        };
        let started = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| {
            self.source.sample(draw.index, &context)
        }));
        self.reading.add(started.elapsed());
        let id = || id.clone();
        match read {
            Ok(Ok(sample)) => Ok(sample),
            Ok(Err(source)) => Err(LoaderError::Sample { id: id(), source }),
            Err(panic) => Err(LoaderError::Panicked {
                id: id(),
                message: panic_message(&*panic),
            }),
        }
    }

    /// Reads the sample at `place`; who reads the last one stacks the batch.
    fn read_and_stack(&self, place: usize) -> Option<Result<Batch, LoaderError>> {
        let sample = self.read(place);
        self.read.lock().unwrap_or_else(PoisonError::into_inner)[place] = Some(sample);
        if self.left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let samples: Result<Vec<Sample>, LoaderError> = read.drain(..).flatten().collect();
        Some(samples.and_then(|read| Batch::stack(self.step, self.samples.clone(), read)))
    }
}

type Finished = (u64, Result<Batch, LoaderError>);

/// Threads, and the batches they are at. Both channels are unbounded; what bounds them is that no more
/// batches are planned than are to be kept ready.
struct Pool {
    jobs: Option<Sender<(Arc<Assembly>, usize)>>,
    finished: Receiver<Finished>,
    /// Batches that were finished before their turn.
    early: BTreeMap<u64, Result<Batch, LoaderError>>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    next: u64,
    planned: u64,
}

impl Pool {
    fn start(workers: usize, step: u64) -> Result<Self, LoaderError> {
        let (jobs, waiting) = unbounded();
        let (done, finished) = unbounded();
        let mut pool = Self {
            jobs: Some(jobs),
            finished,
            early: BTreeMap::new(),
            threads: Vec::with_capacity(workers),
            stop: Arc::default(),
            next: step,
            planned: step,
        };
        for worker in 0..workers {
            let (waiting, done) = (waiting.clone(), done.clone());
            let stop = Arc::clone(&pool.stop);
            let thread = thread::Builder::new()
                .name(format!("loader-{worker}"))
                .spawn(move || work(&waiting, &done, &stop))
                .map_err(LoaderError::Spawn)?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }

    fn submit(&mut self, assembly: Arc<Assembly>) -> Result<(), LoaderError> {
        let step = assembly.step;
        self.planned = step + 1;
        if assembly.samples.is_empty() {
            self.early.insert(step, Batch::stack(step, vec![], vec![]));
            return Ok(());
        }
        let jobs = self.jobs.as_ref().ok_or(LoaderError::WorkersGone)?;
        for place in 0..assembly.samples.len() {
            jobs.send((Arc::clone(&assembly), place))
                .map_err(|_| LoaderError::WorkersGone)?;
        }
        Ok(())
    }

    /// The outer error is the pool's, the inner the batch's.
    fn wait_for(&mut self, step: u64) -> Result<Result<Batch, LoaderError>, LoaderError> {
        loop {
            if let Some(batch) = self.early.remove(&step) {
                return Ok(batch);
            }
            let (step, batch) = self.finished.recv().map_err(|_| LoaderError::WorkersGone)?;
            self.early.insert(step, batch);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Without a sender the workers' waiting ends.
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A worker catches its source's panics; there is nothing else to tell.
            let _ = thread.join();
        }
    }
}

fn work(jobs: &Receiver<(Arc<Assembly>, usize)>, done: &Sender<Finished>, stop: &AtomicBool) {
    for (assembly, place) in jobs {
        if stop.load(Ordering::Acquire) {
            return;
        }
        if let Some(batch) = assembly.read_and_stack(place)
            && done.send((assembly.step, batch)).is_err()
        {
            return;
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    if let Some(message) = panic.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = panic.downcast_ref::<String>() {
        message.clone()
    } else {
        "no message".to_owned()
    }
}
