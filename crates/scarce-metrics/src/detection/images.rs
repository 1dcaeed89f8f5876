//! Each image matched on its own, in parallel.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::coco::{CocoDataset, CocoDetection, Segmentation};
use super::matching::{Group, Outcome, Truth, least_overlap};
use super::placed::{Entry, Placed, by_category};
use super::region::{Region, Size};
use super::{CocoError, DetectionArea, DetectionOptions};

/// A detection that was matched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored {
    /// The surer, the higher.
    pub score: f64,
    /// Rank of its image's id.
    pub image: u32,
    /// Rank of its category's id; 0 where categories are set aside.
    pub category: u32,
    /// Its place among its image's of the category, the surest first.
    pub rank: u32,
}

/// All images' matches, by ascending image id.
#[derive(Debug, Default)]
pub(super) struct Matches {
    /// The detections, an image's of one category together and the surest first.
    pub scored: Vec<Scored>,
    /// What became of them in each range of area, one detection's together.
    pub outcomes: Vec<Outcome>,
    /// Rank of image and category.
    pub groups: Vec<[u32; 2]>,
    /// Objects that count in each group in each range of area, one group's together.
    pub counted: Vec<u32>,
}

impl Matches {
    /// Checks and matches everything.
    pub(super) fn new<R: Region>(
        dataset: &CocoDataset,
        detections: &[CocoDetection],
        options: &DetectionOptions,
    ) -> Result<Self, CocoError> {
        let (images, categories) = (dataset.image_ids(), dataset.category_ids());
        let mut annotation_ranks = Vec::with_capacity(dataset.annotations().len());
        for (index, annotation) in dataset.annotations().iter().enumerate() {
            let at = annotation.record(index);
            let image = images.image(annotation.image_id, at)?;
            annotation_ranks.push([image, categories.category(annotation.category_id, at)?]);
        }
        let mut detection_ranks = Vec::with_capacity(detections.len());
        for (index, detection) in detections.iter().enumerate() {
            detection.check(index)?;
            let at = detection.record(index);
            let image = images.image(detection.image_id, at)?;
            detection_ranks.push([image, categories.category(detection.category_id, at)?]);
        }
        let work = Work {
            dataset,
            detections,
            options,
            annotations_of: Placed::new(dataset.images().len(), &annotation_ranks),
            detections_of: Placed::new(dataset.images().len(), &detection_ranks),
        };
        work.all::<R>()
    }

    fn append(&mut self, mut other: Self) {
        self.scored.append(&mut other.scored);
        self.outcomes.append(&mut other.outcomes);
        self.groups.append(&mut other.groups);
        self.counted.append(&mut other.counted);
    }
}

struct Work<'a> {
    dataset: &'a CocoDataset,
    detections: &'a [CocoDetection],
    options: &'a DetectionOptions,
    annotations_of: Placed,
    detections_of: Placed,
}

impl Work<'_> {
    fn all<R: Region>(&self) -> Result<Matches, CocoError> {
        let places: Vec<usize> = self.dataset.image_ids().places().collect();
        let matched: Vec<Result<Matches, CocoError>> = places
            .par_iter()
            .enumerate()
            .map(|(image, place)| self.image::<R>(image, *place))
            .collect();
        let mut all = Matches::default();
        for of_image in matched {
            all.append(of_image?);
        }
        Ok(all)
    }

    /// Matches one image: its rank by id, and its place in the list.
    fn image<R: Region>(&self, image: usize, place: usize) -> Result<Matches, CocoError> {
        let agnostic = self.options.class_agnostic;
        let truths = self.annotations_of.of_image(image, agnostic);
        let mut found = self.detections_of.of_image(image, agnostic);
        let score = |entry: &Entry| self.detections[entry.index].score;
        // Stable: of equal scores the earlier in the list counts as the surer.
        found.sort_by(|a, b| {
            let by_score = || score(b).partial_cmp(&score(a));
            let by_category = a.category.cmp(&b.category);
            by_category.then_with(|| by_score().unwrap_or(Ordering::Equal))
        });
        let size_yx = self.size(place, &truths, &found);
        let mut matches = Matches::default();
        for (category, truths, found) in by_category(&truths, &found) {
            let group = [image as u32, category as u32];
            self.group::<R>(group, truths, found, size_yx, &mut matches)?;
        }
        Ok(matches)
    }

    /// An image's own size, or else that of the first mask on it.
    fn size(&self, place: usize, truths: &[Entry], found: &[Entry]) -> Size {
        let image = &self.dataset.images()[place];
        if let (Some(height), Some(width)) = (image.height, image.width) {
            return Some([height, width]);
        }
        let truths = truths
            .iter()
            .map(|entry| &self.dataset.annotations()[entry.index].segmentation);
        let found = found
            .iter()
            .map(|entry| &self.detections[entry.index].segmentation);
        truths.chain(found).find_map(|outline| match outline {
            Some(Segmentation::Encoded(mask)) => Some(mask.size_yx),
            _ => None,
        })
    }

    /// Matches one category on one image.
    fn group<R: Region>(
        &self,
        [image, category]: [u32; 2],
        truths: &[Entry],
        found: &[Entry],
        size_yx: Size,
        matches: &mut Matches,
    ) -> Result<(), CocoError> {
        let options = self.options;
        let annotations = self.dataset.annotations();
        let most = options.max_detections.last().copied().unwrap_or_default();
        let found = &found[..found.len().min(most)];
        let mut regions = Vec::with_capacity(truths.len());
        let mut objects = Vec::with_capacity(truths.len());
        for Entry { index, .. } in truths {
            let annotation = &annotations[*index];
            let region = R::of_annotation(annotation, annotation.record(*index), size_yx)?;
            objects.push(Truth {
                area: annotation.area.unwrap_or_else(|| region.area()),
                crowd: annotation.iscrowd,
            });
            regions.push(region);
        }
        let least = least_overlap(&options.iou_thresholds);
        let mut detection_areas = Vec::with_capacity(found.len());
        let mut ious = Vec::with_capacity(found.len() * truths.len());
        for (rank, Entry { index, .. }) in found.iter().enumerate() {
            let detection = &self.detections[*index];
            let region = R::of_detection(detection, detection.record(*index), size_yx)?;
            detection_areas.push(match (options.detection_area, detection.bbox) {
                (DetectionArea::Box, Some([_, _, width, height])) => width * height,
                _ => region.area(),
            });
            let overlaps = regions.iter().zip(&objects);
            ious.extend(overlaps.map(|(truth, object)| region.iou(truth, object.crowd, least)));
            matches.scored.push(Scored {
                score: detection.score,
                image,
                category,
                rank: rank as u32,
            });
        }
        let group = Group {
            detection_areas: &detection_areas,
            truths: &objects,
            ious: &ious,
        };
        let ranges = options.area_ranges.iter();
        let by_range: Vec<(Vec<Outcome>, u32)> = ranges
            .map(|range| group.outcomes(&options.iou_thresholds, range))
            .collect();
        for rank in 0..found.len() {
            let outcomes = by_range.iter().map(|(outcomes, _)| outcomes[rank]);
            matches.outcomes.extend(outcomes);
        }
        matches.groups.push([image, category]);
        matches
            .counted
            .extend(by_range.iter().map(|(_, counted)| counted));
        Ok(())
    }
}
