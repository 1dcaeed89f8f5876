//! Fetching and laying out, with small wheels made on the spot instead of the registry's.

use std::cell::Cell;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use xshell::{Shell, TempDir};
use xtask::archive::{self, Take};
use xtask::atomic::{self, Outcome};
use xtask::checksum;
use xtask::failure::exit_code_of;
use xtask::package::{self, Package};
use xtask::setup::layout;
use xtask::setup::own;
use xtask::setup::versions::{Versions, platform};

fn temp() -> xshell::Result<TempDir> {
    Shell::new()?.create_temp_dir()
}

fn zip(files: &[(&str, &[u8])]) -> anyhow::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[test]
fn a_layout_is_made_once_and_mended_when_damaged() {
    let dir = temp().unwrap();
    let wheel = dir.path().join("lib-1.0-py3-none-any.whl");
    let inner = zip(&[("deep/tokenizer.json", b"{}")]).unwrap();
    let content: [(&str, &[u8]); 4] = [
        ("lib/a.so", b"a"),
        ("lib/include/x.h", b"x"),
        ("lib/model.zip", &inner),
        ("lib/left.out", b"-"),
    ];
    fs::write(&wheel, zip(&content).unwrap()).unwrap();
    let text = format!(
        r#"
        [libtorch]
        version = "9.9"
        [platform.{0}]
        tried = true
        [[platform.{0}.libtorch.wheel]]
        file = "lib-1.0-py3-none-any.whl"
        sha256 = "00"
        take = {{ "lib/a.so" = "lib/a.so", "lib/include/" = "include/", "lib/model.zip!deep/tokenizer.json" = "t.json" }}
        [platform.{0}.libtorch.links]
        "lib/b.so" = "a.so"
        "#,
        platform()
    );
    let versions = Versions::parse(&text).unwrap();
    let (recipe, tried) = versions.recipe("libtorch").unwrap();
    assert!(tried);
    let folder = dir.path().join("libtorch");
    let make = || {
        layout::from_wheels(
            &versions,
            "libtorch",
            &recipe,
            std::slice::from_ref(&wheel),
            &folder,
        )
    };

    assert!(!layout::is_present(&versions, "libtorch", &folder));
    assert_eq!(make().unwrap(), Outcome::Made);
    assert!(layout::is_present(&versions, "libtorch", &folder));
    for (path, expected) in [
        ("lib/a.so", "a"),
        ("lib/b.so", "a"),
        ("include/x.h", "x"),
        ("t.json", "{}"),
        ("build-version", "9.9\n"),
    ] {
        assert_eq!(
            fs::read_to_string(folder.join(path)).unwrap(),
            expected,
            "{path}"
        );
    }
    assert!(!folder.join("left.out").exists());

    fs::remove_file(folder.join("lib/a.so")).unwrap();
    assert!(!layout::is_present(&versions, "libtorch", &folder));
    assert_eq!(make().unwrap(), Outcome::Replaced);
    assert!(layout::is_present(&versions, "libtorch", &folder));

    let other = Versions::parse(&text.replace("9.9", "9.8")).unwrap();
    assert!(
        !layout::is_present(&other, "libtorch", &folder),
        "another version is another layout"
    );
    own::check_libtorch(&folder, "9.9").unwrap_err();
    fs::write(folder.join("lib/libtorch_cpu.so"), "").unwrap();
    own::check_libtorch(&folder, "9.9").unwrap();
    let error = own::check_libtorch(&folder, "9.8").unwrap_err();
    assert!(
        error.to_string().contains("expected 9.8, got 9.9"),
        "{error}"
    );
}

#[test]
fn what_is_verified_is_not_fetched_again_and_what_is_not_is() {
    let dir = temp().unwrap();
    let file = "lib-1.0-py3-none-any.whl";
    let package = Package::wheel(file, &checksum::of_bytes(b"whole")).unwrap();
    let fetched = Cell::new(0);
    let fetch = |content: &'static [u8]| {
        package::fetch_by(&package, dir.path(), |partial| {
            fetched.set(fetched.get() + 1);
            Ok(fs::write(partial.join(file), content)?)
        })
    };

    let error = fetch(b"cut").unwrap_err();
    assert_eq!(exit_code_of(&error), 3);
    for part in [
        "expected",
        &checksum::of_bytes(b"whole"),
        &checksum::of_bytes(b"cut"),
        file,
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!dir.path().join(file).exists() && !dir.path().join("partial").join(file).exists());

    let path = fetch(b"whole").unwrap();
    assert_eq!(fetched.get(), 2);
    assert_eq!(fetch(b"whole").unwrap(), path);
    assert_eq!(fetched.get(), 2, "a verified file is not fetched again");
    fs::write(&path, b"damaged").unwrap();
    fetch(b"whole").unwrap();
    assert_eq!(fetched.get(), 3, "a damaged one is");

    package::discard(&[path], dir.path()).unwrap();
    assert!(!dir.path().join("partial").exists());
}

#[test]
fn archives_lack_nothing_and_leave_nothing_elsewhere() {
    let dir = temp().unwrap();
    let wheel = dir.path().join("a.whl");
    fs::write(
        &wheel,
        zip(&[("lib/../../evil", b"e"), ("lib/good", b"g")]).unwrap(),
    )
    .unwrap();
    let take = |from: &str, to: &str| {
        vec![Take {
            from: from.into(),
            to: to.into(),
        }]
    };
    for (takes, said) in [
        (take("lib/", ""), "leads out"),
        (take("lib/absent", "x"), "no `lib/absent`"),
    ] {
        let error = archive::unpack(&wheel, &takes, &dir.path().join("out/deep")).unwrap_err();
        assert!(format!("{error:#}").contains(said), "{error:#}");
        assert_eq!(exit_code_of(&error), 3);
    }
    assert!(!dir.path().join("evil").exists());
    fs::write(&wheel, &zip(&[("lib/good", b"g")]).unwrap()[..40]).unwrap();
    archive::unpack(&wheel, &take("lib/good", "good"), dir.path()).unwrap_err();
}

#[test]
fn a_folder_is_swapped_in_whole() {
    let dir = temp().unwrap();
    let folder = dir.path().join("f");
    for (content, expected) in [("1", Outcome::Made), ("2", Outcome::Replaced)] {
        let building = atomic::begin(&folder).unwrap();
        fs::write(building.join("x"), content).unwrap();
        assert_eq!(atomic::swap_in(&building, &folder).unwrap(), expected);
        assert_eq!(fs::read_to_string(folder.join("x")).unwrap(), content);
    }
    let names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["f"]);
    assert!(Path::new(&folder).is_dir());
}
