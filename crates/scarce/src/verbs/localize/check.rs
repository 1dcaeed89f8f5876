//! `localize --check`: whether maps follow the words, over the images that are given.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::{ArrayView3, Axis, Slice};
use scarce_cli::arguments::LocalizeArguments;
use scarce_cli::exit::UsageError;
use scarce_cli::json_output;
use scarce_report::{Picture, Report};
use scarce_vlm::check::{Found, SanityThresholds, SetSanity, Words, check_set};
use scarce_vlm::slices::{Display, Shown};
use scarce_vlm::{LocalizeError, Localizer as _, Region};

use super::back_end::{Plan, Seen, Worker};
use super::cases::Case;
use super::check_page::sections;
use super::found::make_folder;

/// Maps with more voxels than this are compared at every second of them along each axis, or at every third.
const COMPARED_VOXELS: usize = 2_000_000;

/// Writes `check.json`, `check.png` with the maps of the first image, and both as one page, `check.html`.
pub fn run(arguments: &LocalizeArguments, plan: &Plan<'_>, cases: &[Case]) -> anyhow::Result<()> {
    let words = words(arguments)?;
    for words in &words {
        plan.check_prompt(&words.prompt)?;
    }
    let mut maps = Maps::default();
    let mut asked = Asked {
        plan,
        worker: plan.worker()?,
        image: None,
    };
    let images: Vec<(String, &Case)> = cases.iter().map(|case| (case.stem.clone(), case)).collect();
    let found = check_set(
        &images,
        &words,
        SanityThresholds::default(),
        |case, text| {
            let is_first = cases.first() == Some(*case);
            let (seen, region) = asked.ask(case, text)?;
            if is_first {
                maps.add(seen, &region)?;
            }
            Ok(compared(&region))
        },
    )?;
    let out = &arguments.out;
    make_folder(out)?;
    json_output::write(&out.join("check.json"), &found)?;
    let picture = maps.picture();
    if let Some(picture) = &picture {
        let path = out.join("check.png");
        let png = picture.to_png()?;
        scarce_io::write_atomic(&path, |file| file.write_all(&png))?;
    }
    write_page(&out.join("check.html"), &found, picture.as_ref())?;
    for prompt in &found.prompts {
        tracing::info!(
            "{:?}: {} (correlation with reworded prompts {:.3}, with nonsense {:.3})",
            prompt.words.prompt,
            prompt.verdict,
            prompt.reworded.correlation,
            prompt.nonsense.correlation
        );
    }
    Ok(())
}

fn write_page(path: &Path, found: &SetSanity, picture: Option<&Picture>) -> anyhow::Result<()> {
    let mut page = Report::new(
        "Do maps follow the words?",
        "Made by scarce localize --check.",
    );
    let png = picture.map(Picture::to_png).transpose()?;
    for section in sections(found, png.as_deref()) {
        page.push(section);
    }
    let html = page.to_html()?;
    scarce_io::write_atomic(path, |file| file.write_all(html.as_bytes()))?;
    tracing::info!("{}", path.display());
    Ok(())
}

/// From a file, or of the prompt: in other words that are given, else within sentences.
fn words(arguments: &LocalizeArguments) -> anyhow::Result<Vec<Words>> {
    let asked = &arguments.check;
    if let Some(path) = &asked.words {
        let text =
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        return serde_json::from_str(&text)
            .map_err(|error| UsageError(format!("{error}: {}", path.display())).into());
    }
    let prompt = arguments.prompt.as_deref().unwrap_or_default();
    let mut words = Words::new(prompt, &[]);
    words.reworded = match &asked.reworded[..] {
        [] => within_sentences(prompt),
        given => given.to_vec(),
    };
    if !asked.nonsense.is_empty() {
        words.nonsense.clone_from(&asked.nonsense);
    }
    Ok(vec![words])
}

/// What means the same in any language model.
fn within_sentences(prompt: &str) -> Vec<String> {
    let article = ["the ", "a ", "an "];
    let bare = article.iter().find_map(|word| prompt.strip_prefix(word));
    let bare = bare.unwrap_or(prompt);
    vec![
        format!("please find the {bare}"),
        format!("a scan showing the {bare}"),
        format!("the {bare} in this image"),
    ]
}

/// Models, and the image they were asked about last.
struct Asked<'a> {
    plan: &'a Plan<'a>,
    worker: Worker<'a>,
    image: Option<(PathBuf, Seen)>,
}

impl Asked<'_> {
    fn ask(&mut self, case: &Case, text: &str) -> Result<(&Seen, Region), LocalizeError> {
        let is_at_hand = |(path, _): &(PathBuf, Seen)| *path == case.image;
        if !self.image.as_ref().is_some_and(is_at_hand) {
            let seen = self.plan.read(&case.image).map_err(unreadable)?;
            self.image = Some((case.image.clone(), seen));
        }
        let Some((_, seen)) = &self.image else {
            return Err(unreadable(anyhow::anyhow!("nothing was read")));
        };
        let mut localizer = self.worker.localizer(case).map_err(unreadable)?;
        let region = localizer.localize(&seen.volume, text)?;
        Ok((seen, region))
    }
}

fn unreadable(error: anyhow::Error) -> LocalizeError {
    error
        .downcast()
        .unwrap_or_else(|error| LocalizeError::Image {
            what: format!("{error:#}"),
        })
}

/// Heat and region as they are compared.
fn compared(region: &Region) -> Found {
    let n = region.heat().voxels().len();
    let step = (1..=n).find(|step| n / (step * step * step) <= COMPARED_VOXELS);
    let step = step.unwrap_or(1);
    Found {
        heat: every(region.heat().voxels().view(), step),
        inside: every(region.mask().voxels().view(), step),
    }
}

fn every<T: Copy>(voxels: ArrayView3<'_, T>, step: usize) -> Vec<T> {
    let mut thinned = voxels;
    for axis in 0..3 {
        // A picture has one slice.
        if thinned.len_of(Axis(axis)) > 1 {
            thinned.slice_axis_inplace(Axis(axis), Slice::new(0, None, step as isize));
        }
    }
    thinned.iter().copied().collect()
}

/// Maps of one image side by side, all at the slice where the first one is hottest.
#[derive(Default)]
struct Maps {
    slice: Option<usize>,
    shown: Vec<Picture>,
}

impl Maps {
    fn add(&mut self, seen: &Seen, region: &Region) -> Result<(), LocalizeError> {
        let shown = Shown::new(&seen.volume, &Display::default())?;
        let heat = shown.slices(region.heat());
        let hottest = || {
            let sums = heat.outer_iter().map(|slice| slice.sum());
            let by_heat = |(_, a): &(usize, f32), (_, b): &(usize, f32)| a.total_cmp(b);
            sums.enumerate().max_by(by_heat).map_or(0, |(z, _)| z)
        };
        let z = *self.slice.get_or_insert_with(hottest);
        let grey = shown.picture(z)?;
        let grey = grey.rgb().index_axis(Axis(2), 0);
        let grey = Picture::grey(grey.mapv(|value| f32::from(value) / 255.0).view());
        let heat = heat.index_axis(Axis(0), z);
        self.shown.push(grey.with_heat(heat, 0.75));
        Ok(())
    }

    fn picture(&self) -> Option<Picture> {
        (!self.shown.is_empty()).then(|| Picture::row(&self.shown))
    }
}
