//! `doctor`: what this machine offers, and what is missing.

use std::path::Path;
use std::process::ExitCode;

use scarce_cli::arguments::DoctorArguments;
use scarce_cli::{exit, json_output};
use scarce_train::CudaReport;
use scarce_train::native::cuda_library::libtorch_file;
use scarce_train::native::process_state::thread_counts;
use serde_json::json;

/// Prints the findings; exit code 5 when something needed is missing.
pub fn run(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    let onnx_runtime = scarce_vlm::onnx::library_path();
    let text_encoder = Path::new("target/models/minilm/model.onnx");
    // Before anything else asks libtorch.
    let cuda = CudaReport::of_this_machine();
    let why_not = cuda.why_not();
    let libtorch = match libtorch_file() {
        Ok(file) => json!({ "library": file.display().to_string() }),
        Err(error) => json!({ "missing": error.to_string() }),
    };
    let threads = thread_counts()?;
    let spins = std::env::var("OMP_WAIT_POLICY").map_or(true, |policy| policy != "PASSIVE");
    let findings = json!({
        "scarce": env!("CARGO_PKG_VERSION"),
        "libtorch": libtorch,
        "threads": { "intra_op": threads.intra_op, "inter_op": threads.inter_op },
        // What `--device auto` means here.
        "device": if why_not.is_none() { "cuda:0" } else { "cpu" },
        "cuda": cuda,
        "cuda_unusable_because": why_not,
        "onnx_runtime": match &onnx_runtime {
            Ok(path) => json!({ "library": path.display().to_string() }),
            Err(error) => json!({ "missing": error.to_string() }),
        },
        "text_encoder": if text_encoder.is_file() {
            json!({ "model": text_encoder.display().to_string() })
        } else {
            json!({ "missing": "run `cargo xtask setup`, or give --text-encoder" })
        },
        "omp_wait_policy_passive": !spins,
    });
    json_output::tell(arguments.json.as_deref(), &findings)?;
    if spins {
        tracing::warn!("set OMP_WAIT_POLICY=PASSIVE: libtorch's threads spin between operators");
    }
    Ok(if onnx_runtime.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::ENVIRONMENT)
    })
}
