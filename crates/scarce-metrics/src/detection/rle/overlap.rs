//! What two masks share, run by run.

use super::{Rle, RleError};

impl Rle {
    /// Pixels inside both.
    ///
    /// # Errors
    /// [`RleError::Sizes`].
    pub fn overlap_area(&self, other: &Self) -> Result<u32, RleError> {
        self.require_size_of(other)?;
        Ok(self.shared_pixels(other))
    }

    /// Intersection over union; over this mask's own area where `reference` is a crowd. 0 where nothing is shared, be it
    /// that both are empty (pycocotools).
    ///
    /// # Errors
    /// [`RleError::Sizes`].
    pub fn iou(&self, reference: &Self, crowd: bool) -> Result<f64, RleError> {
        self.require_size_of(reference)?;
        let areas = [self.area(), reference.area()];
        Ok(share(self.shared_pixels(reference), areas, crowd))
    }

    /// Pixels inside either.
    ///
    /// # Errors
    /// [`RleError::Sizes`].
    pub fn union(&self, other: &Self) -> Result<Self, RleError> {
        self.combined(other, |a, b| a || b)
    }

    /// Pixels inside both.
    ///
    /// # Errors
    /// [`RleError::Sizes`].
    pub fn intersection(&self, other: &Self) -> Result<Self, RleError> {
        self.combined(other, |a, b| a && b)
    }

    fn require_size_of(&self, other: &Self) -> Result<(), RleError> {
        if self.size_yx == other.size_yx {
            return Ok(());
        }
        Err(RleError::Sizes {
            a_yx: self.size_yx,
            b_yx: other.size_yx,
        })
    }

    /// Of two masks of one size.
    pub(in crate::detection) fn shared_pixels(&self, other: &Self) -> u32 {
        let (mut a, mut b) = (self.runs(), other.runs());
        let mut shared = 0;
        while let ([[a_start, a_end], a_rest @ ..], [[b_start, b_end], b_rest @ ..]) = (a, b) {
            let start = (*a_start).max(*b_start);
            let end = (*a_end).min(*b_end);
            shared += end.saturating_sub(start);
            if a_end < b_end {
                a = a_rest;
            } else {
                b = b_rest;
            }
        }
        shared
    }

    fn combined(&self, other: &Self, inside: fn(bool, bool) -> bool) -> Result<Self, RleError> {
        self.require_size_of(other)?;
        let total = self.ends.last().copied().unwrap_or_default();
        let (mut a, mut b) = (&self.ends[..], &other.ends[..]);
        let (mut in_a, mut in_b, mut within) = (false, false, false);
        let mut toggles = Vec::with_capacity(a.len() + b.len());
        while let Some(at) = a.first().into_iter().chain(b.first()).min().copied() {
            while let [end, rest @ ..] = a
                && *end == at
            {
                (a, in_a) = (rest, !in_a);
            }
            while let [end, rest @ ..] = b
                && *end == at
            {
                (b, in_b) = (rest, !in_b);
            }
            if at < total && inside(in_a, in_b) != within {
                within = !within;
                toggles.push(at);
            }
        }
        Ok(Self::from_toggles(self.size_yx, total, toggles.into_iter()))
    }
}

/// Intersection over union from pixel counts: of the two areas the first is the detection's, by which alone a crowd's share
/// goes.
pub(in crate::detection) fn share(shared: u32, areas: [u32; 2], crowd: bool) -> f64 {
    if shared == 0 {
        return 0.0;
    }
    let [detection, reference] = areas.map(u64::from);
    let whole = if crowd {
        detection
    } else {
        detection + reference - u64::from(shared)
    };
    f64::from(shared) / whole as f64
}
