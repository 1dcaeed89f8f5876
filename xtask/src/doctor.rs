//! `doctor`: what is there, what is missing, and the command that mends it.

use std::env;
use std::fs;

use anyhow::Result;
use serde::Serialize;
use xshell::{Shell, cmd};

use crate::machine::{Machine, free_disk_gib};
use crate::python::Python;
use crate::setup::versions::Versions;
use crate::setup::{layout, own};
use crate::workspace::Workspace;
use crate::{bad_environment, data, process};

/// One thing looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What.
    pub name: String,
    /// What was found.
    pub found: String,
    /// `ok`, `note` for what is merely useful to know, `broken` for what must be mended.
    pub state: State,
    /// The command, or the deed, that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Not needed by every command.
    Note,
    /// Building or running fails.
    Broken,
}

/// Prints the findings, one a line or as JSON.
///
/// # Errors
/// [`crate::failure::Failure::Environment`] if something is broken.
pub fn doctor(workspace: &Workspace, json: bool) -> Result<()> {
    let findings = findings(workspace)?;
    let broken = findings
        .iter()
        .filter(|finding| finding.state == State::Broken)
        .count();
    if json {
        let report = serde_json::json!({ "ok": broken == 0, "findings": findings });
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        for finding in &findings {
            let mark = match finding.state {
                State::Ok => "ok    ",
                State::Note => "note  ",
                State::Broken => "BROKEN",
            };
            println!("{mark} {:<14} {}", finding.name, finding.found);
            if let Some(mend) = &finding.mend {
                println!("{:21} -> {mend}", "");
            }
        }
    }
    if broken > 0 {
        bad_environment!("{broken} of {} things need mending", findings.len());
    }
    Ok(())
}

fn findings(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = tools();
    findings.extend(libraries(workspace)?);
    findings.extend(machine(workspace));
    findings.push(data_sets(workspace)?);
    Ok(findings)
}

fn finding(name: &str, state: State, found: impl Into<String>, mend: Option<&str>) -> Finding {
    Finding {
        name: name.to_owned(),
        found: found.into(),
        state,
        mend: mend.map(str::to_owned),
    }
}

/// `program`'s first line, or how to get it.
fn tool(name: &str, said: Option<String>, absent: State, mend: &str) -> Finding {
    match said {
        Some(said) => finding(
            name,
            State::Ok,
            said.lines().next().unwrap_or_default(),
            None,
        ),
        None => finding(name, absent, "not found", Some(mend)),
    }
}

fn tools() -> Vec<Finding> {
    let Ok(sh) = Shell::new() else {
        return Vec::new();
    };
    let rustup = "install Rust by rustup";
    let mut findings = vec![
        tool(
            "cargo",
            process::ask(cmd!(sh, "cargo --version")),
            State::Broken,
            rustup,
        ),
        tool(
            "rustc",
            process::ask(cmd!(sh, "rustc --version")),
            State::Broken,
            rustup,
        ),
    ];
    findings.push(match Python::find() {
        Ok(python) => {
            let found = format!(
                "{} {} with pip {}",
                python.program, python.version, python.pip
            );
            finding("python", State::Ok, found, None)
        }
        Err(error) => finding(
            "python",
            State::Note,
            "needed only by setup and data",
            Some(&format!("{error}")),
        ),
    });
    let compiler = ["c++", "g++", "clang++"].into_iter().find_map(|name| {
        let name = env::var("CXX").unwrap_or_else(|_| name.to_owned());
        process::ask(cmd!(sh, "{name} --version"))
    });
    let mend = "install a C++ compiler (Debian, Ubuntu: `apt install g++`; macOS: `xcode-select --install`)";
    findings.push(tool("c++", compiler, State::Broken, mend));
    let nextest = process::ask(cmd!(sh, "cargo nextest --version"));
    findings.push(tool(
        "cargo-nextest",
        nextest,
        State::Note,
        "`cargo install cargo-nextest`, or go without",
    ));
    let query = "--query-gpu=name,memory.total,driver_version";
    let gpu = process::ask(cmd!(sh, "nvidia-smi {query} --format=csv,noheader"));
    findings.push(match gpu {
        Some(gpu) => finding(
            "gpu",
            State::Ok,
            gpu.lines().collect::<Vec<_>>().join("; "),
            None,
        ),
        None => finding(
            "gpu",
            State::Ok,
            "none: everything runs on the processor",
            None,
        ),
    });
    findings
}

fn libraries(workspace: &Workspace) -> Result<Vec<Finding>> {
    let versions = Versions::pinned()?;
    let setup = Some("cargo xtask setup");
    let mut findings = Vec::new();

    let libtorch = workspace.libtorch();
    let pinned = versions.version("libtorch")?;
    let shown = workspace.relative(&libtorch).to_string();
    findings.push(if let Some(own) = own::users_own("LIBTORCH", &libtorch) {
        match own::check_libtorch(&own, pinned) {
            Err(error) => finding(
                "libtorch",
                State::Broken,
                format!("{error}"),
                Some("unset or correct LIBTORCH"),
            ),
            Ok(()) if fs::read_link(&libtorch).is_ok_and(|to| to == own) => finding(
                "libtorch",
                State::Ok,
                format!("{pinned}, your own: {}", own.display()),
                None,
            ),
            Ok(()) => finding(
                "libtorch",
                State::Broken,
                format!("{shown} does not lead to your own"),
                setup,
            ),
        }
    } else if let Err(error) = own::check_libtorch(&libtorch, pinned) {
        let found = if libtorch.exists() {
            format!("{error}")
        } else {
            "missing".to_owned()
        };
        finding("libtorch", State::Broken, found, setup)
    } else {
        let cuda = ["libtorch_cuda.so"]
            .iter()
            .any(|name| libtorch.join("lib").join(name).exists());
        let build = if cuda { "CUDA" } else { "CPU" };
        finding(
            "libtorch",
            State::Ok,
            format!("{pinned} ({build}) in {shown}"),
            None,
        )
    });

    let own = own::users_own("ORT_DYLIB_PATH", &workspace.onnxruntime_library());
    let mend = if own.is_some() {
        Some("unset or correct ORT_DYLIB_PATH")
    } else {
        setup
    };
    let library = own.unwrap_or_else(|| workspace.onnxruntime_library());
    findings.push(match library.canonicalize() {
        Ok(real) if real.is_file() => finding(
            "onnxruntime",
            State::Ok,
            workspace.relative(&real).to_string(),
            None,
        ),
        _ => finding(
            "onnxruntime",
            State::Broken,
            format!("missing: {}", library.display()),
            mend,
        ),
    });

    let encoder = workspace.models().join("minilm");
    findings.push(if layout::is_present(&versions, "text-encoder", &encoder) {
        let found = format!(
            "{} in {}",
            versions.version("text-encoder")?,
            workspace.relative(&encoder)
        );
        finding("text encoder", State::Ok, found, None)
    } else {
        finding("text encoder", State::Broken, "missing", setup)
    });
    Ok(findings)
}

fn machine(workspace: &Workspace) -> Vec<Finding> {
    let machine = Machine::this();
    let mut findings = vec![
        finding(
            "processor",
            State::Ok,
            format!("{}, {} threads", machine.cpu, machine.threads),
            None,
        ),
        finding(
            "memory",
            if machine.memory_gib < 6.0 {
                State::Note
            } else {
                State::Ok
            },
            format!("{} GiB", machine.memory_gib),
            (machine.memory_gib < 6.0).then_some("volumes of the demo's size want 6 GiB"),
        ),
    ];
    if let Some(free) = free_disk_gib(workspace.root()) {
        let short = free < 10.0;
        let state = if short { State::Note } else { State::Ok };
        findings.push(finding(
            "disk",
            state,
            format!("{free} GiB free"),
            short.then_some("make 10 GiB free"),
        ));
    }
    findings.push(match env::var("OMP_WAIT_POLICY").as_deref() {
        Ok("PASSIVE" | "passive") => finding("OMP_WAIT_POLICY", State::Ok, "PASSIVE", None),
        other => finding(
            "OMP_WAIT_POLICY",
            State::Note,
            other.unwrap_or("unset").to_owned(),
            Some("OMP_WAIT_POLICY=PASSIVE: training on few cores is many times slower otherwise"),
        ),
    });
    if let Some(elsewhere) = env::var_os("CARGO_TARGET_DIR") {
        findings.push(finding(
            "target folder",
            State::Broken,
            format!("CARGO_TARGET_DIR is {}", elsewhere.display()),
            Some("unset CARGO_TARGET_DIR: binaries find libtorch beside themselves, in target/libtorch"),
        ));
    }
    findings
}

fn data_sets(workspace: &Workspace) -> Result<Finding> {
    let (mut here, mut absent) = (Vec::new(), Vec::new());
    for manifest in data::manifests(workspace)? {
        if manifest.files.is_empty() {
            continue;
        }
        let there = data::is_present(&manifest, &data::folder(workspace, &manifest.name));
        if there { &mut here } else { &mut absent }.push(manifest.name);
    }
    let found = if here.is_empty() {
        "none here".to_owned()
    } else {
        format!("here: {}", here.join(", "))
    };
    let mend = format!("cargo xtask data fetch {}", absent.join(" "));
    Ok(finding(
        "data sets",
        State::Ok,
        found,
        (!absent.is_empty()).then_some(mend.as_str()),
    ))
}
