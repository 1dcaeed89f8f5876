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

use ndarray::{Array3, Axis, Slice};
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
        let volume = read_volume(&crop.path)?;
        let voxels = volume.voxels().slice_each_axis(|axis| {
            let a = axis.axis.index();
            let first = crop.corner_zyx[a];
            Slice::from(first..first + crop.side)
        });
        let mut image = voxels.to_owned();
        for (axis, _) in crop.flips_zyx.iter().enumerate().filter(|(_, flip)| **flip) {
            image.invert_axis(Axis(axis));
        }
        standardise(&mut image);
        let image = image.as_standard_layout().into_owned();
        Ok(Sample::new().with("image", image.insert_axis(Axis(0))))
    }
}

/// Mean 0, standard deviation 1, both computed in double precision.
fn standardise(image: &mut Array3<f32>) {
    let count = image.len() as f64;
    let mean = image.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
    let squares = image.iter().map(|v| (f64::from(*v) - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt().max(1e-8);
    image.mapv_inplace(|v| ((f64::from(v) - mean) / deviation) as f32);
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
        let volume = Volume::new(array3_from_tensor(&image)?, geometry.clone());
        write_volume(&folder.join(format!("{number}.npy")), &volume)?;
    }
    Ok(())
}
