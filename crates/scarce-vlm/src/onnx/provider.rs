//! Which part of ONNX Runtime computes.

use std::{fmt, str::FromStr};

use ort::{environment::Environment, session::builder::SessionBuilder};
use serde::{Deserialize, Serialize};

use super::runtime::library_path;

/// An execution provider of ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// The processor; always there.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// NVIDIA GPUs, through TensorRT.
    Tensorrt,
    /// Intel processors and GPUs.
    Openvino,
    /// AMD GPUs.
    Migraphx,
    /// Apple's processors.
    Coreml,
    /// GPUs on Windows.
    Directml,
}

impl Provider {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Cpu,
        Self::Cuda,
        Self::Tensorrt,
        Self::Openvino,
        Self::Migraphx,
        Self::Coreml,
        Self::Directml,
    ];

    /// Its name on the command line, such as `"cuda"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
            Self::Openvino => "openvino",
            Self::Migraphx => "migraphx",
            Self::Coreml => "coreml",
            Self::Directml => "directml",
        }
    }

    /// ONNX Runtime's name, such as `"CUDAExecutionProvider"`.
    pub fn runtime_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPUExecutionProvider",
            Self::Cuda => "CUDAExecutionProvider",
            Self::Tensorrt => "TensorrtExecutionProvider",
            Self::Openvino => "OpenVINOExecutionProvider",
            Self::Migraphx => "MIGraphXExecutionProvider",
            Self::Coreml => "CoreMLExecutionProvider",
            Self::Directml => "DmlExecutionProvider",
        }
    }

    /// Has `builder` run on this provider's devices; the reason why not otherwise.
    pub(super) fn configure(
        self,
        builder: SessionBuilder,
        environment: &Environment,
    ) -> Result<SessionBuilder, String> {
        if self == Self::Cpu {
            return Ok(builder);
        }
        let is_offered = || devices(self, environment).next().is_some();
        if !is_offered() {
            self.plug_in(environment);
        }
        if !is_offered() {
            return Err("ONNX Runtime's library offers no device of it".to_owned());
        }
        builder
            .with_devices(devices(self, environment), None)
            .map_err(|error| error.to_string())
    }

    /// Loads the provider's own library, if it lies beside ONNX Runtime's.
    fn plug_in(self, environment: &Environment) {
        let Ok(library) = library_path() else { return };
        let file = format!(
            "{}onnxruntime_providers_{}{}",
            std::env::consts::DLL_PREFIX,
            self.name(),
            std::env::consts::DLL_SUFFIX
        );
        let path = library.with_file_name(file);
        if path.is_file()
            && let Err(error) = environment.register_ep_library(self.name(), &path)
        {
            tracing::warn!(provider = %self, %error, library = %path.display(), "a provider does not load");
        }
    }
}

fn devices(
    provider: Provider,
    environment: &Environment,
) -> impl Iterator<Item = ort::device::Device<'_>> {
    environment.devices().filter(move |device| {
        device
            .ep()
            .is_ok_and(|name| name == provider.runtime_name())
    })
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("unknown execution provider {name:?}: expected one of {known}")
        })
    }
}
