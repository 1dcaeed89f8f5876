//! A region in a volume that is in memory, and the seconds it took, for `benches/peers/locate.py`, which times the same elsewhere.
//!
//! ```text
//! locate_duel TASK MODELS VOLUME.npy X,Y,Z PROMPT OUT REPEATS THREADS
//! ```
//!
//! TASK is `open` (MODELS: the network and the text encoder's folder, or the text encoder's folder alone for the network that
//! comes along), `clipseg` (graph and tokenizer) or `sam` (a folder, and the coarse region as `.npy`). The volume is float32 `(z, y, x)`
//! with its spacing in millimetres; OUT.heat.npy and OUT.mask.npy are written once.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::Array3;
use ndarray_npy::{read_npy, write_npy};
use scarce_image::{Geometry, Volume};
use scarce_vlm::Localizer;
use scarce_vlm::clipseg::ClipSeg;
use scarce_vlm::given::GivenLocalizer;
use scarce_vlm::onnx::{ModelFile, SessionOptions};
use scarce_vlm::refine::{RefineOptions, Refined};
use scarce_vlm::sam::{SamPreprocessing, SamRefiner};
use scarce_vlm::scarce_open::{OpenLocalizer, OpenNetwork, OpenOptions};
use scarce_vlm::slices::{SliceBySlice, SliceOptions};
use scarce_vlm::text::TextEncoder;

#[expect(clippy::print_stdout, reason = "the seconds are what it is run for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, models, volume, spacing, prompt, out, repeats, threads] = &arguments[..] else {
        return Err("usage: TASK MODELS VOLUME.npy X,Y,Z PROMPT OUT REPEATS THREADS".into());
    };
    let spacing: Vec<f64> = (spacing.split(','))
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let spacing = <[f64; 3]>::try_from(spacing).map_err(|_| "expected X,Y,Z")?;
    let voxels: Array3<f32> = read_npy(volume)?;
    let image = Volume::new(voxels, Geometry::from_spacing_mm_xyz(spacing)?);
    let session = SessionOptions::default().with_intra_threads(threads.parse()?);
    let models: Vec<PathBuf> = models.split(',').map(PathBuf::from).collect();
    let mut localizer = load(task, &models, &image, &session)?;
    for repeat in 0..repeats.parse()? {
        let start = Instant::now();
        let region = localizer.localize(&image, prompt)?;
        println!("{}", start.elapsed().as_secs_f64());
        if repeat == 0 {
            write_npy(format!("{out}.heat.npy"), region.heat().voxels())?;
            write_npy(format!("{out}.mask.npy"), region.mask().voxels())?;
        }
    }
    Ok(())
}

fn load(
    task: &str,
    models: &[PathBuf],
    image: &Volume<f32>,
    session: &SessionOptions,
) -> Result<Box<dyn Localizer>, Box<dyn Error>> {
    Ok(match (task, models) {
        ("open", [text]) => open(OpenNetwork::committed(session)?, text, session)?,
        ("open", [network, text]) => open(OpenNetwork::load(network, session)?, text, session)?,
        ("clipseg", [graph, tokenizer]) => {
            let (graph, tokenizer) = (graph.as_path().into(), tokenizer.as_path().into());
            let model = ClipSeg::open(&graph, &tokenizer, session)?;
            Box::new(SliceBySlice::new(model, SliceOptions::default())?)
        }
        ("sam", [folder, coarse]) => {
            let file = |name: &str| ModelFile::from(folder.join(name));
            let (encoder, decoder) = (file("encoder.onnx"), file("decoder.onnx"));
            let sam = SamPreprocessing::Sam;
            let refiner = SamRefiner::open(&encoder, &decoder, Some(sam), session)?;
            let coarse: Array3<bool> = read_npy(coarse)?;
            let coarse = Volume::new(coarse, *image.geometry());
            let given = GivenLocalizer::from_mask(coarse, "coarse");
            Box::new(Refined::new(given, refiner, RefineOptions::default())?)
        }
        _ => return Err(format!("unknown task or models: {task} {models:?}").into()),
    })
}

fn open(
    network: OpenNetwork,
    text: &Path,
    session: &SessionOptions,
) -> Result<Box<dyn Localizer>, Box<dyn Error>> {
    let (graph, tokenizer) = (text.join("model.onnx"), text.join("tokenizer.json"));
    let encoder = TextEncoder::load_with_options(&graph, &tokenizer, session)?;
    let options = OpenOptions::default();
    Ok(Box::new(OpenLocalizer::with_network(
        encoder, network, options,
    )))
}
