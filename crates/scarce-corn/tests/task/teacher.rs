//! The teacher: how it follows, and in which mode it runs.

use super::*;

/// The first update copies the student whatever the largest decay; decay 0 always does; decay 1 keeps
/// the mean of all students so far.
#[test]
fn the_teacher_follows_by_its_decay() {
    let _turn = take_turn();
    for (decay, follows) in [(0.0, true), (1.0, false)] {
        let mut task = task(
            SemiConfig {
                branches: follows_by(decay),
                ..config()
            },
            &["u"],
        );
        let pairs = |task: &SemiTask| -> Vec<(String, Tensor, Tensor)> {
            let weights = task.weights();
            let (student, teacher) = weights.split_at(weights.len() / 2);
            let pairs = student.iter().zip(teacher);
            pairs
                .map(|((name, s), (other, t))| {
                    assert_eq!(name.strip_prefix("student"), other.strip_prefix("teacher"));
                    (name.clone(), s.copy(), t.copy())
                })
                .collect()
        };
        for step in 0..2 {
            let context = StepContext {
                step,
                total_steps: 2,
                seed: Seed(1),
                rank: 0,
                world_size: 1,
            };
            let mut student = task.weights();
            student.retain(|(name, _)| name.starts_with("student"));
            for (_, tensor) in &mut student {
                if tensor.requires_grad() {
                    tch::no_grad(|| *tensor += 2.0);
                }
            }
            task.after_step(&context).unwrap();
            for (name, student, teacher) in pairs(&task) {
                let gap = (&student - &teacher).abs().max();
                let gap = gap.to_kind(Kind::Double).double_value(&[]);
                let is_buffer = name.contains("running_");
                // At decay 1 the second update halves a gap of 2.
                let expected = if follows || step == 0 || is_buffer {
                    0.0
                } else {
                    1.0
                };
                assert!((gap - expected).abs() < 1e-5, "{name} step {step}: {gap}");
            }
        }
    }
}

/// In training mode a teacher keeps statistics of its own, which a teacher in evaluation mode has from its student.
#[test]
fn a_teacher_with_buffers_of_its_own_runs_in_training_mode() {
    let _turn = take_turn();
    for (buffers, equal) in [(Buffers::Copy, true), (Buffers::Own, false)] {
        let folder = tempfile::tempdir().unwrap();
        let config = SemiConfig {
            branches: Branches::MeanTeacher(TeacherConfig {
                buffers,
                ..TeacherConfig::default()
            }),
            ..config()
        };
        let mut task = task(config, &["u"]);
        train(&mut task, 2, folder.path(), Existing::Refuse);
        let weights: BTreeMap<String, Tensor> = task.weights().into_iter().collect();
        let name = "encoder.2.block.1.bn.running_mean";
        let [student, teacher] = ["student", "teacher"].map(|n| &weights[&format!("{n}.{name}")]);
        assert_eq!(student.equal(teacher), equal, "{buffers:?}");
        let start = teacher.zeros_like();
        assert!(!teacher.equal(&start), "{buffers:?}: it saw something");
    }
}
