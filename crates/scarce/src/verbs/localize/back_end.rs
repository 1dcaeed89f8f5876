//! The localizer that was asked for, and images as it reads them.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use ndarray::Axis;
use scarce_cli::arguments::{BackEnd, LocalizeArguments, Means};
use scarce_cli::exit::UsageError;
use scarce_image::{Image, Volume};
use scarce_io::{Format, images_in};
use scarce_vlm::Localizer;
use scarce_vlm::biomedclip::BiomedClip;
use scarce_vlm::clipseg::ClipSeg;
use scarce_vlm::foreground::ForegroundLocalizer;
use scarce_vlm::given::GivenLocalizer;
use scarce_vlm::grounding_dino::GroundingDino;
use scarce_vlm::label_map::{LabelMapLocalizer, LabelMapOptions};
use scarce_vlm::onnx::{ModelFile, SessionOptions};
use scarce_vlm::refine::{RefineOptions, Refined};
use scarce_vlm::sam::SamRefiner;
use scarce_vlm::scarce_open::{OpenLocalizer, OpenNetwork, OpenOptions, picture_as_volume};
use scarce_vlm::slices::SliceBySlice;
use scarce_vlm::text::{TextEncoder, check_prompt};

use super::cases::Case;
use super::settings::Settings;

/// What is loaded: the choice, checked, and how its models compute.
pub struct Plan<'a> {
    means: &'a Means,
    back_end: BackEnd,
    settings: Settings,
    session: SessionOptions,
    /// Whether files that belong to an image lie in a folder, by its name.
    is_set: bool,
}

/// Models ready to look at one image after the other.
pub struct Worker<'a> {
    plan: &'a Plan<'a>,
    finder: Finder,
    refiner: Option<SamRefiner>,
}

enum Finder {
    /// The same for all images.
    Same(Box<dyn Localizer + Send>),
    /// Over the labels of each image.
    ByLabels(Box<TextEncoder>),
    /// The region of each image.
    Given,
}

/// An image as the localizers read it.
pub struct Seen {
    pub volume: Volume<f32>,
    pub is_picture: bool,
}

impl<'a> Plan<'a> {
    /// Checks what was asked for against what the localizer takes.
    pub fn of(arguments: &'a LocalizeArguments, is_single: bool) -> anyhow::Result<Self> {
        let means = &arguments.means;
        let back_end = means.localizer.unwrap_or(match means.label_map {
            Some(_) => BackEnd::LabelMap,
            None => BackEnd::ScarceOpen,
        });
        let named = named(back_end);
        let has_model = matches!(
            back_end,
            BackEnd::Biomedclip | BackEnd::Clipseg | BackEnd::GroundingDino
        );
        let by_labels = back_end == BackEnd::LabelMap;
        let given = back_end == BackEnd::Given;
        for (argument, value, is_given, is_wanted) in [
            ("--label-map", "FILE", means.label_map.is_some(), by_labels),
            ("--given", "FILE", means.given.is_some(), given),
            ("--model", "FOLDER", means.model.is_some(), has_model),
        ] {
            let message = match (is_given, is_wanted) {
                (true, false) => format!("{argument} is not read by the localizer `{named}`"),
                (false, true) => format!("the localizer `{named}` needs {argument} {value}"),
                _ => continue,
            };
            return Err(UsageError(message).into());
        }
        for (argument, value) in [
            ("--workers", Some(arguments.workers)),
            ("--threads", means.threads),
        ] {
            if value == Some(0) {
                return Err(UsageError(format!("{argument} is 0: expected 1 or more")).into());
            }
        }
        let processors = available_parallelism().map_or(1, NonZero::get);
        let threads = means
            .threads
            .unwrap_or((processors / arguments.workers).max(1));
        Ok(Self {
            means,
            back_end,
            settings: Settings::load(means.options.as_deref())?,
            session: SessionOptions::default()
                .with_intra_threads(threads)
                .with_providers(means.provider.clone()),
            is_set: !is_single,
        })
    }

    /// Refuses what no image could be asked, before any model is loaded.
    pub fn check_prompt(&self, prompt: &str) -> anyhow::Result<()> {
        if !matches!(self.back_end, BackEnd::Foreground | BackEnd::Given) {
            check_prompt(prompt)?;
        }
        Ok(())
    }

    /// Loads the models.
    pub fn worker(&self) -> anyhow::Result<Worker<'_>> {
        let slices = self.settings.slices.clone();
        let session = &self.session;
        let folder = self.means.model.as_deref().unwrap_or(Path::new(""));
        let file = |name: &str| ModelFile::from(folder.join(name));
        let finder: Box<dyn Localizer + Send> = match self.back_end {
            BackEnd::LabelMap => {
                return self.with(Finder::ByLabels(Box::new(self.text_encoder()?)));
            }
            BackEnd::Given => return self.with(Finder::Given),
            BackEnd::ScarceOpen => Box::new(OpenLocalizer::with_network(
                self.text_encoder()?,
                OpenNetwork::committed(session)?,
                OpenOptions::default(),
            )),
            BackEnd::Foreground => Box::new(ForegroundLocalizer),
            BackEnd::Biomedclip => {
                let model = BiomedClip::load(folder, self.settings.biomedclip.clone(), session)?;
                Box::new(SliceBySlice::new(model, slices)?)
            }
            BackEnd::Clipseg => {
                let (graph, tokenizer) = (file("model.onnx"), file("tokenizer.json"));
                let model = ClipSeg::open(&graph, &tokenizer, session)?;
                Box::new(SliceBySlice::new(model, slices)?)
            }
            BackEnd::GroundingDino => {
                let (graph, tokenizer) = (file("model.onnx"), file("tokenizer.json"));
                let options = self.settings.grounding_dino;
                let model = GroundingDino::open(&graph, &tokenizer, options, session)?;
                Box::new(SliceBySlice::new(model, slices)?)
            }
        };
        self.with(Finder::Same(finder))
    }

    fn with(&self, finder: Finder) -> anyhow::Result<Worker<'_>> {
        let refiner = self.means.refine.as_deref().map(|folder| {
            let file = |name: &str| ModelFile::from(folder.join(name));
            let (encoder, decoder) = (file("encoder.onnx"), file("decoder.onnx"));
            SamRefiner::open(&encoder, &decoder, None, &self.session)
        });
        Ok(Worker {
            plan: self,
            finder,
            refiner: refiner.transpose()?,
        })
    }

    fn text_encoder(&self) -> anyhow::Result<TextEncoder> {
        let folder = &self.means.text_encoder;
        let (model, tokenizer) = (folder.join("model.onnx"), folder.join("tokenizer.json"));
        Ok(TextEncoder::load_with_options(
            &model,
            &tokenizer,
            &self.session,
        )?)
    }

    /// Reads an image.
    pub fn read(&self, image: &Path) -> anyhow::Result<Seen> {
        let is_picture = Format::of_file(image)?.is_some_and(Format::is_picture);
        let volume = match self.back_end {
            // These bring a mask or labels along, on the grid that a reader of volumes gives.
            BackEnd::Given | BackEnd::LabelMap => scarce_io::read_volume(image)?,
            _ if is_picture => grey(&scarce_io::read_image(image)?, image)?,
            _ => scarce_io::read_volume(image)?,
        };
        Ok(Seen { volume, is_picture })
    }

    /// What belongs to an image: the path itself for one image, of a set the file of the image's name in the folder.
    fn of_image(&self, path: Option<&Path>, case: &Case) -> anyhow::Result<PathBuf> {
        let path = path.unwrap_or(Path::new(""));
        if !self.is_set {
            return Ok(path.to_owned());
        }
        if !path.is_dir() {
            let message =
                "there are several images: expected a folder with a file of the same name each";
            return Err(UsageError(format!("{message}: {}", path.display())).into());
        }
        let mut found = images_in(path)?;
        found.retain(|file| scarce_io::image_stem(file) == case.stem);
        match &found[..] {
            [only] => Ok(only.clone()),
            _ => anyhow::bail!(
                "{} files are called {:?}, expected one: {}",
                found.len(),
                case.stem,
                path.display()
            ),
        }
    }
}

impl Worker<'_> {
    /// What finds the region in an image.
    pub fn localizer(&mut self, case: &Case) -> anyhow::Result<Box<dyn Localizer + '_>> {
        let plan = self.plan;
        let means = plan.means;
        let found: Box<dyn Localizer + '_> = match &mut self.finder {
            Finder::Same(localizer) => Box::new(localizer),
            Finder::ByLabels(encoder) => {
                let path = plan.of_image(means.label_map.as_deref(), case)?;
                let labels = scarce_io::read_label_map(&path)?;
                let names = means.label_names.as_deref().unwrap_or(&path);
                let names = scarce_io::read_label_names(names)?;
                let options = LabelMapOptions::default();
                Box::new(LabelMapLocalizer::new(
                    &mut **encoder,
                    labels,
                    names,
                    options,
                )?)
            }
            Finder::Given => {
                let path = plan.of_image(means.given.as_deref(), case)?;
                let mask = scarce_io::read_label_map(&path)?.map(|label| *label != 0);
                Box::new(GivenLocalizer::from_mask(mask, &path.display().to_string()))
            }
        };
        let options: RefineOptions = plan.settings.refine.clone();
        Ok(match &mut self.refiner {
            None => found,
            Some(refiner) => Box::new(Refined::new(found, refiner, options)?),
        })
    }
}

/// A picture as one slice; the mean of its colours, which are mostly three times the same in what scanners write.
fn grey(picture: &Image, path: &Path) -> anyhow::Result<Volume<f32>> {
    let is_coloured = (picture.pixels().axis_iter(Axis(0)).skip(1))
        .any(|channel| channel != picture.pixels().index_axis(Axis(0), 0));
    if is_coloured {
        tracing::warn!("the mean of its colours is looked at: {}", path.display());
    }
    Ok(picture_as_volume(picture)?)
}

/// As it is called on the command line.
fn named(back_end: BackEnd) -> String {
    clap::ValueEnum::to_possible_value(&back_end)
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}
