//! Gzip framing: arbitrary streams, and sound members with something wrong behind or within.
#![no_main]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use scarce_io_fuzz::read_file;

fn member(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}

fuzz_target!(|bytes: &[u8]| {
    let [mode, cut, rest @ ..] = bytes else {
        return;
    };
    let at = usize::from(*cut) * rest.len() / 255;
    let (head, tail) = rest.split_at(at);
    let stream = match mode % 4 {
        0 => rest.to_vec(),
        1 => [member(head), member(tail)].concat(),
        2 => [member(head), tail.to_vec()].concat(),
        _ => {
            let mut stream = member(rest);
            let place = usize::from(*cut) % stream.len();
            stream[place] ^= mode | 1;
            stream
        }
    };
    read_file("scan.nii.gz", &stream);
});
