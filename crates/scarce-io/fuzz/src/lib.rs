//! What every target does with its bytes: write them where a reader finds them, and read them every way.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use scarce_io::{ReadOptions, read_image_with, read_label_map_with, read_volume_with};
use tempfile::TempDir;

/// What a reader may allocate; the fuzzer's own limit on one allocation lies above it.
const BUDGET_BYTES: u64 = 1 << 20;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// Runs `job` in an empty folder, which is emptied again.
pub fn in_folder(job: impl FnOnce(&Path)) {
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder to write in"));
        job(folder.path());
        for entry in fs::read_dir(folder.path()).expect("the folder is ours") {
            let path = entry.expect("the folder is ours").path();
            fs::remove_file(path).expect("the file is ours");
        }
    });
}

/// Writes one file.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("room for an input");
    path
}

/// Reads as volume, labels and picture, whole and by frame. An error must say something.
pub fn read_every_way(path: &Path) {
    for frame in [None, Some(0), Some(1)] {
        let mut options = ReadOptions::default().with_max_alloc_bytes(BUDGET_BYTES);
        options.frame = frame;
        let read = [
            read_volume_with(path, &options).map(drop),
            read_label_map_with(path, &options).map(drop),
            read_image_with(path, &options).map(drop),
        ];
        for error in read.into_iter().filter_map(Result::err) {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A single file of that name.
pub fn read_file(name: &str, bytes: &[u8]) {
    in_folder(|folder| read_every_way(&write(folder, name, bytes)));
}
