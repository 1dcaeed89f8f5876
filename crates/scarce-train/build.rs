//! Compiles the native module against the libtorch that torch-sys found.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // Set by torch-sys, whatever way it found libtorch.
    let library = PathBuf::from(env::var("DEP_TCH_LIBTORCH_LIB")?);
    let include = match env::var_os("LIBTORCH_INCLUDE") {
        Some(folder) => Path::new(&folder).join("include"),
        None => library.parent().unwrap_or(&library).join("include"),
    };
    println!("cargo::rerun-if-env-changed=LIBTORCH_INCLUDE");
    println!("cargo::rerun-if-changed=native");
    if !include.join("torch/csrc/distributed/c10d").is_dir() {
        return Err(format!(
            "libtorch has no headers of c10d, as `cargo xtask setup` lays them out: {}",
            include.display()
        )
        .into());
    }

    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++17")
        .include("native")
        .flag("-isystem")
        .flag(&include)
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include"))
        .define(
            "_GLIBCXX_USE_CXX11_ABI",
            env::var("LIBTORCH_CXX11_ABI").as_deref().unwrap_or("1"),
        )
        .files([
            "native/process_state.cpp",
            "native/distributed.cpp",
            "native/optimizers.cpp",
            "native/owned_tensor.cpp",
        ]);
    println!("cargo::rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    if env::var_os("CARGO_FEATURE_NCCL").is_some() {
        with_nccl(&mut build, &library)?;
    }
    build.compile("scarce_native");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-lib=dl");
    }
    Ok(())
}

/// NCCL's process group is in libtorch's CUDA half, and its header wants those of CUDA and NCCL.
fn with_nccl(build: &mut cc::Build, library: &Path) -> Result<(), Box<dyn Error>> {
    if !library.join("libtorch_cuda.so").is_file() {
        return Err(format!(
            "the feature `nccl` needs libtorch's CUDA half, as `cargo xtask setup --cuda` lays it out: {}",
            library.display()
        )
        .into());
    }
    for variable in ["CUDA_HOME", "NCCL_HOME"] {
        println!("cargo::rerun-if-env-changed={variable}");
        if let Some(folder) = env::var_os(variable) {
            build
                .flag("-isystem")
                .flag(Path::new(&folder).join("include"));
        }
    }
    build.define("SCARCE_NCCL", None);
    Ok(())
}
