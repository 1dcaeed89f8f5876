//! Our side of `benches/peers/loader.py`: reads, crops, flips and standardises the samples of a plan, batch
//! after batch, as tensors.
//!
//! ```text
//! loader_duel PLAN WORKERS BATCH [FOLDER]
//! ```
//!
//! A line of the plan is a sample: its file, the crop's corner along z, y and x, its side, and along which
//! of the three axes it is flipped (0 or 1 each). Printed are the seconds of one pass after one that warms up,
//! and the share of them spent waiting. With a folder, the first batch is written there instead, as
//! `0.npy` and so on.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView3, Axis, Slice};
use ndarray_npy::ViewNpyExt as _;
use scarce_image::{Geometry, Seed, Volume};
use scarce_io::{read_volume, write_volume};
use scarce_train::array3_from_tensor;
use scarce_train::loader::{
    Loader, LoaderConfig, Sample, SampleContext, Sampler, Source, SourceError,
};
use tch::Device;

/// One crop to make.
struct Crop {
    path: PathBuf,
    corner_zyx: [usize; 3],
    side: usize,
    flips_zyx: [bool; 3],
}

impl Crop {
    fn cut<'a, T>(&self, voxels: ArrayView3<'a, T>) -> ArrayView3<'a, T> {
        let mut voxels = voxels;
        voxels.slice_each_axis_inplace(|axis| {
            let first = self.corner_zyx[axis.axis.index()];
            Slice::from(first..first + self.side)
        });
        voxels
    }
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
            let [z, y, x, side, flip_z, flip_y, flip_x] = numbers[..] else {
                return Err(format!("{line}: expected seven numbers").into());
            };
            Ok(Crop {
                path,
                corner_zyx: [z, y, x],
                side,
                flips_zyx: [flip_z, flip_y, flip_x].map(|flip| flip == 1),
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
        let mut image = if crop.path.extension().is_some_and(|e| e == "npy") {
            // As NumPy has it: the file's integers, of which the crop alone becomes floats.
            let bytes = std::fs::read(&crop.path)?;
            crop.cut(ArrayView3::<i16>::view_npy(&bytes)?)
                .mapv(f32::from)
        } else {
            crop.cut(read_volume(&crop.path)?.voxels().view())
                .to_owned()
        };
        for (axis, _) in crop.flips_zyx.iter().enumerate().filter(|(_, flip)| **flip) {
            image.invert_axis(Axis(axis));
        }
        let mut image = image.as_standard_layout().into_owned();
        standardise(&mut image);
        Ok(Sample::new().with("image", image.insert_axis(Axis(0))))
    }
}

/// Mean 0, standard deviation 1, both computed in double precision.
fn standardise(image: &mut Array3<f32>) {
    let count = image.len() as f64;
    let values = image.as_slice().unwrap_or_default();
    let mean = sum(values, |v| v) / count;
    let deviation = (sum(values, |v| (v - mean) * (v - mean)) / count).sqrt();
    let (mean, deviation) = (mean as f32, deviation.max(1e-8) as f32);
    image.mapv_inplace(|v| (v - mean) / deviation);
}

/// The sum of a function of all values, in eight lanes, which the compiler turns into vectors.
fn sum(values: &[f32], of: impl Fn(f64) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += of(f64::from(*value));
        }
    }
    let rest: f64 = rest.iter().map(|v| of(f64::from(*v))).sum();
    lanes.iter().sum::<f64>() + rest
}

fn main() -> Result<(), Box<dyn Error>> {
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
        let images = loader.batch(0)?.tensor("image", Device::Cpu)?;
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
        let _ = batch?.tensor("image", Device::Cpu)?;
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
