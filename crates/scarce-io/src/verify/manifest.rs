//! A data set that its manifest tells of.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::judge::{judged, read_file};
use super::pairs;
use super::report::{Fault, Judged, Status};
use crate::dataset::PinnedFile;
use crate::error::system;
use crate::{IoError, ManifestCase, ReadOptions, read_manifest};

/// Checks the pinned hashes, reads every image and label map, and compares their grids.
pub(super) fn check(path: &Path) -> Vec<Judged> {
    let read = read_manifest(path).and_then(|manifest| {
        let folder = folder_of(path, &manifest.name);
        let cases = manifest.cases_in(&folder)?;
        Ok((manifest, folder, cases))
    });
    let (manifest, folder, cases) = match read {
        Ok(read) => read,
        Err(error) => return vec![judged(path.to_owned(), Err(error))],
    };
    if manifest.files.is_empty() && cases.is_empty() {
        let message = "the manifest names neither files nor cases: verify the data's folder";
        return vec![(
            path.to_owned(),
            Status::Warning,
            vec![Fault::new("no-cases", message)],
        )];
    }
    let pinned = manifest.files.par_iter().filter_map(|file| {
        let fault = differs(file, &folder).err()?;
        Some((
            folder.join(&file.to),
            Status::Error,
            vec![Fault::of_error(&fault)],
        ))
    });
    let images: BTreeSet<PathBuf> = (cases.iter())
        .flat_map(|case| {
            case.images()
                .chain(case.labels.iter().map(|label| &label.path))
        })
        .map(|file| folder.join(file))
        .collect();
    let options = ReadOptions::default();
    let read =
        (images.into_par_iter()).map(|path| judged(path.clone(), read_file(&path, &options)));
    let paired = cases
        .par_iter()
        .flat_map_iter(|case| pair_faults(case, &folder));
    pinned.chain(read).chain(paired).collect()
}

/// Where a data set's files lie: beside the manifest in a folder of its name, where `cargo xtask data
/// fetch` lays them out, or right beside the manifest.
fn folder_of(manifest: &Path, name: &str) -> PathBuf {
    let beside = manifest.parent().unwrap_or(Path::new(""));
    let places = [beside.join(name), beside.join("../target/data").join(name)];
    let found = places.into_iter().find(|place| place.is_dir());
    found.unwrap_or_else(|| beside.to_owned())
}

fn differs(file: &PinnedFile, folder: &Path) -> Result<(), IoError> {
    let path = folder.join(&file.to);
    let mut opened = File::open(&path).map_err(system("cannot open", &path))?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match opened.read(&mut block) {
            Ok(0) => break,
            Ok(n) => hasher.update(&block[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(system("cannot read", &path)(error)),
        }
    }
    let mut found = String::new();
    for byte in hasher.finalize() {
        // Text in memory takes everything.
        let _ = write!(found, "{byte:02x}");
    }
    if found == file.sha256.to_lowercase() {
        Ok(())
    } else {
        Err(IoError::Dataset {
            message: format!("expected the sha256 {}, got {found}", file.sha256),
            path,
        })
    }
}

fn pair_faults(case: &ManifestCase, folder: &Path) -> Vec<Judged> {
    let image = folder.join(&case.image);
    let further = case.images().skip(1).map(|channel| folder.join(channel));
    let channels = further.map(|channel| {
        let faults = pairs::check_grids(&image, &channel);
        (channel, faults)
    });
    let labels = (case.labels.iter()).map(|label| {
        let label = folder.join(&label.path);
        let faults = pairs::check(&image, &label, &BTreeSet::new());
        (label, faults)
    });
    (channels.chain(labels))
        .filter(|(_, faults)| !faults.is_empty())
        .map(|(path, faults)| (path, Status::Error, faults))
        .collect()
}
