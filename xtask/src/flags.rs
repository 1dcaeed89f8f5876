//! The command line.
#![allow(
    missing_docs,
    reason = "the macro's structs repeat the commands documented here"
)]

xflags::xflags! {
    /// What is done to the workspace: native libraries, data, tests, demo, benches.
    cmd xtask {
        /// Lays out libtorch, ONNX Runtime and the text encoder under target/.
        cmd setup {
            /// The full CUDA build of libtorch.
            optional --cuda
        }
    }
}
