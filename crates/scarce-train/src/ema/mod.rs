//! The exponential moving average that makes a teacher of its student.

mod average;

use tch::nn::VarStore;

use crate::{TrainError, named_variables};
pub use average::{BufferPolicy, Ema, EmaConfig};

/// UA-MT's decay: min(1 − 1/(t + 1), `max_decay`) with `step` t from 0, so that the first update
/// copies the student.
pub fn ema_decay(step: u64, max_decay: f64) -> f64 {
    (1.0 - 1.0 / (step as f64 + 1.0)).min(max_decay)
}

/// teacher ← decay · teacher + (1 − decay) · student over the parameters. Of buffers (batch-norm
/// statistics) becomes what `buffers` says; without it they stay the teacher's own.
///
/// # Errors
/// [`TrainError::Checkpoint`] when the two stores do not hold the same names;
/// [`TrainError::Torch`] when their shapes differ.
pub fn ema_update(
    teacher: &VarStore,
    student: &VarStore,
    decay: f64,
    buffers: Option<BufferPolicy>,
) -> Result<(), TrainError> {
    let _guard = tch::no_grad_guard();
    let teachers = named_variables(teacher);
    let students = named_variables(student);
    let same = (teachers.iter().map(|t| &t.0)).eq(students.iter().map(|s| &s.0));
    if !same {
        return Err(TrainError::Checkpoint {
            message: "teacher and student have other variables".to_owned(),
            path: "memory".into(),
        });
    }
    for ((_, mut teacher), (_, student)) in teachers.into_iter().zip(students) {
        let averages = student.requires_grad() || buffers == Some(BufferPolicy::Average);
        if averages && student.is_floating_point() {
            let _ = teacher.f_lerp_(&student, 1.0 - decay)?;
        } else if buffers.is_some() {
            teacher.f_copy_(&student)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor, nn};

    use super::*;

    fn store(value: f64) -> (VarStore, nn::BatchNorm) {
        let store = VarStore::new(Device::Cpu);
        let norm = nn::batch_norm1d(store.root() / "bn", 2, crate::pytorch_init::batch_norm());
        let _guard = tch::no_grad_guard();
        for (_, mut tensor) in named_variables(&store) {
            let _ = tensor.fill_(value);
        }
        (store, norm)
    }

    #[test]
    fn averages_parameters_and_copies_buffers() {
        for (decay, expected_weight) in [(0.0, 3.0), (0.75, 1.5), (1.0, 1.0)] {
            let ((teacher, norm), (student, _)) = (store(1.0), store(3.0));
            ema_update(&teacher, &student, decay, Some(BufferPolicy::Copy)).unwrap();
            let all = |t: &Tensor, value: f64| {
                assert_eq!(
                    t.to_kind(Kind::Double).mean(None::<Kind>).double_value(&[]),
                    value
                );
            };
            all(norm.ws.as_ref().unwrap(), expected_weight);
            all(&norm.running_mean, 3.0);
        }
        assert_eq!(ema_decay(0, 0.99), 0.0);
        assert_eq!(ema_decay(1, 0.99), 0.5);
        assert_eq!(ema_decay(1000, 0.99), 0.99);
    }
}
