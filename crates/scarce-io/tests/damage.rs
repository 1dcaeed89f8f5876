//! Random damage never makes a reader panic, and never makes it ask for more than its budget.
//!
//! `SCARCE_DAMAGE_ROUNDS` asks for more rounds than a test run has time for.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use scarce_image::{Seed, StreamKey};
use scarce_io::{ReadOptions, read_image_with, read_label_map_with, read_volume_with};

const BUDGET_BYTES: u64 = 1 << 16;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|e| e != "py" && e != "json"));
    files.sort();
    files
}

/// Flips, overwrites, cuts, doubles or drops a few places; headers are hit more often than voxels.
fn damaged(whole: &[u8], rng: &mut impl rand::Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..rng.random_range(1..5) {
        let reach = if rng.random_bool(0.7) {
            bytes.len().min(400)
        } else {
            bytes.len()
        };
        if reach == 0 {
            break;
        }
        let at = rng.random_range(0..reach);
        let end = (at + rng.random_range(1..9)).min(bytes.len());
        match rng.random_range(0..6) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at..end].fill(0xff),
            2 => bytes[at..end].fill(0),
            3 => bytes[at..end].fill_with(|| rng.random()),
            4 => drop(bytes.drain(at..end)),
            _ => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

fn read_every_way(path: &Path) {
    for frame in [None, Some(0)] {
        let mut options = ReadOptions::default().with_max_alloc_bytes(BUDGET_BYTES);
        options.frame = frame;
        let refused = [
            read_volume_with(path, &options).map(drop),
            read_label_map_with(path, &options).map(drop),
            read_image_with(path, &options).map(drop),
        ];
        for error in refused.into_iter().filter_map(Result::err) {
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn random_damage_is_refused_or_harmless() {
    let rounds: u64 = std::env::var("SCARCE_DAMAGE_ROUNDS").map_or(20, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for file in files() {
        // Files of a pair find each other.
        std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
    }
    for file in files() {
        let whole = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let path = folder.path().join(&name);
        for round in 0..rounds {
            let mut rng = Seed(11).stream(StreamKey {
                epoch: round,
                sample_id: &name,
                purpose: "damage",
            });
            let bytes = damaged(&whole, &mut rng);
            std::fs::write(&path, &bytes).unwrap();
            let read = std::panic::catch_unwind(|| read_every_way(&path));
            assert!(read.is_ok(), "round {round} of {name} panics");
        }
        std::fs::write(&path, &whole).unwrap();
    }
}
