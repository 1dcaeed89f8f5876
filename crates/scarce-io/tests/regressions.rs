//! Inputs that the fuzz targets found (`fuzz/README.md`): those that once asked for gigabytes, and the
//! smallest that reach each refusal. All end in an error or a whole volume, within the budget.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use peak_alloc::PeakAlloc;
use scarce_io::{ReadOptions, read_image_with, read_label_map_with, read_volume_with};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const BUDGET_BYTES: u64 = 1 << 20;

/// For the file itself, blocks on their way, tables of decoders: what is of no file's choosing.
const OVERHEAD_BYTES: usize = 3 << 20;

/// Reads in every way, whole volumes within the budget; the error of reading as a volume.
fn read_every_way(path: &Path) -> Option<(&'static str, String)> {
    for frame in [None, Some(0)] {
        let mut options = ReadOptions::default().with_max_alloc_bytes(BUDGET_BYTES);
        options.frame = frame;
        let sizes = [
            read_volume_with(path, &options).map(|loaded| 4 * loaded.value.voxels().len()),
            read_label_map_with(path, &options).map(|loaded| 2 * loaded.value.voxels().len()),
            read_image_with(path, &options).map(|loaded| 4 * loaded.value.pixels().len()),
        ];
        for bytes in sizes.into_iter().filter_map(Result::ok) {
            assert!(bytes as u64 <= BUDGET_BYTES, "{}", path.display());
        }
    }
    let options = ReadOptions::default().with_max_alloc_bytes(BUDGET_BYTES);
    let error = read_volume_with(path, &options).err()?;
    Some((error.code(), error.to_string()))
}

#[test]
fn every_input_is_refused_as_before_and_within_the_budget() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let rows = table.lines().skip(1).map(|line| {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap();
        (cell(), (cell(), cell()))
    });
    let expected: BTreeMap<&str, (&str, &str)> = rows.collect();
    let mut names: Vec<String> = (std::fs::read_dir(&folder).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "expected.tsv")
        .collect();
    names.sort();
    assert_eq!(names, expected.keys().copied().collect::<Vec<_>>());
    for name in names {
        let before = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        let (code, message) = read_every_way(&folder.join(&name)).unwrap_or_default();
        let used = ALLOCATOR.peak_usage().saturating_sub(before);
        let (expected_code, says) = expected[name.as_str()];
        assert_eq!(code, expected_code, "{name}: {message}");
        assert!(message.contains(says), "{name}: {message} lacks {says}");
        let most = BUDGET_BYTES as usize + OVERHEAD_BYTES;
        assert!(used <= most, "{name} asks for {used} bytes");
    }
}
