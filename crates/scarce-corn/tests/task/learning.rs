//! It learns, repeats itself, resumes, and comes back from a checkpoint.

use super::*;

#[test]
fn learns_a_ball_it_has_not_seen_and_repeats_itself() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let unseen = [9, 13, 14];
    let mut first = task(config(), &["u", "v"]);
    let before = dice_of(of(&first, "teacher"), unseen);
    let log = train(&mut first, 40, &folder.path().join("a"), Existing::Refuse);
    let after = dice_of(of(&first, "teacher"), unseen);
    assert!(after > 0.7, "Dice {before} before, {after} after");
    assert!(
        before < 0.5,
        "the phantom is no test: Dice {before} untrained"
    );

    let mut second = task(config(), &["u", "v"]);
    let again = train(&mut second, 40, &folder.path().join("b"), Existing::Refuse);
    assert_eq!(log, again);
    for name in [
        "loss",
        "dice_loss",
        "cross_entropy",
        "supervised",
        "supervised_weight",
        "supervised_share",
        "consistency",
        "consistency_weight",
        "consistency_share",
        "correlation",
        "correlation_weight",
        "correlation_share",
        "correlation_rows",
        "correlation_skipped",
        "pool_rows",
    ] {
        assert!(
            log.contains(&format!("\"{name}\":")),
            "{name} is not logged"
        );
    }
    assert_eq!(first.memory().len(), 4, "the pool holds both classes");
}

/// Weights, teacher, optimizer and pool: a run cut in two ends where one that was not ends.
#[test]
fn a_resumed_run_is_the_run_that_never_stopped() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let mut uninterrupted = task(config(), &["u"]);
    let expected = train(&mut uninterrupted, 29, &whole, Existing::Refuse);
    train(&mut task(config(), &["u"]), 27, &cut, Existing::Refuse);
    let mut resumed = task(config(), &["u"]);
    let got = train(&mut resumed, 29, &cut, Existing::Resume);
    let after_the_cut = |log: &str| log.lines().skip(27).map(str::to_owned).collect::<Vec<_>>();
    let (got, expected) = (after_the_cut(&got), after_the_cut(&expected));
    assert_eq!(got, expected);
    let correlates = |row: &String| !row.contains("\"correlation_rows\":0.0");
    assert!(got.len() == 2 && got.iter().all(correlates), "{got:?}");
    let all = |task: &SemiTask| task.weights().into_iter().chain(task.memory());
    assert_eq!(all(&resumed).count(), all(&uninterrupted).count());
    for ((name, a), (other, b)) in all(&resumed).zip(all(&uninterrupted)) {
        assert!(name == other && a.equal(&b), "{name} {other}");
    }
}

#[test]
fn a_checkpoint_gives_either_network_back() {
    let _turn = take_turn();
    let folder = tempfile::tempdir().unwrap();
    let mut trained = task(config(), &["u"]);
    train(&mut trained, 3, folder.path(), Existing::Refuse);
    let saved = Checkpoint::load(&folder.path().join("checkpoints")).unwrap();
    let image = phantom([12; 3]).0;
    let predict = |net: &VNet| probabilities_of(net, &image);
    for name in ["teacher", "student"] {
        let weights = saved.group("weights").unwrap();
        let loaded = TrainedNetwork::load(&config(), Some(name), weights, Device::Cpu).unwrap();
        assert_eq!(
            predict(&loaded.network),
            predict(of(&trained, name)),
            "{name}"
        );
    }
    assert_ne!(
        predict(of(&trained, "teacher")),
        predict(of(&trained, "student"))
    );
    let weights = saved.group("weights").unwrap();
    let main = TrainedNetwork::load(&config(), None, weights, Device::Cpu).unwrap();
    assert_eq!(predict(&main.network), predict(of(&trained, "teacher")));
    let error = TrainedNetwork::load(&config(), Some("main"), weights, Device::Cpu).unwrap_err();
    assert!(error.to_string().contains("student, teacher"), "{error}");
}
