//! From a data set's folder to slices to train on: the cases, a split by patient, a search for leaks, and
//! volumes resampled once and kept in a cache.
//!
//! ```text
//! cargo run --release -p scarce-io --example prepare_set -- datasets/nnunet.toml scans/Dataset001_Heart 4 cache
//! ```
//!
//! The arguments: a manifest, the folder with the files, how many patients keep their labels, and where
//! the cache is to lie.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::PathBuf;

use scarce_image::{Seed, resample_spacing};
use scarce_io::{
    IoError, Part, Shares, VolumeCache, leaks, read_manifest, read_volume, split_by_patient, verify,
};

/// Spacing to train at, and what the cache knows of it: another preparation makes other entries.
const SPACING_MM: [f64; 3] = [1.5; 3];
const PREPARATION: &str = "linear to 1.5 mm, version 1";

const USAGE: &str = "usage: prepare_set MANIFEST FOLDER LABELLED CACHE";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [manifest, folder, labelled, cache] = &arguments[..] else {
        return Err(USAGE.into());
    };
    let folder = PathBuf::from(folder);
    let report = verify(std::slice::from_ref(&folder))?;
    print!("{report}");
    if report.n_error > 0 {
        return Err("the data set has faults".into());
    }
    let cases = read_manifest(manifest.as_ref())?.cases_in(&folder)?;
    let shares = Shares {
        validation: 0.1,
        test: 0.2,
    };
    let split = split_by_patient(&cases, shares, labelled.parse()?, Seed(7))?;
    for (part, ids) in &split {
        println!("{part:?}: {}", ids.join(" "));
    }
    if let Some(leak) = leaks(&cases, &split, &folder)?.first() {
        return Err(format!("the same voxels in two parts: {:?}", leak.cases).into());
    }
    let cache = VolumeCache::open(cache.as_ref(), 64 << 30)?;
    let wanted = split.get(&Part::Labelled).map(Vec::as_slice);
    let wanted = wanted.unwrap_or_default();
    let mut n_slices = 0;
    for case in cases.iter().filter(|case| wanted.contains(&case.id)) {
        let image = folder.join(&case.image);
        let prepared = cache.get_or_prepare(&image, PREPARATION, |path| {
            resample_spacing(&read_volume(path)?, SPACING_MM).map_err(|source| IoError::Geometry {
                source,
                path: path.to_owned(),
            })
        })?;
        for z in 0..prepared.shape_zyx()[0] {
            // Here a slice would go to the network; the others stay on the disk.
            let slice = prepared.slice_z(z)?;
            n_slices += usize::from(slice.iter().any(|voxel| *voxel != 0.0));
        }
    }
    println!("{n_slices} slices to train on with labels");
    Ok(())
}
