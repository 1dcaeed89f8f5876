//! Precision over recall of one category and range of area.

use super::matching::Outcome;

/// Points of recall at which precision is read: 0, 0.01, …, 1, NumPy's `linspace(0, 1, 101)`.
pub(super) const RECALLS: usize = 101;

/// The `k`-th of them.
fn recall_threshold(k: usize) -> f64 {
    // The last is 1 · exactly, not the nearest multiple of the step.
    if k + 1 == RECALLS {
        1.0
    } else {
        k as f64 * 0.01
    }
}

/// A detection that found an object.
#[derive(Debug, Clone, Copy)]
struct Hit {
    /// Its place among the detections that count.
    at: u32,
    /// Its place among its image's, the surest first.
    rank: u32,
}

/// All that is needed to draw the curves at all thresholds, for the images as they are or with multiplicities.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    /// Image of each detection that counts at some threshold, the surest first.
    images: Vec<u32>,
    /// By threshold.
    hits: Vec<Vec<Hit>>,
    /// By threshold: those that don't count at this one.
    passed_over: Vec<Vec<u32>>,
    /// Images with objects that count, and how many.
    truths: Vec<(u32, u32)>,
}

/// A detection in the order of falling score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked {
    /// The image it is on.
    pub image: u32,
    /// Its place among its image's of the category.
    pub rank: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// The figures of a curve under given multiplicities.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Points {
    /// Average precision by threshold.
    pub average_precision: Vec<f64>,
    /// Recall by threshold, for each limit on the rank.
    pub recalls: Vec<Vec<f64>>,
}

impl Curve {
    /// From detections in the order of falling score.
    pub(super) fn new(
        thresholds: usize,
        ranked: impl Iterator<Item = Ranked>,
        truths: Vec<(u32, u32)>,
    ) -> Self {
        let mut curve = Self {
            images: Vec::new(),
            hits: vec![Vec::new(); thresholds],
            passed_over: vec![Vec::new(); thresholds],
            truths,
        };
        let all = u64::MAX >> (64 - thresholds);
        for Ranked {
            image,
            rank,
            outcome,
        } in ranked
        {
            if outcome.ignored == all {
                continue;
            }
            let at = curve.images.len() as u32;
            curve.images.push(image);
            for threshold in bits(outcome.hit) {
                curve.hits[threshold].push(Hit { at, rank });
            }
            for threshold in bits(outcome.ignored) {
                curve.passed_over[threshold].push(at);
            }
        }
        curve
    }

    /// Objects that count, under the images' multiplicities.
    pub(super) fn truths(&self, multiplicities: &[u32]) -> u64 {
        self.truths
            .iter()
            .map(|(image, n)| u64::from(*n) * u64::from(multiplicities[*image as usize]))
            .sum()
    }

    /// Average precision and recall; none where there is no object. `seen` is scratch space.
    pub(super) fn points(
        &self,
        multiplicities: &[u32],
        rank_limits: &[usize],
        seen: &mut Vec<u64>,
    ) -> Option<Points> {
        let truths = self.truths(multiplicities);
        if truths == 0 {
            return None;
        }
        self.count(multiplicities, seen);
        let mut ladder = Vec::new();
        let average_precision = (0..self.hits.len())
            .map(|threshold| {
                self.climb(threshold, multiplicities, seen, &mut ladder);
                let sum: f64 = interpolated(&ladder, truths).sum();
                sum / RECALLS as f64
            })
            .collect();
        let weight = |hit: &Hit| u64::from(multiplicities[self.images[hit.at as usize] as usize]);
        let recalls = rank_limits
            .iter()
            .map(|limit| {
                let found = |hits: &Vec<Hit>| -> u64 {
                    let within = hits.iter().filter(|hit| (hit.rank as usize) < *limit);
                    within.map(weight).sum()
                };
                let recall = |hits: &Vec<Hit>| found(hits) as f64 / truths as f64;
                self.hits.iter().map(recall).collect()
            })
            .collect();
        Some(Points {
            average_precision,
            recalls,
        })
    }

    /// Interpolated precision at the points of recall; none where there is no object.
    pub(super) fn precision(&self, threshold: usize, multiplicities: &[u32]) -> Option<Vec<f64>> {
        let truths = self.truths(multiplicities);
        let (mut seen, mut ladder) = (Vec::new(), Vec::new());
        self.count(multiplicities, &mut seen);
        self.climb(threshold, multiplicities, &seen, &mut ladder);
        (truths > 0).then(|| interpolated(&ladder, truths).collect())
    }

    /// How many detections there are up to each.
    fn count(&self, multiplicities: &[u32], seen: &mut Vec<u64>) {
        seen.clear();
        seen.extend(self.images.iter().scan(0, |sum, image| {
            *sum += u64::from(multiplicities[*image as usize]);
            Some(*sum)
        }));
    }

    /// At each hit, how many there are up to it, and the best precision from it on.
    fn climb(
        &self,
        threshold: usize,
        multiplicities: &[u32],
        seen: &[u64],
        ladder: &mut Vec<(u64, f64)>,
    ) {
        ladder.clear();
        let weight = |at: u32| u64::from(multiplicities[self.images[at as usize] as usize]);
        let mut passed_over = self.passed_over[threshold].iter().peekable();
        let (mut hits, mut uncounted) = (0, 0);
        for hit in &self.hits[threshold] {
            while let Some(at) = passed_over.next_if(|at| **at < hit.at) {
                uncounted += weight(*at);
            }
            hits += weight(hit.at);
            let counted = seen[hit.at as usize] - uncounted;
            if counted > 0 {
                ladder.push((hits, hits as f64 / counted as f64));
            }
        }
        let mut best = 0.0f64;
        for (_, precision) in ladder.iter_mut().rev() {
            best = best.max(*precision);
            *precision = best;
        }
    }
}

/// Precision at the points of recall: the best from the first hit on that reaches it; 0 beyond the last.
fn interpolated(ladder: &[(u64, f64)], truths: u64) -> impl Iterator<Item = f64> {
    let mut rest = ladder;
    (0..RECALLS).map(move |k| {
        while let [(hits, _), higher @ ..] = rest
            && (*hits as f64 / truths as f64) < recall_threshold(k)
        {
            rest = higher;
        }
        rest.first().map_or(0.0, |(_, precision)| *precision)
    })
}

fn bits(mut of: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (of != 0).then(|| of.trailing_zeros() as usize);
        of &= of.wrapping_sub(1);
        bit
    })
}
