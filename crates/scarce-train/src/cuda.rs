//! libtorch's CUDA half, found at run time: a program that was built against the CPU half alone trains
//! on a GPU where a full libtorch lies in place.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Serialize;

use crate::native::cuda_library::{driver_devices, libtorch_file, load_library};

/// The CUDA half's file, beside the CPU half's.
const CUDA_LIBRARY: &str = "libtorch_cuda.so";

/// What became of the CUDA half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CudaLibrary {
    /// It is loaded.
    Loaded {
        /// Its file.
        path: PathBuf,
    },
    /// The libtorch in use has none.
    Absent {
        /// Where it would lie.
        path: PathBuf,
    },
    /// It is there and can't be loaded.
    Failed {
        /// Its file.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
}

/// A device the driver tells of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CudaDevice {
    /// Its name.
    pub name: String,
    /// All of its memory.
    pub memory_gib: f64,
}

/// What stands between a training and a GPU.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CudaReport {
    /// The CUDA half.
    pub library: CudaLibrary,
    /// The driver's devices, in CUDA's order.
    pub devices: Vec<CudaDevice>,
    /// Why the driver tells of none.
    pub driver_fault: Option<String>,
    /// How many of them libtorch can use.
    pub usable_devices: i64,
}

impl CudaReport {
    /// Looks for library, driver and devices.
    pub fn of_this_machine() -> Self {
        let library = load_cuda_library().clone();
        let (devices, driver_fault) = match driver_devices() {
            Ok(devices) => (devices, None),
            Err(error) => (Vec::new(), Some(error.message)),
        };
        let devices = devices
            .into_iter()
            .map(|device| CudaDevice {
                name: device.name,
                memory_gib: (device.memory_bytes as f64) / f64::from(1 << 30),
            })
            .collect();
        Self {
            library,
            devices,
            driver_fault,
            usable_devices: usable_devices(),
        }
    }

    /// Why no CUDA device can be used, and what to do; none where one can.
    pub fn why_not(&self) -> Option<String> {
        if self.usable_devices > 0 {
            return None;
        }
        if let Some(fault) = &self.driver_fault {
            return Some(format!("no NVIDIA driver answers ({fault})"));
        }
        if self.devices.is_empty() {
            return Some(
                "the NVIDIA driver shows no device: is CUDA_VISIBLE_DEVICES empty?".to_owned(),
            );
        }
        Some(match &self.library {
            CudaLibrary::Absent { path } => format!(
                "libtorch is its CPU half: `cargo xtask setup --cuda` fetches the full one, or LD_LIBRARY_PATH leads to the lib folder of yours; missing: {}",
                path.display()
            ),
            CudaLibrary::Failed { message, .. } => {
                format!("libtorch's CUDA half can't be loaded: {message}")
            }
            CudaLibrary::Loaded { .. } => {
                "libtorch can't use the device: the driver may be older than its CUDA version asks for"
                    .to_owned()
            }
        })
    }
}

/// Loads libtorch's CUDA half if there is one. libtorch decides once, at its first use, whether it can
/// reach CUDA devices: call this before that. Later calls return the same.
pub fn load_cuda_library() -> &'static CudaLibrary {
    static LIBRARY: OnceLock<CudaLibrary> = OnceLock::new();
    LIBRARY.get_or_init(|| match libtorch_file() {
        Ok(file) => load_beside(&file),
        Err(error) => CudaLibrary::Failed {
            path: PathBuf::from(CUDA_LIBRARY),
            message: error.message,
        },
    })
}

/// How many CUDA devices libtorch can use.
pub(crate) fn usable_devices() -> i64 {
    load_cuda_library();
    if tch::Cuda::is_available() {
        tch::Cuda::device_count()
    } else {
        0
    }
}

fn load_beside(libtorch_cpu: &Path) -> CudaLibrary {
    let mut path = libtorch_cpu.with_file_name(CUDA_LIBRARY);
    if !path.is_file() {
        // The CPU half may be a link to where both lie.
        if let Ok(real) = libtorch_cpu.canonicalize() {
            path = real.with_file_name(CUDA_LIBRARY);
        }
    }
    if !path.is_file() {
        return CudaLibrary::Absent { path };
    }
    match load_library(&path) {
        Ok(()) => CudaLibrary::Loaded { path },
        Err(error) => CudaLibrary::Failed {
            path,
            message: error.message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_absent_or_broken_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let cpu = folder.path().join("libtorch_cpu.so");
        let absent = load_beside(&cpu);
        let path = folder.path().join(CUDA_LIBRARY);
        assert_eq!(absent, CudaLibrary::Absent { path: path.clone() });

        std::fs::write(&path, "no library").unwrap();
        match load_beside(&cpu) {
            CudaLibrary::Failed { message, .. } => {
                assert!(message.contains(CUDA_LIBRARY), "{message}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_obstacle_is_told_with_its_remedy() {
        let path = PathBuf::from("lib/libtorch_cuda.so");
        let loaded = CudaLibrary::Loaded { path: path.clone() };
        let absent = CudaLibrary::Absent { path: path.clone() };
        let failed = CudaLibrary::Failed {
            path,
            message: "libcudnn.so.9: no such file".to_owned(),
        };
        let device = CudaDevice {
            name: "GPU".to_owned(),
            memory_gib: 80.0,
        };
        let none = Some("libcuda.so.1: no such file".to_owned());
        for (library, devices, driver_fault, usable_devices, said) in [
            (&loaded, vec![device.clone()], None, 1, None),
            (
                &absent,
                vec![],
                none.clone(),
                0,
                Some("no NVIDIA driver answers (libcuda"),
            ),
            (&loaded, vec![], none, 0, Some("no NVIDIA driver")),
            (&loaded, vec![], None, 0, Some("CUDA_VISIBLE_DEVICES")),
            (
                &absent,
                vec![device.clone()],
                None,
                0,
                Some("cargo xtask setup --cuda"),
            ),
            (
                &failed,
                vec![device.clone()],
                None,
                0,
                Some("libcudnn.so.9"),
            ),
            (&loaded, vec![device], None, 0, Some("older")),
        ] {
            let report = CudaReport {
                library: library.clone(),
                devices,
                driver_fault,
                usable_devices,
            };
            let told = report.why_not();
            match said {
                None => assert_eq!(told, None),
                Some(said) => assert!(told.as_ref().is_some_and(|t| t.contains(said)), "{told:?}"),
            }
        }
    }

    #[test]
    fn this_machine_has_a_device_or_a_reason() {
        let report = CudaReport::of_this_machine();
        assert_eq!(
            report.why_not().is_none(),
            report.usable_devices > 0,
            "{report:?}"
        );
        assert_eq!(report, CudaReport::of_this_machine());
    }
}
