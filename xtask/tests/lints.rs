//! `scarce-train` can't inherit the workspace's lints and allow `unsafe_code` in one module, so it repeats them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use toml::Table;
use xtask::workspace::Workspace;

fn table(path: &str) -> Table {
    let path = Workspace::find().root().join(path);
    fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn the_native_crate_keeps_all_lints_of_the_workspace() {
    let root = table("Cargo.toml");
    let mut expected = root["workspace"]["lints"].clone();
    expected["rust"]["unsafe_code"] = "deny".into();
    assert_eq!(table("crates/scarce-train/Cargo.toml")["lints"], expected);
}
