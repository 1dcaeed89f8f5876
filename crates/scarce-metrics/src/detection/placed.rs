//! Records of a list sorted onto their images.

use std::ops::Range;

/// A record of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    /// Its index in the list.
    pub index: usize,
    /// Rank of its category's id.
    pub category: usize,
}

/// The records of a list by the rank of their image's id; those of one image in the order of the list.
#[derive(Debug)]
pub(super) struct Placed {
    entries: Vec<Entry>,
    /// Each image's part of the entries.
    parts: Vec<Range<usize>>,
}

impl Placed {
    /// From the ranks of each record's image and category, in the order of the list.
    pub(super) fn new(images: usize, ranks: &[[usize; 2]]) -> Self {
        let mut starts = vec![0; images + 1];
        for [image, _] in ranks {
            starts[image + 1] += 1;
        }
        for image in 0..images {
            starts[image + 1] += starts[image];
        }
        let parts = starts.windows(2).map(|ends| ends[0]..ends[1]).collect();
        let mut entries = vec![Entry::default(); ranks.len()];
        for (index, [image, category]) in ranks.iter().enumerate() {
            entries[starts[*image]] = Entry {
                index,
                category: *category,
            };
            starts[*image] += 1;
        }
        Self { entries, parts }
    }

    /// Of one image, by ascending category; all of one class where categories are set aside.
    pub(super) fn of_image(&self, image: usize, class_agnostic: bool) -> Vec<Entry> {
        let mut entries = self.entries[self.parts[image].clone()].to_vec();
        entries.sort_by_key(|entry| entry.category);
        if class_agnostic {
            for entry in &mut entries {
                entry.category = 0;
            }
        }
        entries
    }
}

/// The categories that either list has, ascending, with their entries of both; the lists are in that order.
pub(super) fn by_category<'a>(
    mut truths: &'a [Entry],
    mut found: &'a [Entry],
) -> impl Iterator<Item = (usize, &'a [Entry], &'a [Entry])> {
    std::iter::from_fn(move || {
        let first = [truths.first(), found.first()];
        let category = first
            .into_iter()
            .flatten()
            .map(|entry| entry.category)
            .min()?;
        let of_truths = split(&mut truths, category);
        Some((category, of_truths, split(&mut found, category)))
    })
}

/// Takes a category's entries off the front.
fn split<'a>(entries: &mut &'a [Entry], category: usize) -> &'a [Entry] {
    let end = entries.partition_point(|entry| entry.category == category);
    let (taken, rest) = entries.split_at(end);
    *entries = rest;
    taken
}
