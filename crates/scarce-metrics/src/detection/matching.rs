//! Which detection finds which object, image by image.

use super::options::AreaRange;

/// pycocotools asks for no more than this, so that an overlap of 1 that was rounded down still counts.
const HIGHEST_THRESHOLD: f64 = 1.0 - 1e-10;

/// What became of a detection in one range of area, a bit for each threshold. Neither bit: a false positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// It found an object that counts.
    pub hit: u64,
    /// It counts neither way: it found a crowd or an object out of the range, or found nothing and is itself out of
    /// it.
    pub ignored: u64,
}

/// An object, as far as matching goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    /// Square pixels.
    pub area: f64,
    /// Whether it stands for a group.
    pub crowd: bool,
}

/// The overlap below which nothing is matched at any threshold.
pub(super) fn least_overlap(thresholds: &[f64]) -> f64 {
    thresholds.iter().fold(HIGHEST_THRESHOLD, |a, b| a.min(*b))
}

/// Detections of an image, the surest first, over its objects.
pub(super) struct Group<'a> {
    /// Areas of the detections.
    pub detection_areas: &'a [f64],
    /// The objects, in the file's order.
    pub truths: &'a [Truth],
    /// Of each detection with each object, a row for each detection.
    pub ious: &'a [f64],
}

impl Group<'_> {
    /// The outcome of each detection in a range of area, and how many objects count there.
    ///
    /// The surest detection chooses first: of the objects not yet found, the one it overlaps most with, the later of
    /// two alike, if that is as much as the threshold. Objects that don't count are chosen only if none that counts will do, and
    /// crowds may be chosen by many.
    pub(super) fn outcomes(&self, thresholds: &[f64], range: &AreaRange) -> (Vec<Outcome>, u32) {
        let outside = |area: f64| area < range.low || area > range.high;
        let ignored: Vec<bool> = self
            .truths
            .iter()
            .map(|t| t.crowd || outside(t.area))
            .collect();
        let counted = ignored.iter().filter(|ignored| !**ignored).count() as u32;
        let mut order: Vec<usize> = (0..ignored.len()).collect();
        order.sort_by_key(|truth| ignored[*truth]);

        let all = u64::MAX >> (64 - thresholds.len());
        let mut outcomes: Vec<Outcome> = self
            .detection_areas
            .iter()
            .map(|area| Outcome {
                hit: 0,
                ignored: if outside(*area) { all } else { 0 },
            })
            .collect();
        let least = least_overlap(thresholds);
        let contenders: Vec<usize> = (0..outcomes.len())
            .filter(|detection| self.row(*detection).iter().any(|iou| *iou >= least))
            .collect();
        let mut found = vec![false; ignored.len()];
        for (bit, threshold) in thresholds.iter().enumerate() {
            found.fill(false);
            for detection in &contenders {
                let free = order
                    .iter()
                    .copied()
                    .filter(|t| !found[*t] || self.truths[*t].crowd);
                let Some(truth) = best(self.row(*detection), free, &ignored, *threshold) else {
                    continue;
                };
                found[truth] = true;
                let (outcome, bit) = (&mut outcomes[*detection], 1 << bit);
                if ignored[truth] {
                    outcome.ignored |= bit;
                } else {
                    outcome.hit |= bit;
                    outcome.ignored &= !bit;
                }
            }
        }
        (outcomes, counted)
    }

    fn row(&self, detection: usize) -> &[f64] {
        let n = self.truths.len();
        &self.ious[detection * n..(detection + 1) * n]
    }
}

/// The object that overlaps most, of `free` ones with those that count first.
fn best(
    ious: &[f64],
    free: impl Iterator<Item = usize>,
    ignored: &[bool],
    threshold: f64,
) -> Option<usize> {
    let mut least = threshold.min(HIGHEST_THRESHOLD);
    let mut best: Option<usize> = None;
    for truth in free {
        if best.is_some_and(|best| !ignored[best]) && ignored[truth] {
            break;
        }
        if ious[truth] >= least {
            least = ious[truth];
            best = Some(truth);
        }
    }
    best
}
