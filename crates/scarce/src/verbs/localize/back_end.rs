//! The localizer that was asked for, and the image as it reads it.

use std::path::Path;

use scarce_cli::arguments::{BackEnd, LocalizeArguments};
use scarce_cli::exit::UsageError;
use scarce_image::Volume;
use scarce_vlm::Localizer;
use scarce_vlm::biomedclip::BiomedClip;
use scarce_vlm::clipseg::ClipSeg;
use scarce_vlm::foreground::ForegroundLocalizer;
use scarce_vlm::given::GivenLocalizer;
use scarce_vlm::grounding_dino::GroundingDino;
use scarce_vlm::label_map::{LabelMapLocalizer, LabelMapOptions};
use scarce_vlm::onnx::{ModelFile, SessionOptions};
use scarce_vlm::refine::Refined;
use scarce_vlm::sam::SamRefiner;
use scarce_vlm::scarce_open::{OpenLocalizer, OpenOptions, picture_as_volume};
use scarce_vlm::slices::SliceBySlice;
use scarce_vlm::text::TextEncoder;

use super::settings::Settings;

/// Reads the image, and loads what is to find the region.
pub fn load(arguments: &LocalizeArguments) -> anyhow::Result<(Volume<f32>, Box<dyn Localizer>)> {
    let back_end = arguments.localizer.unwrap_or(match arguments.label_map {
        Some(_) => BackEnd::LabelMap,
        None => BackEnd::ScarceOpen,
    });
    let named = named(back_end);
    let wants = |what: &str, argument: &str, is_given: bool, is_wanted: bool| {
        let message = match (is_given, is_wanted) {
            (true, false) => format!("{what} is not read by the localizer `{named}`"),
            (false, true) => format!("the localizer `{named}` needs {argument}"),
            _ => return Ok(()),
        };
        Err(UsageError(message))
    };
    let has_model = matches!(
        back_end,
        BackEnd::Biomedclip | BackEnd::Clipseg | BackEnd::GroundingDino
    );
    let (label_map, given, model) = (&arguments.label_map, &arguments.given, &arguments.model);
    let by_labels = back_end == BackEnd::LabelMap;
    wants(
        "--label-map",
        "--label-map FILE",
        label_map.is_some(),
        by_labels,
    )?;
    wants(
        "--given",
        "--given FILE",
        given.is_some(),
        back_end == BackEnd::Given,
    )?;
    wants("--model", "--model FOLDER", model.is_some(), has_model)?;

    let settings = Settings::load(arguments.options.as_deref())?;
    let session = SessionOptions::default();
    let image = match back_end {
        BackEnd::ScarceOpen if is_picture(&arguments.image) => {
            picture_as_volume(&scarce_io::read_image(&arguments.image)?)?
        }
        _ => scarce_io::read_volume(&arguments.image)?,
    };
    let slices = settings.slices;
    let folder = model.as_deref().unwrap_or(Path::new(""));
    let file = |name: &str| ModelFile::from(folder.join(name));
    let localizer: Box<dyn Localizer> = match back_end {
        BackEnd::LabelMap => {
            let path = label_map.as_deref().unwrap_or(Path::new(""));
            let labels = scarce_io::read_label_map(path)?;
            let names_file = arguments.label_names.as_deref().unwrap_or(path);
            let names = scarce_io::read_label_names(names_file)?;
            let encoder = text_encoder(&arguments.text_encoder)?;
            let options = LabelMapOptions::default();
            Box::new(LabelMapLocalizer::new(encoder, labels, names, options)?)
        }
        BackEnd::ScarceOpen => {
            let encoder = text_encoder(&arguments.text_encoder)?;
            Box::new(OpenLocalizer::new(encoder, OpenOptions::default())?)
        }
        BackEnd::Foreground => Box::new(ForegroundLocalizer),
        BackEnd::Given => {
            let path = given.as_deref().unwrap_or(Path::new(""));
            let mask = scarce_io::read_label_map(path)?.map(|label| *label != 0);
            Box::new(GivenLocalizer::from_mask(mask, &path.display().to_string()))
        }
        BackEnd::Biomedclip => {
            let model = BiomedClip::load(folder, settings.biomedclip, &session)?;
            Box::new(SliceBySlice::new(model, slices)?)
        }
        BackEnd::Clipseg => {
            let (graph, tokenizer) = (file("model.onnx"), file("tokenizer.json"));
            let model = ClipSeg::open(&graph, &tokenizer, &session)?;
            Box::new(SliceBySlice::new(model, slices)?)
        }
        BackEnd::GroundingDino => {
            let (graph, tokenizer) = (file("model.onnx"), file("tokenizer.json"));
            let options = settings.grounding_dino;
            let model = GroundingDino::open(&graph, &tokenizer, options, &session)?;
            Box::new(SliceBySlice::new(model, slices)?)
        }
    };
    let localizer = match &arguments.refine {
        None => localizer,
        Some(folder) => {
            let file = |name: &str| ModelFile::from(folder.join(name));
            let (encoder, decoder) = (file("encoder.onnx"), file("decoder.onnx"));
            let refiner = SamRefiner::open(&encoder, &decoder, None, &session)?;
            Box::new(Refined::new(localizer, refiner, settings.refine)?)
        }
    };
    Ok((image, localizer))
}

/// As it is called on the command line.
fn named(back_end: BackEnd) -> String {
    clap::ValueEnum::to_possible_value(&back_end)
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

/// By its name, as writers choose formats.
fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    ["png", "jpg", "jpeg", "tif", "tiff"]
        .iter()
        .any(|known| extension == *known)
}

fn text_encoder(folder: &Path) -> anyhow::Result<TextEncoder> {
    Ok(TextEncoder::load(
        &folder.join("model.onnx"),
        &folder.join("tokenizer.json"),
    )?)
}
