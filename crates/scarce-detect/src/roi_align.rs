//! Pooling feature maps over boxes.

use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::DetectError;

/// How boxes are sampled (He et al. 2017; torchvision's `roi_align`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoiAlign {
    /// Cells of the output along y and x.
    pub output_yx: [usize; 2],
    /// Sampling points a cell along each axis; none for as many as the cell has feature cells, rounded up.
    pub sampling_ratio: Option<usize>,
    /// Whether pixel centres lie at half integers. Mask R-CNN of torchvision has them at integers, and boxes of at
    /// least one feature cell.
    pub aligned: bool,
}

/// Maps of one resolution.
#[derive(Debug)]
pub struct Level {
    /// `(image, channel, y, x)`.
    pub maps: Tensor,
    /// Feature cells a pixel: 1 / stride.
    pub spatial_scale: f64,
}

/// A box, and where it is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Which image.
    pub image: usize,
    /// Which level.
    pub level: usize,
    /// In pixels.
    pub xyxy: [f32; 4],
}

impl RoiAlign {
    /// Means of bilinear samples over each region, `(region, channel, output y, output x)`, with gradient into the
    /// maps. Samples more than a cell outside count as 0.
    ///
    /// A pooled cell is a weighted sum of feature cells, and so is a bag of embeddings: one kernel of libtorch's
    /// for all levels and regions, forward and backward, which reads a cell's channels in one go.
    ///
    /// # Errors
    /// [`DetectError::Setting`] without an output cell or sampling point; [`DetectError::Shape`] for levels of unlike
    /// kind, a region of an image or level that there is not, and one whose sides are not finite.
    pub fn forward(&self, levels: &[Level], regions: &[Region]) -> Result<Tensor, DetectError> {
        let [rows, columns] = self.output_yx;
        if rows == 0 || columns == 0 || self.sampling_ratio == Some(0) {
            return Err(DetectError::Setting {
                name: "roi_align",
                expected: "at least one cell and one sampling point",
                got: format!("{self:?}"),
            });
        }
        let grids = Grids::of(levels)?;
        for region in regions {
            grids.check(region)?;
        }
        let bags: Vec<Bags> = regions
            .par_iter()
            .map(|region| self.bags(&grids, region))
            .collect();
        let device = levels[0].maps.device();
        let (mut cells, mut weights, mut ends) = (Vec::new(), Vec::new(), vec![0i64]);
        for bag in &bags {
            let before = cells.len() as i64;
            cells.extend_from_slice(&bag.cells);
            weights.extend_from_slice(&bag.weights);
            ends.extend(bag.ends.iter().map(|end| before + end));
        }
        let size = [
            regions.len() as i64,
            rows as i64,
            columns as i64,
            grids.channels,
        ];
        if cells.is_empty() {
            let options = (levels[0].maps.kind(), device);
            return Ok(Tensor::f_zeros(size, options)?.f_permute([0, 3, 1, 2])?);
        }
        // Weights are no less exact than 32 bits, whatever autocast made of the maps.
        let kind = match levels[0].maps.kind() {
            Kind::Double => Kind::Double,
            _ => Kind::Float,
        };
        let table: Vec<Tensor> = levels
            .iter()
            .map(|level| {
                let inward = level.maps.f_permute([0, 2, 3, 1])?;
                inward.f_reshape([-1, grids.channels])?.f_to_kind(kind)
            })
            .collect::<Result<_, _>>()?;
        let table = match &table[..] {
            [one] => one.f_contiguous()?,
            many => Tensor::f_cat(many, 0)?,
        };
        let (pooled, ..) = Tensor::f_embedding_bag(
            &table,
            &Tensor::from_slice(&cells).to_device(device),
            &Tensor::from_slice(&ends).to_device(device),
            false,
            SUM,
            false,
            Some(Tensor::from_slice(&weights).to_device(device).to_kind(kind)),
            true,
        )?;
        Ok(pooled.f_view(size)?.f_permute([0, 3, 1, 2])?)
    }

    /// What each pooled cell of a region is made of.
    fn bags(&self, grids: &Grids, region: &Region) -> Bags {
        let [height, width] = grids.sides[region.level];
        let scale = grids.scales[region.level];
        let offset = if self.aligned { 0.5 } else { 0.0 };
        let [x1, y1, x2, y2] = region.xyxy.map(|at| at * scale - offset);
        let side = |low: f32, high: f32| {
            let side = high - low;
            if self.aligned { side } else { side.max(1.0) }
        };
        let [rows, columns] = self.output_yx;
        let along_y = self.taps(y1, side(y1, y2), rows, height);
        let along_x = self.taps(x1, side(x1, x2), columns, width);
        let first = grids.first[region.level] + region.image * height * width;
        let mut bags = Bags::default();
        for y in &along_y {
            for x in &along_x {
                for (row, of_row) in y {
                    for (column, of_column) in x {
                        bags.cells.push((first + row * width + column) as i64);
                        bags.weights.push(of_row * of_column);
                    }
                }
                bags.ends.push(bags.cells.len() as i64);
            }
        }
        bags
    }

    /// For each cell along an axis the feature cells that its samples lie between, and their shares.
    fn taps(&self, start: f32, side: f32, cells: usize, size: usize) -> Vec<Vec<(usize, f32)>> {
        let cell_side = side / cells as f32;
        let samples = self
            .sampling_ratio
            .unwrap_or_else(|| cell_side.ceil().max(0.0) as usize);
        let share = 1.0 / samples.max(1) as f32;
        (0..cells)
            .map(|cell| {
                let mut taps: Vec<(usize, f32)> = Vec::with_capacity(2 * samples.min(size));
                let mut add =
                    |at: usize, weight: f32| match taps.iter_mut().rev().find(|tap| tap.0 == at) {
                        Some(tap) => tap.1 += weight,
                        None => taps.push((at, weight)),
                    };
                for sample in 0..samples {
                    let at = start
                        + cell as f32 * cell_side
                        + (sample as f32 + 0.5) * cell_side / samples as f32;
                    if !(-1.0..=size as f32).contains(&at) {
                        continue;
                    }
                    let at = at.max(0.0);
                    let low = at as usize;
                    if low + 1 >= size {
                        add(size - 1, share);
                    } else {
                        let part = at - low as f32;
                        add(low, (1.0 - part) * share);
                        add(low + 1, part * share);
                    }
                }
                taps
            })
            .collect()
    }
}

/// libtorch's number for bags that are added up.
const SUM: i64 = 0;

/// The pooled cells of one region: where each one's feature cells end in the list, and those with their weights.
#[derive(Default)]
struct Bags {
    cells: Vec<i64>,
    weights: Vec<f32>,
    ends: Vec<i64>,
}

/// How the levels' cells lie in one table.
struct Grids {
    images: usize,
    channels: i64,
    /// Cells a pixel of each level.
    scales: Vec<f32>,
    /// Rows and columns of each level.
    sides: Vec<[usize; 2]>,
    /// The table's row of each level's first cell.
    first: Vec<usize>,
}

impl Grids {
    fn of(levels: &[Level]) -> Result<Self, DetectError> {
        let unfit = |got: Vec<i64>| DetectError::Shape {
            what: "levels",
            expected: "maps (image, channel, y, x) of as many images and channels, with cells",
            got,
        };
        let Some(first) = levels.first() else {
            return Err(unfit(Vec::new()));
        };
        let (images, channels, _, _) = first.maps.size4().map_err(|_| unfit(first.maps.size()))?;
        let mut grids = Self {
            images: images as usize,
            channels,
            scales: Vec::new(),
            sides: Vec::new(),
            first: Vec::new(),
        };
        let mut before = 0;
        for level in levels {
            let &[n, c, height, width] = &level.maps.size()[..] else {
                return Err(unfit(level.maps.size()));
            };
            if (n, c) != (images, channels) || height < 1 || width < 1 {
                return Err(unfit(level.maps.size()));
            }
            grids.scales.push(level.spatial_scale as f32);
            grids.sides.push([height as usize, width as usize]);
            grids.first.push(before);
            before += (n * height * width) as usize;
        }
        Ok(grids)
    }

    fn check(&self, region: &Region) -> Result<(), DetectError> {
        let is_there = region.image < self.images && region.level < self.sides.len();
        if is_there && region.xyxy.iter().all(|at| at.is_finite()) {
            return Ok(());
        }
        Err(DetectError::Setting {
            name: "region",
            expected: "finite corners, an image and a level that are there",
            got: format!("{region:?}"),
        })
    }
}
