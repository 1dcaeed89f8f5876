//! Several localizers at work side by side.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::slices::{PictureHeat, PictureLocalizer};
use crate::{LocalizeError, ModelRecord, picture::Picture};

/// Localizers of one kind, one a worker: an ONNX session runs one inference at a time.
///
/// Each item is dealt to the next worker that is free, and answers come in the items' order. As a localizer's answer depends on
/// its input alone, any number of workers gives the same ones. Memory grows by a set of models a worker; sessions that compute on
/// one thread each ([`SessionOptions`](crate::onnx::SessionOptions)) use cores best.
pub struct Pool<L> {
    workers: Vec<L>,
}

impl<L: Send> Pool<L> {
    /// `workers` localizers, at least one, made one after the other.
    ///
    /// # Errors
    /// The first that cannot be made.
    pub fn new<E>(workers: usize, make: impl FnMut() -> Result<L, E>) -> Result<Self, E> {
        let workers = std::iter::repeat_with(make)
            .take(workers.max(1))
            .collect::<Result<_, E>>()?;
        Ok(Self { workers })
    }

    /// How many there are.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// `work` on each item, by whichever worker is free; answers in the items' order.
    pub fn map<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        work: impl Fn(&mut L, &T) -> R + Sync,
    ) -> Vec<R> {
        let next = AtomicUsize::new(0);
        let (next, work) = (&next, &work);
        let mut answers: Vec<(usize, R)> = thread::scope(|scope| {
            let threads: Vec<_> = (self.workers.iter_mut())
                .map(|worker| {
                    scope.spawn(move || {
                        let mut answers = Vec::new();
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            let Some(item) = items.get(at) else {
                                return answers;
                            };
                            answers.push((at, work(worker, item)));
                        }
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        answers.sort_unstable_by_key(|(at, _)| *at);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

impl<L: PictureLocalizer + Send> PictureLocalizer for Pool<L> {
    fn heat(&mut self, picture: &Picture, prompt: &str) -> Result<PictureHeat, LocalizeError> {
        self.workers[0].heat(picture, prompt)
    }

    fn heats(
        &mut self,
        pictures: &[Picture],
        prompt: &str,
    ) -> Result<Vec<PictureHeat>, LocalizeError> {
        self.map(pictures, |worker, picture| worker.heat(picture, prompt))
            .into_iter()
            .collect()
    }

    fn name(&self) -> &'static str {
        self.workers[0].name()
    }

    fn models(&self) -> Vec<ModelRecord> {
        self.workers[0].models()
    }

    fn settings(&self) -> std::collections::BTreeMap<String, serde_json::Value> {
        self.workers[0].settings()
    }
}
