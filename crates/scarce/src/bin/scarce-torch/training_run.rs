//! How every training verb begins: its configuration, its run folder, and the line that says how it goes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use scarce_cli::arguments::{ExistingArguments, RunArguments};
use scarce_train::distributed::Group;
use scarce_train::loader::DataWait;
use scarce_train::sinks::{Progress, TensorBoard};
use scarce_train::{Existing, LoopConfig, RunFolder, RunManifest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The configuration of a training; none for `--dry-run`, which prints it as a run would record it.
pub fn configuration<C: Serialize + DeserializeOwned>(
    arguments: &RunArguments,
) -> anyhow::Result<Option<C>> {
    let config = scarce_train::config::load(Some(&arguments.config), &arguments.all_overrides())?;
    unless_dry(arguments, config)
}

/// The same over one of `recipes`, which the file's `recipe` names; over the first where it names none. `own` are overrides
/// of the verb's own arguments.
pub fn configuration_by_recipe<C: Serialize + DeserializeOwned>(
    arguments: &RunArguments,
    own: &[String],
    recipes: &[(&str, &str)],
) -> anyhow::Result<Option<C>> {
    let file = Some(arguments.config.as_path());
    let overrides = [arguments.all_overrides().as_slice(), own].concat();
    let config = scarce_train::config::load_preset(file, &overrides, "recipe", recipes)?;
    unless_dry(arguments, config)
}

fn unless_dry<C: Serialize>(arguments: &RunArguments, config: C) -> anyhow::Result<Option<C>> {
    if !arguments.dry_run {
        return Ok(Some(config));
    }
    let text = scarce_train::config::resolved(&config)?;
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(None)
}

/// Opens the run folder with its sinks, or follows the main process's; the data have been read by then, so
/// that a bad file leaves no folder.
pub fn open_run<T: Serialize>(
    arguments: &RunArguments,
    processes: &Group,
    kind: &str,
    config: &T,
    seed: u64,
    inputs: BTreeMap<String, Vec<String>>,
) -> anyhow::Result<RunFolder> {
    let manifest = RunManifest {
        kind: kind.to_owned(),
        seed,
        device: arguments.device.device.clone(),
        threads: tch::get_num_threads(),
        versions: BTreeMap::from([("scarce".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
        inputs,
    };
    let resolved = scarce_train::config::resolved(config)?;
    if !processes.is_main() {
        return Ok(RunFolder::follow(&arguments.out, &resolved));
    }
    let existing = existing(&arguments.existing);
    let mut run = RunFolder::open(&arguments.out, existing, &resolved, &manifest)?;
    run.add_sink(TensorBoard::new(&arguments.out.join("tensorboard")));
    Ok(run)
}

fn existing(asked: &ExistingArguments) -> Existing {
    if asked.resume {
        Existing::Resume
    } else if asked.resume_previous {
        Existing::ResumePrevious
    } else if asked.overwrite {
        Existing::Overwrite
    } else {
        Existing::Refuse
    }
}

/// Adds the line that says how a run goes, on the process that writes it.
pub fn show_progress(
    run: &mut RunFolder,
    processes: &Group,
    training: &LoopConfig,
    data_wait: DataWait,
) {
    if processes.is_main() {
        let progress = Progress::new(training.steps, training.log_every);
        run.add_sink(progress.with_data_wait(data_wait));
    }
}

/// Paths as a manifest lists them.
pub fn names<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<String> {
    paths.map(|path| path.display().to_string()).collect()
}
