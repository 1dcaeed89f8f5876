//! DICOM: a file alone, and a folder of several as one series.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scarce_io_fuzz::{in_folder, read_every_way, write};

/// Parts an input into files.
const SEPARATOR: &[u8] = b"\0next\0";

/// More would only be slow.
const MOST_FILES: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let mut files = vec![bytes];
    while files.len() < MOST_FILES
        && let Some(last) = files.pop()
    {
        let Some(at) = last.windows(SEPARATOR.len()).position(|part| part == SEPARATOR) else {
            files.push(last);
            break;
        };
        files.push(&last[..at]);
        files.push(&last[at + SEPARATOR.len()..]);
    }
    in_folder(|folder| {
        for (number, bytes) in files.iter().enumerate() {
            read_every_way(&write(folder, &format!("{number}.dcm"), bytes));
        }
        read_every_way(folder);
    });
});
