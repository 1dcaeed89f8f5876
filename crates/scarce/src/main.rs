//! The `scarce` command line.
fn main() {}
