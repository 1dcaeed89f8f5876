//! `scarce` does without libtorch until a network is asked for.

use std::fs;
use std::process::Command;

use crate::phantom;

#[test]
fn what_needs_no_network_runs_where_there_is_no_libtorch() {
    let folder = tempfile::tempdir().unwrap();
    // Binaries find libtorch relative to their own place: from here they find none.
    let alone = folder.path().join("scarce");
    fs::copy(env!("CARGO_BIN_EXE_scarce"), &alone).unwrap();
    phantom::write(folder.path(), "a", 20.0);
    let check = |arguments: &[&str], code: i32, says: &str| {
        let output = Command::new(&alone)
            .args(arguments)
            .current_dir(folder.path())
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let told = String::from_utf8_lossy(&output.stdout) + log.as_str();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(says), "{arguments:?}: {told}");
    };
    check(&["--version"], 0, "scarce ");
    check(&["verify", "a.nii.gz"], 0, "1 ok");
    let labels = "a.labels.nii.gz";
    check(&["evaluate", "--pred", labels, "--ref", labels], 0, "dice");
    for network in [
        &["semi", "--config", "c.toml", "--out", "run"][..],
        &["info", "--model", "vnet"],
        &["doctor"],
    ] {
        check(network, 5, "scarce-torch");
    }
}
