//! The teacher that averages its student.

use scarce_train::{BufferPolicy, ema_decay, ema_update};
use serde::{Deserialize, Serialize};
use tch::nn::VarStore;

use crate::CornError;

/// The teacher that averages its student.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TeacherConfig {
    /// Largest decay α of the average; at step t it is min(1 − 1/(t + 1), α), so that the first update copies the student
    /// (UA-MT). 0 copies it always; 1 keeps the mean of all students so far.
    pub max_decay: f64,
    /// What becomes of batch-norm statistics.
    pub buffers: Buffers,
    /// Which of the two predicts, and is validated.
    pub predicts: Role,
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The network that averages.
    Teacher,
    /// The network that is trained (UA-MT).
    Student,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Teacher => "teacher",
            Self::Student => "student",
        }
    }
}

/// What becomes of a teacher's batch-norm statistics, and with it how the teacher runs in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Buffers {
    /// They are copied from the student: averages already, which a lag would make fit neither network. The teacher runs in
    /// evaluation mode. What is wrong with a prediction in this mode no labelled crop tells, as the student only ever sees
    /// batch statistics: in one training of three with a consistency of weight 1 the two agreed on far too much
    /// (`benches/results/semi.md`).
    Copy,
    /// They are averaged like parameters. The teacher runs in evaluation mode.
    Average,
    /// They are the teacher's own, by what it saw. The teacher runs in training mode: batch statistics and dropout (UA-MT).
    Own,
}

impl Default for TeacherConfig {
    fn default() -> Self {
        Self {
            max_decay: 0.99,
            buffers: Buffers::Own,
            predicts: Role::Teacher,
        }
    }
}

impl TeacherConfig {
    /// Refuses a decay that is none.
    ///
    /// # Errors
    /// [`CornError::Setting`] outside 0 to 1.
    pub fn check(&self) -> Result<(), CornError> {
        if (0.0..=1.0).contains(&self.max_decay) {
            return Ok(());
        }
        let got = self.max_decay;
        Err(CornError::setting("branches.max_decay", "0 to 1", got))
    }

    /// Whether the teacher runs in training mode while it teaches.
    pub fn trains(&self) -> bool {
        self.buffers == Buffers::Own
    }

    /// Moves `teacher` towards `student`, two networks of the same variables, after the update `step`, counted from 0:
    /// θ' ← α θ' + (1 − α) θ.
    ///
    /// # Errors
    /// [`CornError::Train`] where they have other variables or shapes.
    pub fn update(
        &self,
        teacher: &VarStore,
        student: &VarStore,
        step: u64,
    ) -> Result<(), CornError> {
        let buffers = match self.buffers {
            Buffers::Copy => Some(BufferPolicy::Copy),
            Buffers::Average => Some(BufferPolicy::Average),
            Buffers::Own => None,
        };
        let decay = ema_decay(step, self.max_decay);
        Ok(ema_update(teacher, student, decay, buffers)?)
    }
}

#[cfg(test)]
mod tests {
    use scarce_train::named_variables;
    use scarce_train::pytorch_init::batch_norm;
    use tch::{Device, Kind, nn};

    use super::*;

    /// Scale and running mean of a norm whose values are all 1, after updates by one whose are all 3.
    fn followed(config: TeacherConfig, step: u64) -> [f64; 2] {
        let store = |value: f64| {
            let store = VarStore::new(Device::Cpu);
            let norm = nn::batch_norm1d(store.root() / "bn", 2, batch_norm());
            let _guard = tch::no_grad_guard();
            for (_, mut tensor) in named_variables(&store) {
                let _ = tensor.fill_(value);
            }
            (store, norm)
        };
        let ((teacher, norm), (student, _)) = (store(1.0), store(3.0));
        config.update(&teacher, &student, step).unwrap();
        let scale = norm.ws.as_ref().unwrap().mean(Kind::Double);
        [scale, norm.running_mean.mean(Kind::Double)].map(|t| t.double_value(&[]))
    }

    #[test]
    fn parameters_follow_by_the_decay_and_buffers_by_their_policy() {
        use Buffers::{Average, Copy, Own};
        for (max_decay, buffers, step, expected) in [
            (0.75, Copy, 99, [1.5, 3.0]),
            (0.75, Average, 99, [1.5, 1.5]),
            (0.75, Own, 99, [1.5, 1.0]),
            // The first update copies, whatever the decay.
            (1.0, Average, 0, [3.0, 3.0]),
            (1.0, Own, 0, [3.0, 1.0]),
            (1.0, Copy, 1, [2.0, 3.0]),
            (0.0, Average, 99, [3.0, 3.0]),
        ] {
            let config = TeacherConfig {
                max_decay,
                buffers,
                predicts: Role::Teacher,
            };
            assert_eq!(followed(config, step), expected, "{config:?} at {step}");
        }
    }

    #[test]
    fn refuses_decays_that_are_none() {
        for max_decay in [-0.1, 1.1, f64::NAN] {
            let config = TeacherConfig {
                max_decay,
                ..TeacherConfig::default()
            };
            assert!(config.check().is_err(), "{max_decay}");
        }
    }
}
