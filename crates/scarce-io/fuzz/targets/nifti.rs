//! NIfTI headers and voxels.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scarce_io_fuzz::read_file("scan.nii", bytes));
