//! Caches and slice streams.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::Cell;
use std::path::Path;

use ndarray::Array3;
use scarce_image::{Geometry, Volume, resample_spacing};
use scarce_io::{IoError, ReadOptions, VolumeCache, read_volume, stream_slices, write_volume};

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

const FILLED: &str = "SCARCE_TEST_FILLED_CACHE";

/// Fills the cache of a folder with volumes of which it holds two.
fn fill(folder: &Path) {
    let cache = VolumeCache::open(&folder.join("cache"), 1500).unwrap();
    for round in 0..20 {
        let source = folder.join(format!("{}.nii", round % 4));
        let cached = cache
            .get_or_prepare(&source, "as it is", read_volume)
            .unwrap();
        let expected = volume((round % 4) as f32);
        assert_eq!(cached.volume().unwrap().voxels(), expected.voxels());
    }
}

/// The test binary runs itself: processes take entries from each other and none sees it.
#[test]
fn processes_fill_one_cache() {
    if let Some(folder) = std::env::var_os(FILLED) {
        fill(Path::new(&folder));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for k in 0..4 {
        write_volume(&folder.path().join(format!("{k}.nii")), &volume(k as f32)).unwrap();
    }
    let processes: Vec<_> = (0..3)
        .map(|_| {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes_fill_one_cache"])
                .env(FILLED, folder.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert!(entries(&folder.path().join("cache")).len() <= 4);
}

#[test]
fn a_volume_stays_readable_when_its_entry_goes() {
    let folder = tempfile::tempdir().unwrap();
    let cache = VolumeCache::open(&folder.path().join("cache"), 0).unwrap();
    let cached: Vec<_> = (0..3)
        .map(|k| {
            let source = folder.path().join(format!("{k}.nii"));
            write_volume(&source, &volume(k as f32)).unwrap();
            cache
                .get_or_prepare(&source, "as it is", read_volume)
                .unwrap()
        })
        .collect();
    assert_eq!(entries(&folder.path().join("cache")).len(), 1);
    for (k, cached) in cached.iter().enumerate() {
        assert_eq!(cached.volume().unwrap().voxels(), volume(k as f32).voxels());
    }
}

#[test]
fn a_cache_that_cannot_be_written_says_so_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.nii");
    write_volume(&source, &volume(0.0)).unwrap();
    let no_folder = VolumeCache::open(&source, 1 << 20).unwrap_err();
    assert_eq!(no_folder.code(), "system", "{no_folder}");

    let place = folder.path().join("cache");
    let cache = VolumeCache::open(&place, 1 << 20).unwrap();
    let prepared = cache.get_or_prepare(&source, "fails", |path| {
        Err(IoError::Unsupported {
            what: "this".to_owned(),
            path: path.to_owned(),
        })
    });
    assert_eq!(prepared.unwrap_err().code(), "unsupported");
    assert!(entries(&place).is_empty());

    cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap();
    let entry = entries(&place).remove(0);
    std::fs::remove_file(&entry).unwrap();
    // Nothing can be renamed onto a folder that is not empty.
    std::fs::create_dir_all(entry.join("full")).unwrap();
    let error = cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap_err();
    assert_eq!(error.code(), "system", "{error}");
    assert_eq!(entries(&place), [entry]);

    std::fs::remove_dir_all(&place).unwrap();
    let error = cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap_err();
    assert!(error.to_string().starts_with("cannot write"), "{error}");
    std::fs::remove_file(&source).unwrap();
    let error = cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap_err();
    assert_eq!(error.code(), "missing", "{error}");
}

/// What a killed process leaves is taken away when it is old, and what another one writes is not.
#[test]
fn unfinished_entries_of_the_past_go() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("a.nii");
    write_volume(&source, &volume(0.0)).unwrap();
    let place = folder.path().join("cache");
    let cache = VolumeCache::open(&place, 1 << 20).unwrap();
    let (old, new) = (place.join(".scarce-old.tmp"), place.join(".scarce-new.tmp"));
    std::fs::write(&new, b"half").unwrap();
    let file = std::fs::File::create(&old).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    cache
        .get_or_prepare(&source, "as it is", read_volume)
        .unwrap();
    assert!(new.exists() && !old.exists());
}
