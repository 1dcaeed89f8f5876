//! Streams slices of volumes until there were so many, and says what memory it takes on the way.
//!
//! ```text
//! cargo run --release -p scarce-io --example stream_slices -- 10000 scans/*.nii.gz
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use scarce_io::{ReadOptions, stream_slices};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let wanted: usize = arguments
        .next()
        .ok_or("usage: stream_slices COUNT SCAN…")?
        .parse()?;
    let scans: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    if scans.is_empty() {
        return Err("usage: stream_slices COUNT SCAN…".into());
    }
    // As an epoch after the other: the same scans again until there are enough slices.
    let epochs = scans.iter().cycle().take(wanted).cloned().collect();
    let start = Instant::now();
    let mut sum = 0.0;
    for (number, slice) in stream_slices(epochs, ReadOptions::default())
        .take(wanted)
        .enumerate()
    {
        sum += f64::from(slice?.pixels.sum());
        let told_at = [100, wanted / 4, wanted / 2, 3 * wanted / 4, wanted];
        if told_at.contains(&(number + 1)) {
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{} slices in {seconds:.1} s, memory {}, at most {}",
                number + 1,
                memory("VmRSS:"),
                memory("VmHWM:")
            );
        }
    }
    println!("sum of all pixels {sum}");
    Ok(())
}

/// What Linux tells of this process.
fn memory(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib: Option<u64> =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024))
}
