//! CORAL and sliding windows on tensors from elsewhere: what they give, how long they take, and in how much memory. For
//! `benches/peers/corn`, which does the same in PyTorch and MONAI.
//!
//! ```text
//! corn_duel coral FOLDER ROUNDS THREADS
//! corn_duel probabilities|labels FOLDER ROUNDS THREADS PATCH STRIDES
//! ```
//!
//! FOLDER holds `input.safetensors`. For `coral`: `rows` and `anchors`. For windows of PATCH voxels that lie STRIDES apart, each
//! `z,y,x`: `image` and the network's convolutions `w0`, `b0`, `w1`, …, with rectifiers between; without one the network is the
//! image and its negative. Written are `computed.safetensors` and, to standard output, seconds a round and the process's memory
//! as JSON.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use scarce_corn::CornError;
use scarce_corn::coral::coral_loss;
use scarce_corn::inference::{Blend, Windows, sliding_window, sliding_window_labels};
use scarce_train::{array3_from_tensor, tensor_from_array};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [job, folder, rounds, threads, ref shape @ ..] = arguments[..] else {
        return Err("usage: corn_duel JOB FOLDER ROUNDS THREADS [PATCH STRIDES]".into());
    };
    tch::set_num_threads(threads.parse()?);
    let folder = Path::new(folder);
    let tensors = Tensor::read_safetensors(folder.join("input.safetensors"))?;
    let tensors: BTreeMap<String, Tensor> = tensors.into_iter().collect();
    let rounds = rounds.parse()?;
    let (times, computed) = match (job, shape) {
        ("coral", []) => coral(&tensors, rounds)?,
        (_, [patch, strides]) => windows(job, &tensors, rounds, [patch, strides])?,
        _ => return Err(format!("no such job: {job} {shape:?}").into()),
    };
    Tensor::write_safetensors(&computed, folder.join("computed.safetensors"))?;
    let told = format!(
        "{{\"seconds\": {:?}, \"resident\": {}, \"peak\": {}}}",
        times.seconds, times.resident, times.peak
    );
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

/// What rounds took.
struct Taken {
    seconds: Vec<f64>,
    /// Bytes resident before the first.
    resident: u64,
    /// Bytes resident at most until after the last.
    peak: u64,
}

/// That, and what came out.
type Measured = (Taken, Vec<(&'static str, Tensor)>);

fn coral(tensors: &BTreeMap<String, Tensor>, rounds: usize) -> Result<Measured, Box<dyn Error>> {
    let rows = tensors["rows"].set_requires_grad(true);
    let mut loss = Tensor::default();
    let mut once = || -> Result<(), CornError> {
        let mut rows = rows.shallow_clone();
        rows.zero_grad();
        loss = coral_loss(&rows, &tensors["anchors"])?;
        Ok(loss.f_backward()?)
    };
    let taken = timed(rounds, &mut once)?;
    let computed = vec![("loss", loss.detach()), ("gradient", rows.grad())];
    Ok((taken, computed))
}

fn windows(
    job: &str,
    tensors: &BTreeMap<String, Tensor>,
    rounds: usize,
    shape: [&str; 2],
) -> Result<Measured, Box<dyn Error>> {
    let sides = |text: &str| -> Result<[usize; 3], Box<dyn Error>> {
        let numbers = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(numbers.try_into().map_err(|_| "expected z,y,x")?)
    };
    let windows = Windows {
        patch_zyx: sides(shape[0])?,
        strides_zyx: Some(sides(shape[1])?),
        blend: Blend::Uniform,
        ..Windows::default()
    };
    let forward = |x: &Tensor| network(tensors, x);
    let image = array3_from_tensor(&tensors["image"])?;
    let (mut shares, mut labels) = (None, None);
    let mut once = || -> Result<(), CornError> {
        // Of two rounds, only one result is there at a time.
        (shares, labels) = (None, None);
        if job == "labels" {
            let found = sliding_window_labels(&forward, image.view(), &windows, None, Device::Cpu)?;
            labels = Some(found.labels);
        } else {
            shares = Some(sliding_window(
                &forward,
                image.view(),
                &windows,
                Device::Cpu,
            )?);
        }
        Ok(())
    };
    let taken = timed(rounds, &mut once)?;
    // Labels are 16 bits wide, which tensors are not.
    let labels = labels.map(|labels| tensor_from_array(&labels.map(|label| *label as u8)));
    let computed = [
        (
            "probabilities",
            shares.map(|shares| tensor_from_array(&shares)),
        ),
        ("labels", labels),
    ];
    let computed = computed
        .into_iter()
        .filter_map(|(name, found)| Some((name, found?)));
    Ok((taken, computed.collect()))
}

fn network(tensors: &BTreeMap<String, Tensor>, image: &Tensor) -> Result<Tensor, CornError> {
    let mut x = image.shallow_clone();
    let mut layers = 0;
    while let Some(weight) = tensors.get(&format!("w{layers}")) {
        if layers > 0 {
            x = x.f_relu()?;
        }
        let padding = weight.size()[2] / 2;
        let bias = Some(&tensors[&format!("b{layers}")]);
        x = x.f_conv3d(weight, bias, [1; 3], [padding; 3], [1; 3], 1)?;
        layers += 1;
    }
    if layers == 0 {
        return Ok(Tensor::f_cat(&[image, &image.f_neg()?], 1)?);
    }
    Ok(x.f_to_kind(Kind::Float)?)
}

fn timed(
    rounds: usize,
    once: &mut dyn FnMut() -> Result<(), CornError>,
) -> Result<Taken, Box<dyn Error>> {
    let resident = memory("VmRSS:")?;
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        once()?;
        seconds.push(began.elapsed().as_secs_f64());
    }
    let peak = memory("VmHWM:")?;
    Ok(Taken {
        seconds,
        resident,
        peak,
    })
}

/// A line of the process's status, in bytes.
fn memory(name: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = number.ok_or("no such line in /proc/self/status")?.parse()?;
    Ok(kib * 1024)
}
