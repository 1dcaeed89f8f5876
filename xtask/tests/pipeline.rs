//! Pipelines: their mistakes are told by name, and only what changed runs again.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use xshell::{Shell, TempDir};
use xtask::failure::exit_code_of;
use xtask::pipeline::file::PipelineFile;
use xtask::pipeline::placeholders::Placeholders;
use xtask::pipeline::stage::State::{self, New, Stale, Unchanged};
use xtask::pipeline::stage::{Engine, Stage, resolve};
use xtask::workspace::Workspace;

fn temp() -> xshell::Result<TempDir> {
    Shell::new()?.create_temp_dir()
}

const GOOD: &str = r#"
title = "t"
data = []
result = "{run}/b/text"
[set]
run = "trial"
seed = 7
[[stage]]
name = "a"
run = ["-c", "cat {config} > {run}/a"]
inputs = ["{root}/in"]
outputs = ["{run}/a"]
[stage.config]
seed = "{seed}"
from = "{root}/in"
[stage.config.deep]
list = ["{seed}", 1.5]
[[stage]]
name = "b"
run = ["-c", "mkdir -p {run}/b; cp {run}/a {run}/b/text"]
inputs = ["{run}/a"]
outputs = ["{run}/b"]
"#;

fn stages(
    workspace: &Workspace,
    text: &str,
    set: &[&str],
) -> anyhow::Result<(PathBuf, Vec<Stage>)> {
    let file = PipelineFile::parse(text, Path::new("p.toml"))?;
    let set: Vec<String> = set.iter().map(ToString::to_string).collect();
    let placeholders = Placeholders::new(workspace, &file, &set)?;
    let stages = file
        .stages
        .iter()
        .map(|stage| resolve(stage, &placeholders))
        .collect::<anyhow::Result<_>>()?;
    Ok((placeholders.run().to_path_buf(), stages))
}

#[test]
fn mistakes_are_told_by_name() {
    let workspace = Workspace::at(Path::new("/r"));
    stages(&workspace, GOOD, &[]).unwrap();
    for (from, to, set, said) in [
        (
            "title",
            "titel",
            "",
            "unknown key `titel`; did you mean `title`?",
        ),
        (
            "inputs = [\"{root}",
            "input = [\"{root}",
            "",
            "unknown key `input` of stage `a`; did you mean `inputs`?",
        ),
        (
            "{root}/in\"]",
            "{rot}/in\"]",
            "",
            "no placeholder `{rot}`; did you mean `{root}`?",
        ),
        ("cp {run}", "cp {config}", "", "without [stage.config]"),
        ("cp {run}", "cp {run", "", "no placeholder"),
        (
            "name = \"b\"",
            "name = \"a\"",
            "",
            "two stages are called `a`",
        ),
        ("name = \"b\"", "name = \"../b\"", "", "got `../b`"),
        (
            "outputs = [\"{run}/b\"]",
            "outputs = [\"{root}/b\"]",
            "",
            "lies under {run}",
        ),
        (
            "outputs = [\"{run}/b\"]",
            "outputs = []",
            "",
            "names no outputs",
        ),
        ("run = \"trial\"", "data = \"d\"", "", "`data` in [set]"),
        ("", "", "sead=1", "no `sead`; did you mean `seed`?"),
        ("", "", "seed", "wants NAME=VALUE"),
        ("title = \"t\"", "title = \"t", "", "TOML parse error"),
    ] {
        let set: Vec<&str> = Some(set)
            .filter(|set| !set.is_empty())
            .into_iter()
            .collect();
        let error = stages(&workspace, &GOOD.replacen(from, to, 1), &set).unwrap_err();
        assert_eq!(exit_code_of(&error), 2, "{error:#}");
        let told = format!("{error:#}").replace("mean `root`", "mean `{root}`");
        assert!(told.contains(said), "wanted {said:?}, got {told:?}");
    }
}

#[test]
fn placeholders_keep_their_type_and_the_run_its_place() {
    let workspace = Workspace::at(Path::new("/r"));
    let config = |set: &[&str]| {
        stages(&workspace, GOOD, set).unwrap().1[0]
            .config
            .clone()
            .unwrap()
    };
    let (path, text) = config(&[]);
    assert_eq!(path, Path::new("/r/runs/trial/configs/a.toml"));
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["seed"].as_integer(), Some(7));
    assert_eq!(table["from"].as_str(), Some("/r/in"));
    assert_eq!(table["deep"]["list"][0].as_integer(), Some(7));
    assert!(config(&["seed=8"]).1.contains("seed = 8"));
    for (set, expected) in [("run=other", "/r/runs/other"), ("run=/tmp/x", "/tmp/x")] {
        assert_eq!(
            stages(&workspace, GOOD, &[set]).unwrap().0,
            Path::new(expected)
        );
    }
}

#[test]
fn only_what_changed_runs_again() {
    let dir = temp().unwrap();
    let workspace = Workspace::at(dir.path());
    fs::write(dir.path().join("in"), "1").unwrap();
    let run_all = |text: &str, set: &[&str], binary_hash: &str| -> anyhow::Result<Vec<State>> {
        let (run, stages) = stages(&workspace, text, set)?;
        let engine = Engine {
            binary: "sh".into(),
            binary_hash: binary_hash.to_owned(),
            run,
        };
        stages
            .iter()
            .map(|stage| {
                let (state, digest) = engine.state(stage)?;
                if state != Unchanged {
                    engine.run(stage, state, &digest, &|| Command::new("sh"))?;
                }
                Ok(state)
            })
            .collect()
    };
    assert_eq!(run_all(GOOD, &[], "h").unwrap(), [New, New]);
    assert_eq!(run_all(GOOD, &[], "h").unwrap(), [Unchanged, Unchanged]);
    // An input's content counts, its time does not; stage b reads a's output, which stays the same.
    fs::write(dir.path().join("in"), "1").unwrap();
    assert_eq!(run_all(GOOD, &[], "h").unwrap(), [Unchanged, Unchanged]);
    fs::write(dir.path().join("in"), "2").unwrap();
    assert_eq!(run_all(GOOD, &[], "h").unwrap(), [Stale, Unchanged]);
    // A changed configuration changes a's output, so b runs too.
    assert_eq!(run_all(GOOD, &["seed=8"], "h").unwrap(), [Stale, Stale]);
    assert_eq!(run_all(GOOD, &["seed=8"], "other").unwrap(), [Stale, Stale]);
    fs::remove_file(dir.path().join("runs/trial/a")).unwrap();
    assert_eq!(
        run_all(GOOD, &["seed=8"], "other").unwrap(),
        [Stale, Unchanged]
    );
    // Another run folder is another run.
    assert_eq!(run_all(GOOD, &["run=second"], "h").unwrap(), [New, New]);
}

#[test]
fn a_failing_stage_passes_its_code_on_and_runs_again() {
    let dir = temp().unwrap();
    let workspace = Workspace::at(dir.path());
    for (text, code, said) in [
        (
            GOOD.replace("cat {config} > {run}/a", "echo part > {run}/a; exit 4"),
            4,
            "exit code 4",
        ),
        (GOOD.replace("> {run}/a", "> /dev/null"), 3, "no output"),
        (
            GOOD.replace("{root}/in\"]", "{root}/absent\"]"),
            3,
            "no input",
        ),
    ] {
        fs::write(dir.path().join("in"), "1").unwrap();
        let _ = fs::remove_dir_all(dir.path().join("runs"));
        let (run, stages) = stages(&workspace, &text, &[]).unwrap();
        let engine = Engine {
            binary: "sh".into(),
            binary_hash: "h".into(),
            run,
        };
        let ran = engine.state(&stages[0]).and_then(|(state, digest)| {
            engine.run(&stages[0], state, &digest, &|| Command::new("sh"))
        });
        let error = ran.unwrap_err();
        assert_eq!(exit_code_of(&error), code, "{error:#}");
        assert!(error.to_string().contains(said), "{error:#}");
        assert!(!matches!(engine.state(&stages[0]), Ok((Unchanged, _))));
    }
}

#[test]
fn the_demo_is_well_formed_and_trains_on_no_held_out_patient() {
    let workspace = Workspace::find();
    let text = fs::read_to_string(workspace.datasets().join("demo.toml")).unwrap();
    let (_, stages) = stages(&workspace, &text, &["seed=1", "run=other"]).unwrap();
    let manifests = xtask::data::manifests(&workspace).unwrap();
    for stage in stages
        .iter()
        .filter(|stage| ["pretrain", "semi"].contains(&stage.name.as_str()))
    {
        let told = format!("{:?} {:?} {:?}", stage.args, stage.inputs, stage.config);
        for manifest in &manifests {
            for case in manifest
                .cases
                .iter()
                .filter(|case| manifest.split.held_out.contains(&case.id))
            {
                let image = format!("{}/{}", manifest.name, case.image);
                assert!(!told.contains(&image), "{} trains on {image}", stage.name);
            }
        }
    }
}
