//! Several processes of one command: what they are told, and how they end.

use std::fs;
use std::time::{Duration, Instant};

use xshell::Shell;
use xtask::failure::exit_code_of;
use xtask::launch::{Options, launch};

fn run(processes: u32, script: &str, grace_s: u64) -> anyhow::Result<()> {
    let command = ["sh", "-c", script].map(str::to_owned);
    let options = Options {
        processes,
        port: Some(23456),
        grace: Duration::from_secs(grace_s),
    };
    launch(&command, &options)
}

#[test]
fn each_process_is_told_who_it_is() {
    let dir = Shell::new().unwrap().create_temp_dir().unwrap();
    let folder = dir.path().display();
    let said = "$RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $MASTER_ADDR:$MASTER_PORT";
    run(
        3,
        &format!("echo {said} > {folder}/$RANK; test -n \"$OMP_NUM_THREADS\""),
        0,
    )
    .unwrap();
    for rank in 0..3 {
        let text = fs::read_to_string(dir.path().join(rank.to_string())).unwrap();
        assert_eq!(text, format!("{rank}/3 {rank}/3 127.0.0.1:23456\n"));
    }
}

#[test]
fn the_first_failure_ends_all_and_gives_its_code() {
    let dir = Shell::new().unwrap().create_temp_dir().unwrap();
    let folder = dir.path().display();
    for (script, grace_s, code, said) in [
        // The other would take an hour.
        (
            "test $RANK = 0 && exec sleep 3600; exit 7",
            0,
            7,
            "rank 1 of",
        ),
        (
            "test $RANK = 1 && exec sleep 3600; kill -9 $$",
            0,
            137,
            "rank 0 of",
        ),
        // The other ends by itself in the grace, with a code that comes too late.
        (
            "test $RANK = 0 && sleep 1 && touch FOLDER/reported && exit 5; exit 4",
            60,
            4,
            "rank 1 of",
        ),
    ] {
        let start = Instant::now();
        let error = run(2, &script.replace("FOLDER", &folder.to_string()), grace_s).unwrap_err();
        assert_eq!(exit_code_of(&error), code, "{script}");
        assert!(error.to_string().contains(said), "{script}: {error}");
        assert!(start.elapsed() < Duration::from_mins(1), "{script}");
    }
    assert!(dir.path().join("reported").exists());
}

#[test]
fn what_cannot_be_started_is_refused() {
    let options = |processes| Options {
        processes,
        port: None,
        grace: Duration::ZERO,
    };
    let command = |name: &str| vec![name.to_owned()];
    for (command, processes, code) in [
        (vec![], 2, 2),
        (command("true"), 0, 2),
        (command("scarce-is-not-a-program-of-this-name"), 2, 5),
    ] {
        let error = launch(&command, &options(processes)).unwrap_err();
        assert_eq!(exit_code_of(&error), code, "{error}");
    }
    launch(&command("true"), &options(2)).unwrap();
}
