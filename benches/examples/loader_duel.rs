//! Our side of `benches/peers/loader.py`: reads, crops, flips and standardises the samples of a plan, batch
//! after batch, as tensors.
//!
//! ```text
//! loader_duel PLAN WORKERS BATCH [FOLDER]
//! ```
//!
//! A line of the plan is a sample: its file, the crop's corner along z, y and x, its size along them, and along
//! which of the three axes it is flipped (0 or 1 each); a picture has one slice. Printed are the seconds of one pass
//! after one that warms up, and the share of them spent waiting. With a folder, the first batch is written there
//! instead, as `0.npy` and so on.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::cell::RefCell;
use std::error::Error;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView3, Axis, Slice};
use ndarray_npy::ViewNpyExt as _;
use scarce_image::{Geometry, Seed, Volume};
use scarce_io::{read_image, read_volume, write_volume};
use scarce_train::array3_from_tensor;
use scarce_train::loader::{
    Loader, LoaderConfig, Sample, SampleContext, Sampler, Source, SourceError,
};
use scarce_train::native::process_state::keep_freed_memory;
use tch::Device;

/// One crop to make.
struct Crop {
    path: PathBuf,
    corner_zyx: [usize; 3],
    size_zyx: [usize; 3],
    flips_zyx: [bool; 3],
}

impl Crop {
    /// The crop of `voxels`, flipped, as floats of mean 0 and standard deviation 1. Nothing outside of it is
    /// converted, and it is written once.
    fn standardised<T: Copy + Into<f32>>(
        &self,
        voxels: ArrayView3<'_, T>,
    ) -> Result<Array3<f32>, SourceError> {
        let mut inside = voxels;
        inside.slice_each_axis_inplace(|axis| {
            let a = axis.axis.index();
            Slice::from(self.corner_zyx[a]..self.corner_zyx[a] + self.size_zyx[a])
        });
        for (axis, _) in self.flips_zyx.iter().enumerate().filter(|(_, flip)| **flip) {
            inside.invert_axis(Axis(axis));
        }
        let mut values: Vec<f32> = Vec::with_capacity(inside.len());
        let mut moments = Moments::default();
        for row in inside.rows() {
            let begins = values.len();
            values.extend(row.iter().map(|v| (*v).into()));
            // While the row is in the cache.
            moments.add(&values[begins..]);
        }
        moments.standardise(&mut values);
        Ok(Array3::from_shape_vec(self.size_zyx, values)?)
    }
}

thread_local! {
    /// A worker's room for a file's bytes: fresh pages for each file would cost more than reading it.
    static BYTES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Plan(Vec<Crop>);

impl Plan {
    fn read(path: &str) -> Result<Self, Box<dyn Error>> {
        let crop = |line: &str| -> Result<Crop, Box<dyn Error>> {
            let mut words = line.split('\t');
            let path = words.next().ok_or("a line without a file")?.into();
            let numbers = words
                .map(str::parse)
                .collect::<Result<Vec<usize>, _>>()
                .map_err(|error| format!("{line}: {error}"))?;
            let (Some(corner), Some(size), Some(flips), 9) = (
                numbers.first_chunk::<3>(),
                numbers.get(3..).and_then(<[usize]>::first_chunk::<3>),
                numbers.last_chunk::<3>(),
                numbers.len(),
            ) else {
                return Err(format!("{line}: expected nine numbers").into());
            };
            Ok(Crop {
                path,
                corner_zyx: *corner,
                size_zyx: *size,
                flips_zyx: flips.map(|flip| flip == 1),
            })
        };
        let text = std::fs::read_to_string(path)?;
        Ok(Self(text.lines().map(crop).collect::<Result<_, _>>()?))
    }
}

impl Source for Plan {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&self, index: usize) -> String {
        format!("{index}: {}", self.0[index].path.display())
    }

    fn sample(&self, index: usize, _: &SampleContext<'_>) -> Result<Sample, SourceError> {
        let crop = &self.0[index];
        let extension = crop.path.extension().unwrap_or_default();
        let image = if extension == "npy" {
            // As NumPy has it: the file's integers.
            BYTES.with_borrow_mut(|bytes| {
                bytes.clear();
                File::open(&crop.path)?.read_to_end(bytes)?;
                crop.standardised(ArrayView3::<i16>::view_npy(bytes)?)
            })?
        } else if extension == "png" {
            crop.standardised(read_image(&crop.path)?.pixels().view())?
        } else {
            crop.standardised(read_volume(&crop.path)?.voxels().view())?
        };
        Ok(Sample::new().with("image", image.insert_axis(Axis(0))))
    }
}

/// Sums of values and of their squares, in double precision and in eight lanes, which the compiler turns into
/// vectors.
#[derive(Default)]
struct Moments {
    count: usize,
    sums: [f64; 8],
    squares: [f64; 8],
}

impl Moments {
    fn add(&mut self, values: &[f32]) {
        self.count += values.len();
        let (chunks, rest) = values.as_chunks::<8>();
        for chunk in chunks {
            for (lane, value) in chunk.iter().enumerate() {
                let value = f64::from(*value);
                self.sums[lane] += value;
                self.squares[lane] += value * value;
            }
        }
        for value in rest {
            let value = f64::from(*value);
            self.sums[0] += value;
            self.squares[0] += value * value;
        }
    }

    /// Mean 0, standard deviation 1.
    fn standardise(&self, values: &mut [f32]) {
        let count = self.count as f64;
        let mean = self.sums.iter().sum::<f64>() / count;
        let variance = self.squares.iter().sum::<f64>() / count - mean * mean;
        let (mean, deviation) = (mean as f32, variance.max(0.0).sqrt().max(1e-8) as f32);
        for value in values {
            *value = (*value - mean) / deviation;
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // As every training does.
    keep_freed_memory();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [plan, workers, batch, rest @ ..] = &arguments[..] else {
        return Err("expected PLAN WORKERS BATCH [FOLDER]".into());
    };
    let (plan, batch) = (Plan::read(plan)?, batch.parse()?);
    let config = LoaderConfig {
        workers: workers.parse()?,
        prefetch_batches: 4,
    };
    let sampler = Sampler::listed(plan.len(), batch)?;
    let mut loader = Loader::new(plan, sampler, Seed(0), config)?;
    if let Some(folder) = rest.first() {
        let images = loader.batch(0)?.take("image", Device::Cpu)?;
        return write_each(&images, Path::new(folder));
    }
    pass(&mut loader, 0)?;
    let before = loader.stats();
    pass(&mut loader, 1)?;
    let after = loader.stats();
    let seconds = after.total_s - before.total_s;
    println!("{seconds} {}", (after.wait_s - before.wait_s) / seconds);
    Ok(())
}

fn pass(loader: &mut Loader, epoch: u64) -> Result<(), Box<dyn Error>> {
    for batch in loader.epoch(epoch) {
        let _ = batch?.take("image", Device::Cpu)?;
    }
    Ok(())
}

fn write_each(images: &tch::Tensor, folder: &Path) -> Result<(), Box<dyn Error>> {
    let geometry = Geometry::from_spacing_mm_xyz([1.0; 3])?;
    for (number, image) in images.squeeze_dim(1).unbind(0).into_iter().enumerate() {
        let volume = Volume::new(array3_from_tensor(&image)?, geometry);
        write_volume(&folder.join(format!("{number}.npy")), &volume)?;
    }
    Ok(())
}
