//! Where things lie in the repository.

use std::path::{Path, PathBuf};

/// The repository and the folders under it that the commands use.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The repository this program was built in.
    pub fn find() -> Self {
        // Set by `cargo run`, and right even if the repository was moved since the build.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .filter(|dir| dir.ends_with("xtask"))
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = manifest.parent().map(Path::to_path_buf).unwrap_or(manifest);
        Self { root }
    }

    /// A repository at another place, for tests.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The repository's root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is fetched or built: nothing in it is under version control.
    pub fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Wheels on their way into a layout.
    pub fn downloads(&self) -> PathBuf {
        self.target().join("downloads")
    }

    /// libtorch: `include/`, `lib/`, `build-version`.
    pub fn libtorch(&self) -> PathBuf {
        self.target().join("libtorch")
    }

    /// ONNX Runtime: `lib/libonnxruntime.so`.
    pub fn onnxruntime(&self) -> PathBuf {
        self.target().join("onnxruntime")
    }

    /// The shared library that `.cargo/config.toml` names in `ORT_DYLIB_PATH`.
    pub fn onnxruntime_library(&self) -> PathBuf {
        self.onnxruntime().join("lib/libonnxruntime.so")
    }

    /// Model files, one folder a model.
    pub fn models(&self) -> PathBuf {
        self.target().join("models")
    }

    /// Fetched data sets, one folder a set.
    pub fn data(&self) -> PathBuf {
        self.target().join("data")
    }

    /// The manifests of the data sets and the pipelines on them.
    pub fn datasets(&self) -> PathBuf {
        self.root.join("datasets")
    }

    /// Run folders.
    pub fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// `path` as it reads from the repository's root.
    pub fn relative<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
