//! The example of the documentation learns, and goes on where it stopped.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

#[allow(dead_code, reason = "the example's main")]
#[path = "../examples/train_your_own.rs"]
mod example;

use scarce_train::{LoopConfig, Schedule};

#[test]
fn the_example_learns_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, steps: u64| {
        let config = LoopConfig {
            steps,
            schedule: Schedule::Constant,
            checkpoint_every: 10,
            ..LoopConfig::default()
        };
        example::train(&folder.path().join(name), &config).unwrap()
    };
    let whole = run("whole", 40);
    // 0.69 is what guessing costs.
    assert!(whole.final_loss.unwrap() < 0.35, "{whole}");
    run("parts", 13);
    assert_eq!(run("parts", 40), whole);
    for name in ["metrics.csv", "checkpoints/last/weights.safetensors"] {
        let read = |run: &str| fs::read(folder.path().join(run).join(name)).unwrap();
        assert!(read("whole") == read("parts"), "{name} differs");
    }
    // A run that is done does nothing and loses nothing.
    assert_eq!(run("parts", 40).steps, 40);
    let events = fs::read_dir(folder.path().join("parts/tensorboard")).unwrap();
    assert_eq!(events.count(), 2);
}
