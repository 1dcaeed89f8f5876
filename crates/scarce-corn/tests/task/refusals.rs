//! What is refused, and what nothing is learned from.

use super::*;

#[test]
fn what_is_validated_on_is_not_learned_from() {
    let _turn = take_turn();
    let with = |validation: &str| {
        let others = vec![unlabelled("u")];
        let held_out = vec![labelled(validation)];
        SemiTask::new(
            config(),
            vec![labelled("a")],
            others,
            held_out,
            Seed(1),
            Device::Cpu,
        )
    };
    for id in ["a", "u"] {
        let error = with(id).unwrap_err().to_string();
        assert!(
            error.contains("both trained on and validated on"),
            "{error}"
        );
    }
    let context = StepContext {
        step: 0,
        total_steps: 1,
        seed: Seed(1),
        rank: 0,
        world_size: 1,
    };
    let mut task = with("v").unwrap();
    let figures = task.validate(&context).unwrap();
    assert_eq!(figures.len(), 1);
    assert_eq!(figures[0].0, "validation_dice");
    assert!((0.0..1.0).contains(&figures[0].1), "{figures:?}");
    // The teacher answers in evaluation mode, so that looking twice changes nothing.
    assert_eq!(task.validate(&context).unwrap(), figures);
}

#[test]
fn refuses_volumes_that_cannot_serve() {
    let _turn = take_turn();
    let with = |id: &str, change: &dyn Fn(&mut LabelledVolume)| {
        let mut volume = labelled(id);
        change(&mut volume);
        vec![volume]
    };
    let cases = [
        (vec![], "no labelled volume"),
        (
            with("empty", &|v| v.label.fill(0)),
            "empty has no foreground",
        ),
        (
            with("third", &|v| v.label[[0, 0, 0]] = 2),
            "third has class 2",
        ),
        (
            with("cut", &|v| v.label = Array3::zeros((3, 3, 3))),
            "image of cut has shape",
        ),
        (
            with("nan", &|v| v.image[[1, 2, 3]] = f32::NAN),
            "nan has intensity NaN at (z, y, x) = (1, 2, 3)",
        ),
        (
            with("hu", &|v| v.image[[0, 0, 1]] = -1000.0),
            "hu has intensity -1000 at (z, y, x) = (0, 0, 1), expected 0 to 1",
        ),
        (
            with("none", &|v| v.image = Array3::zeros((0, 4, 4))),
            "none has no voxel",
        ),
        (vec![labelled("a"), labelled("a")], "a comes twice"),
        (vec![labelled("u")], "u comes twice"),
    ];
    for (volumes, part) in cases {
        let others = vec![unlabelled("u")];
        let error = refusable(config(), volumes, others).unwrap_err();
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    let mut dark = unlabelled("dark");
    dark.image[[0, 0, 0]] = f32::NEG_INFINITY;
    let volumes = vec![labelled("a")];
    let error = refusable(config(), volumes, vec![dark]).unwrap_err();
    assert!(
        error.to_string().contains("dark has intensity -inf"),
        "{error}"
    );
}
