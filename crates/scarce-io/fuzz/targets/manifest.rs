//! What describes a data set: our manifests, nnU-Net's and MSD's `dataset.json`, COCO annotations, BIDS tables.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scarce_io::{read_manifest, verify};
use scarce_io_fuzz::{in_folder, write};

fuzz_target!(|bytes: &[u8]| {
    let [kind, text @ ..] = bytes else {
        return;
    };
    let name = match kind % 5 {
        0 => "manifest.toml",
        1 => "dataset.json",
        2 => "annotations.json",
        3 => "dataset_description.json",
        _ => "participants.tsv",
    };
    in_folder(|folder| {
        let path = write(folder, name, text);
        if name == "manifest.toml"
            && let Err(error) = read_manifest(&path)
        {
            assert!(!error.to_string().is_empty());
        }
        let report = verify(&[folder.to_owned()]).expect("a folder that can be listed");
        assert!(report.files.len() >= report.n_error);
    });
});
