//! The recipe on two processes: equal on both, repeatable, resumable.
//!
//! They are started from the example `semi_on_processes`, as a launcher would.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use scarce_corn::SemiConfig;
use tch::Tensor;

/// Starts the example as two processes and waits for them.
fn run_pair(folder: &Path, steps: u64) {
    // target/<profile>/deps/<this test> → target/<profile>/examples/.
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    let example = profile.join("examples/semi_on_processes");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let pair = [0, 1].map(|rank: u32| {
        Command::new(&example)
            .arg(folder)
            .arg(steps.to_string())
            .env("RANK", rank.to_string())
            .env("LOCAL_RANK", rank.to_string())
            .env("WORLD_SIZE", "2")
            .env("MASTER_ADDR", "127.0.0.1")
            .env("MASTER_PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for ended in pair.map(Child::wait_with_output) {
        let ended = ended.unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{errors}");
    }
}

/// Weights and feature pool that a process ended with, by name.
fn of_rank(folder: &Path, rank: u32) -> Vec<(String, Tensor)> {
    let path = folder.join(format!("rank-{rank}.safetensors"));
    let mut tensors = Tensor::read_safetensors(path).unwrap();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    tensors
}

fn assert_equal(a: &[(String, Tensor)], b: &[(String, Tensor)], what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for ((name, a), (other, b)) in a.iter().zip(b) {
        assert!(name == other && a.equal(b), "{what}: {name} {other}");
    }
}

#[test]
fn two_processes_agree_repeat_and_resume_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, again, cut] = ["whole", "again", "cut"].map(|name| folder.path().join(name));
    // By then the networks tell the ball from its box, and there is something to correlate.
    run_pair(&whole, 26);
    run_pair(&again, 26);
    run_pair(&cut, 24);
    run_pair(&cut, 26);
    let expected = of_rank(&whole, 0);
    let in_pool = |name: &str| name.starts_with("pool.") && name.ends_with(".features");
    let slots = expected.iter().filter(|(name, _)| in_pool(name)).count();
    // One for each labelled volume at least, of which each process saw crops of some only.
    assert!(slots >= 3, "the pool has {slots} slots");
    assert_equal(&of_rank(&whole, 1), &expected, "rank 1");
    assert_equal(&of_rank(&again, 0), &expected, "another run");
    assert_equal(&of_rank(&cut, 0), &expected, "resumed");
    assert_equal(&of_rank(&cut, 1), &expected, "resumed, rank 1");
    let log = std::fs::read_to_string(whole.join("metrics.jsonl")).unwrap();
    let correlates = log
        .lines()
        .any(|row| !row.contains("\"correlation_rows\":0.0"));
    assert!(correlates, "the test is none of the correlation: {log}");
}

#[test]
fn what_cannot_be_shared_equally_is_refused() {
    let config = |labelled_batch, unlabelled_batch, patch_zyx| SemiConfig {
        labelled_batch,
        unlabelled_batch,
        patch_zyx,
        ..SemiConfig::default()
    };
    let patch = SemiConfig::default().patch_zyx;
    for (config, has_unlabelled, processes, refused) in [
        (config(2, 2, patch), true, 1, None),
        (config(2, 2, patch), true, 2, None),
        (config(4, 0, patch), true, 4, None),
        (config(2, 3, patch), false, 2, None),
        (config(2, 3, patch), true, 2, Some("unlabelled_batch")),
        (config(3, 2, patch), true, 2, Some("setting labelled_batch")),
        (config(1, 2, patch), true, 2, Some("setting labelled_batch")),
        // One crop of 16³ alone has no variance at the bottom.
        (config(2, 0, [16; 3]), true, 2, Some("more than one crop")),
    ] {
        let checked = config.check_processes(has_unlabelled, processes);
        match (checked, refused) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => {
                assert!(error.to_string().contains(part), "{error} lacks {part}");
            }
            (checked, refused) => panic!("{checked:?}, expected {refused:?}"),
        }
    }
}
