//! Detections and annotations sorted onto their images, and each image matched on its own.

use std::ops::Range;

use rayon::prelude::*;

use super::coco::{CocoAnnotation, CocoDataset, CocoDetection, Segmentation};
use super::matching::{Group, Outcome, Truth, least_overlap};
use super::region::{Region, Size};
use super::{CocoError, DetectionArea, DetectionOptions};

/// Where records lie: by the rank of their image's id, those of one image in the order of their list.
struct Placed {
    /// Index in the list and rank of the category's id.
    records: Vec<(usize, usize)>,
    /// Each image's part of the records.
    parts: Vec<Range<usize>>,
}

impl Placed {
    /// From each record's image and category, in the order of the list.
    fn new(images: usize, ranks: &[[usize; 2]]) -> Self {
        let mut starts = vec![0; images + 1];
        for [image, _] in ranks {
            starts[image + 1] += 1;
        }
        for image in 0..images {
            starts[image + 1] += starts[image];
        }
        let parts = starts.windows(2).map(|ends| ends[0]..ends[1]).collect();
        let mut records = vec![(0, 0); ranks.len()];
        for (index, [image, category]) in ranks.iter().enumerate() {
            records[starts[*image]] = (index, *category);
            starts[*image] += 1;
        }
        Self { records, parts }
    }

    /// Of one image, the categories in ascending order, and all of one class where they are set aside.
    fn of_image(&self, image: usize, class_agnostic: bool) -> Vec<(usize, usize)> {
        let mut records = self.records[self.parts[image].clone()].to_vec();
        records.sort_by_key(|(_, category)| *category);
        if class_agnostic {
            for (_, category) in &mut records {
                *category = 0;
            }
        }
        records
    }
}

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
        let score = |index: usize| self.detections[index].score;
        // Stable: of equal scores the earlier in the list counts as the surer.
        found.sort_by(|(a, a_category), (b, b_category)| {
            let by_score = || score(*b).partial_cmp(&score(*a));
            let by_category = a_category.cmp(b_category);
            by_category.then_with(|| by_score().unwrap_or(std::cmp::Ordering::Equal))
        });
        let size_yx = self.size(place, &truths, &found);
        let mut matches = Matches::default();
        let (mut truths, mut found) = (&truths[..], &found[..]);
        while let Some(category) = [truths, found]
            .iter()
            .filter_map(|records| Some(records.first()?.1))
            .min()
        {
            let of_truths = split(&mut truths, category);
            let of_found = split(&mut found, category);
            let group = [image as u32, category as u32];
            self.group::<R>(group, of_truths, of_found, size_yx, &mut matches)?;
        }
        Ok(matches)
    }

    /// An image's own size, or else that of the first mask on it.
    fn size(&self, place: usize, truths: &[(usize, usize)], found: &[(usize, usize)]) -> Size {
        let image = &self.dataset.images()[place];
        if let (Some(height), Some(width)) = (image.height, image.width) {
            return Some([height, width]);
        }
        let truths = truths
            .iter()
            .map(|(index, _)| &self.dataset.annotations()[*index].segmentation);
        let found = found
            .iter()
            .map(|(index, _)| &self.detections[*index].segmentation);
        truths.chain(found).find_map(|outline| match outline {
            Some(Segmentation::Encoded(mask)) => Some(mask.size_yx),
            _ => None,
        })
    }

    /// Matches one category on one image.
    fn group<R: Region>(
        &self,
        [image, category]: [u32; 2],
        truths: &[(usize, usize)],
        found: &[(usize, usize)],
        size_yx: Size,
        matches: &mut Matches,
    ) -> Result<(), CocoError> {
        let options = self.options;
        let annotations = self.dataset.annotations();
        let most = options.max_detections.last().copied().unwrap_or_default();
        let found = &found[..found.len().min(most)];
        let mut regions = Vec::with_capacity(truths.len());
        let mut objects = Vec::with_capacity(truths.len());
        for (index, _) in truths {
            let annotation: &CocoAnnotation = &annotations[*index];
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
        for (rank, (index, _)) in found.iter().enumerate() {
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

/// Takes the records of a category off the front.
fn split<'a>(records: &mut &'a [(usize, usize)], category: usize) -> &'a [(usize, usize)] {
    let end = records.partition_point(|(_, of)| *of == category);
    let (taken, rest) = records.split_at(end);
    *records = rest;
    taken
}
