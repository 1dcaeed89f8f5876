//! How a faulty graph must be refused: by the part it plays, its fault, and its path at the end.

use scarce_vlm::LocalizeError;
use scarce_vlm::onnx::{ModelFault, OnnxError};

/// What a fault must be.
pub type Expected = fn(&ModelFault) -> bool;

/// Checks that `outcome` is the refusal of the file `graph` in the part of `part`, with `words` in its message.
pub fn check<T>(
    part: &str,
    graph: &str,
    outcome: Result<T, LocalizeError>,
    expected: Expected,
    words: &[&str],
) {
    let Err(LocalizeError::Onnx(OnnxError::Model { name, fault, path })) = outcome else {
        panic!("{graph}: not refused")
    };
    assert!(expected(&fault), "{graph}: {fault:?}");
    let message = OnnxError::Model { name, fault, path }.to_string();
    for word in words {
        assert!(message.contains(word), "{message}");
    }
    assert!(message.starts_with(&format!("the {part} ")), "{message}");
    assert!(message.ends_with(graph), "{message}");
}
