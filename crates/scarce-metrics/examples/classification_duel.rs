//! One figure of arrays in `.npy` files, its values and the seconds it took to stdout as JSON: for
//! `benches/peers/metrics/classification.py`, which times the same figure elsewhere.
//!
//! ```text
//! classification_duel TASK FOLDER REPEATS
//! ```

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use ndarray::{Array1, Array2, Array3};
use ndarray_npy::{ReadableElement, read_npy};
use scarce_metrics::classification::{ConfusionMatrix, Probabilities, RankedScores};
use scarce_metrics::reconstruction::{SsimOptions, psnr_db, ssim};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, folder, repeats] = &arguments[..] else {
        return Err("usage: classification_duel TASK FOLDER REPEATS".into());
    };
    let (folder, repeats) = (Path::new(folder), repeats.parse()?);
    match task.as_str() {
        "roc-auc" => {
            let (positive, scores) = scored(folder)?;
            time(repeats, || {
                Ok(vec![RankedScores::new(&positive, &scores)?.roc_auc()?])
            })
        }
        "average-precision" => {
            let (positive, scores) = scored(folder)?;
            let of = || {
                RankedScores::new(&positive, &scores)?
                    .average_precision()
                    .map_err(Into::into)
            };
            time(repeats, || of().map(|value: f64| vec![value]))
        }
        "agreement" => {
            let (reference, predicted) =
                (classes(folder, "reference")?, classes(folder, "predicted")?);
            time(repeats, || {
                let matrix = ConfusionMatrix::of(5, &reference, &predicted)?;
                Ok(vec![
                    matrix.accuracy(),
                    matrix.balanced_accuracy()?,
                    matrix.f1_macro(),
                    matrix.f1_weighted(),
                    matrix.cohen_kappa()?,
                    matrix.quadratic_weighted_kappa()?,
                    matrix.matthews()?,
                ])
            })
        }
        "brier" => {
            let values: Array2<f64> = read_npy(folder.join("probabilities.npy"))?;
            let reference = classes(folder, "reference")?;
            time(repeats, || {
                let probabilities = Probabilities::new(values.clone(), reference.clone())?;
                Ok(vec![probabilities.brier()])
            })
        }
        "calibration" => {
            let values: Array2<f64> = read_npy(folder.join("probabilities.npy"))?;
            let reference = classes(folder, "reference")?;
            time(repeats, || {
                let probabilities = Probabilities::new(values.clone(), reference.clone())?;
                Ok(vec![probabilities.expected_calibration_error(15)?])
            })
        }
        "psnr-volume" => {
            let [a, b]: [Array3<f64>; 2] = [array(folder, "volume-a")?, array(folder, "volume-b")?];
            time(repeats, || {
                let psnr = psnr_db(a.view(), b.view(), 2.0)?;
                Ok(vec![psnr.ok_or("the volumes are equal")?])
            })
        }
        "ssim-image" => {
            let [a, b]: [Array2<f64>; 2] = [array2(folder, "image-a")?, array2(folder, "image-b")?];
            time(repeats, || {
                Ok(vec![ssim(a.view(), b.view(), 2.0, &SsimOptions::wang())?])
            })
        }
        "ssim-volume" | "ssim-volume-uniform" => {
            let [a, b]: [Array3<f64>; 2] = [array(folder, "volume-a")?, array(folder, "volume-b")?];
            let options = if task == "ssim-volume" {
                SsimOptions::wang()
            } else {
                SsimOptions::default()
            };
            time(repeats, || {
                Ok(vec![ssim(a.view(), b.view(), 2.0, &options)?])
            })
        }
        other => Err(format!("unknown task {other}").into()),
    }
}

fn scored(folder: &Path) -> Result<(Vec<bool>, Vec<f64>), Box<dyn Error>> {
    let positive: Array1<bool> = read_npy(folder.join("positive.npy"))?;
    let scores: Array1<f64> = read_npy(folder.join("scores.npy"))?;
    Ok((positive.to_vec(), scores.to_vec()))
}

fn classes(folder: &Path, name: &str) -> Result<Vec<usize>, Box<dyn Error>> {
    let classes: Array1<i64> = read_npy(folder.join(format!("{name}.npy")))?;
    let indices = classes.iter().map(|class| usize::try_from(*class));
    Ok(indices.collect::<Result<_, _>>()?)
}

fn array<T: ReadableElement>(folder: &Path, name: &str) -> Result<Array3<T>, Box<dyn Error>> {
    Ok(read_npy(folder.join(format!("{name}.npy")))?)
}

fn array2<T: ReadableElement>(folder: &Path, name: &str) -> Result<Array2<T>, Box<dyn Error>> {
    Ok(read_npy(folder.join(format!("{name}.npy")))?)
}

#[expect(
    clippy::print_stdout,
    reason = "the values and seconds are what it is run for"
)]
fn time(
    repeats: usize,
    job: impl Fn() -> Result<Vec<f64>, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let (mut seconds, mut values) = (Vec::new(), Vec::new());
    for _ in 0..repeats {
        let start = Instant::now();
        values = job()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    println!(
        "{}",
        serde_json::json!({ "values": values, "seconds": seconds })
    );
    Ok(())
}
