//! `localize`: from prompts to regions, of one image or of many.

mod back_end;
mod cases;
mod check;
mod check_page;
mod found;
mod kept;
mod settings;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_vlm::cache::{region_key, volume_sha256};
use scarce_vlm::{Localization, LocalizeError, Localizer as _, Pool, Shard};
use serde::Serialize;

use self::back_end::{Plan, Worker};
use self::cases::{Case, Cases};
use self::found::{CacheRecord, file_names, make_folder, write_maps, write_record};
use self::kept::Kept;

pub use self::check_page::sections as check_sections;

/// What became of a set of images: `localizations.json`, of a share `localizations.I-of-N.json`.
#[derive(Serialize)]
struct SetRecord<'a> {
    shard: String,
    n_found: usize,
    n_not_found: usize,
    n_failed: usize,
    images: Vec<ImageRecord<'a>>,
}

#[derive(Serialize)]
struct ImageRecord<'a> {
    image: &'a Path,
    prompt: &'a str,
    /// Where its region is.
    folder: PathBuf,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
enum Outcome {
    Found {
        score: f32,
        cached: bool,
    },
    /// The localizer says that the image has no such thing, or none that it knows.
    NotFound {
        message: String,
    },
    Failed {
        message: String,
    },
}

/// Writes a region's maps and its record for each image, or what the check of prompts says.
pub fn run(arguments: &LocalizeArguments) -> anyhow::Result<()> {
    let cases = Cases::gather(arguments)?;
    let plan = Plan::of(arguments, cases.is_single)?;
    if arguments.check.check {
        return check::run(arguments, &plan, &cases.cases);
    }
    for case in &cases.cases {
        plan.check_prompt(&case.prompt)?;
    }
    let kept = arguments.cache.as_deref().map(Kept::open).transpose()?;
    let out = &arguments.out;
    if cases.is_single {
        return match &cases.cases[..] {
            [case] => localize(&mut plan.worker()?, &plan, case, out, kept.as_ref()).map(drop),
            _ => Err(UsageError(format!("the share {} has no image", arguments.shard)).into()),
        };
    }
    make_folder(out)?;
    let workers = arguments.workers.min(cases.cases.len());
    let mut pool = Pool::new(workers, || plan.worker())?;
    let outcomes = pool.map(&cases.cases, |worker, case| {
        localize(worker, &plan, case, &out.join(&case.stem), kept.as_ref())
    });
    let record = out.join(match arguments.shard {
        Shard::ALL => "localizations.json".to_owned(),
        shard => format!(
            "localizations.{}.json",
            shard.to_string().replace('/', "-of-")
        ),
    });
    tell(arguments, &cases.cases, outcomes, &record)
}

/// Writes the account of a set, and fails where an image could not be looked at.
fn tell(
    arguments: &LocalizeArguments,
    cases: &[Case],
    outcomes: Vec<anyhow::Result<(Localization, bool)>>,
    record: &Path,
) -> anyhow::Result<()> {
    let mut first_failure = None;
    let mut counts = [0; 3];
    let mut images = Vec::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        let (place, outcome) = match outcome {
            Ok((localization, cached)) => {
                let score = localization.score;
                (0, Outcome::Found { score, cached })
            }
            Err(error) => {
                let message = format!("{error:#}");
                let is_refusal =
                    (error.downcast_ref::<LocalizeError>()).is_some_and(LocalizeError::is_refusal);
                tracing::warn!("{}: {message}", case.image.display());
                if is_refusal {
                    (1, Outcome::NotFound { message })
                } else {
                    first_failure.get_or_insert(error);
                    (2, Outcome::Failed { message })
                }
            }
        };
        counts[place] += 1;
        images.push(ImageRecord {
            image: &case.image,
            prompt: &case.prompt,
            folder: arguments.out.join(&case.stem),
            outcome,
        });
    }
    let [n_found, n_not_found, n_failed] = counts;
    let set = SetRecord {
        shard: arguments.shard.to_string(),
        n_found,
        n_not_found,
        n_failed,
        images,
    };
    json_output::write(record, &set)?;
    tracing::info!(
        "{n_found} found, {n_not_found} not found, {n_failed} failed: {}",
        record.display()
    );
    match first_failure {
        None => Ok(()),
        Some(error) => Err(error.context(format!(
            "{n_failed} of {} images failed, all named in {}; the first",
            cases.len(),
            record.display()
        ))),
    }
}

/// Finds one image's region and writes it into `folder`; whether it came from the cache.
fn localize(
    worker: &mut Worker<'_>,
    plan: &Plan<'_>,
    case: &Case,
    folder: &Path,
    kept: Option<&Kept>,
) -> anyhow::Result<(Localization, bool)> {
    let seen = plan.read(&case.image)?;
    let mut localizer = worker.localizer(case)?;
    let Some(kept) = kept else {
        let region = localizer.localize(&seen.volume, &case.prompt)?;
        make_folder(folder)?;
        write_maps(folder, &region, seen.is_picture)?;
        let localization = region.localization();
        write_record(folder, &case.image, &localization, None)?;
        tracing::info!(
            "{}, {} voxels",
            in_words(&localization),
            region.voxel_count()
        );
        return Ok((localization, false));
    };
    let image = volume_sha256(&seen.volume);
    let key = region_key(&image, &case.prompt, &localizer.identity());
    let entry = kept.get_or_find(&key, seen.is_picture, || {
        Ok(localizer.localize(&seen.volume, &case.prompt)?)
    })?;
    make_folder(folder)?;
    for name in file_names(seen.is_picture) {
        let from = entry.folder.join(name);
        fs::copy(&from, folder.join(name))
            .with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let hit = entry.hit;
    let cache = CacheRecord { key, hit };
    write_record(folder, &case.image, &entry.localization, Some(&cache))?;
    let whence = if hit { ", from the cache" } else { "" };
    tracing::info!("{}{whence}", in_words(&entry.localization));
    Ok((entry.localization, hit))
}

fn in_words(found: &Localization) -> String {
    let labels: Vec<&str> = (found.matches.iter())
        .map(|label| label.name.as_str())
        .collect();
    let what = if labels.is_empty() {
        format!("is found by {}", found.localizer)
    } else {
        format!("is {}", labels.join(", "))
    };
    format!("{:?} {what} (score {:.3})", found.prompt, found.score)
}
