//! What every target does with its bytes: write them where a reader finds them, and read them every way.

use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::{Path, PathBuf};
use std::process::abort;
use std::sync::Once;

use scarce_io::{ReadOptions, read_image_with, read_label_map_with, read_volume_with};
use tempfile::TempDir;

/// What a reader may allocate; the fuzzer's own limit on one allocation lies above it.
const BUDGET_BYTES: u64 = 1 << 20;

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// libFuzzer's hook ends the process at any panic; codecs may panic, as long as no reader passes it on.
fn let_readers_catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_hook(Box::new(|_| {})));
}

/// Runs `job` in an empty folder, which is emptied again. A panic that comes out of it is a finding.
pub fn in_folder(job: impl FnOnce(&Path)) {
    let_readers_catch_panics();
    FOLDER.with_borrow_mut(|folder| {
        let folder = folder.get_or_insert_with(|| tempfile::tempdir().expect("a folder to write in"));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(folder.path()))) {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            eprintln!("panic: {}", message.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?"));
            abort();
        }
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
