//! What is done to the workspace.
fn main() {}
