//! A missing or broken ONNX Runtime is an error that says what to do, not a panic and not a hang.

#![allow(
    clippy::unwrap_used,
    reason = "what stands between the tests is test code too"
)]

use std::{env, fs, path::Path, process::Command};

use scarce_vlm::{
    onnx::{LIBRARY_VARIABLE, library_path},
    text::TextEncoder,
};

/// Set in the child processes: what the error has to say.
const EXPECTED: &str = "SCARCE_VLM_EXPECTED_ERROR";

/// The library is loaded once a process, so each case runs this test in a process of its own.
#[test]
fn a_broken_library_is_a_clean_error() {
    if let Ok(expected) = env::var(EXPECTED) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let load = || {
            TextEncoder::load(
                &fixtures.join("hidden.onnx"),
                &fixtures.join("tokenizer.json"),
            )
        };
        // Twice: a failure must not leave anything half made.
        for _ in 0..2 {
            let message = load().err().unwrap().to_string();
            assert!(message.contains(&expected), "{message}");
            assert!(message.contains("cargo xtask setup"), "{message}");
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    let cut = folder.path().join("cut.so");
    fs::write(&cut, &fs::read(library_path().unwrap()).unwrap()[..100_000]).unwrap();
    for (library, expected) in [
        (
            folder.path().join("absent.so"),
            "is not where ORT_DYLIB_PATH says",
        ),
        (
            folder.path().to_path_buf(),
            "is not where ORT_DYLIB_PATH says",
        ),
        (text, "are no library"),
        (cut, "the file is cut"),
    ] {
        let status = Command::new(env::current_exe().unwrap())
            .args(["--exact", "a_broken_library_is_a_clean_error"])
            .env(LIBRARY_VARIABLE, &library)
            .env(EXPECTED, expected)
            .status()
            .unwrap();
        assert!(status.success(), "{}", library.display());
    }
}
