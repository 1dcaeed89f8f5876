//! The networks of a method.

use scarce_train::named_variables;
use tch::{Device, Tensor};

use crate::branch::Branch;
use crate::settings::Branches;
use crate::teacher::TeacherConfig;
use crate::{CornError, SemiConfig};

/// What a network says of a batch.
#[derive(Debug)]
pub(super) struct Answer {
    /// `(batch, class, z, y, x)`.
    pub logits: Tensor,
    /// Their probabilities.
    pub p: Tensor,
    /// `(batch, filter, z, y, x)`.
    pub features: Tensor,
}

/// The networks of a method.
#[derive(Debug)]
pub(super) struct Networks {
    branches: Vec<Branch>,
    relation: Branches,
}

impl Networks {
    pub fn new(config: &SemiConfig, device: Device) -> Result<Self, CornError> {
        let relation = config.branches.clone();
        let heads = config.correlation.heads();
        let mut branches: Vec<Branch> = Vec::new();
        for index in 0..relation.names().len() {
            let network = relation.network(index, &config.network);
            branches.push(match branches.first() {
                Some(first) if relation.share_encoder() => {
                    Branch::sharing(first, &network, &heads)?
                }
                _ => Branch::new(&network, &heads, device)?,
            });
        }
        if relation.teacher().is_some()
            && let [student, teacher] = branches.as_mut_slice()
        {
            teacher.store.copy(&student.store)?;
            teacher.store.freeze();
        }
        Ok(Self { branches, relation })
    }

    pub fn double(&mut self) {
        for branch in &mut self.branches {
            branch.store.double();
        }
    }

    pub fn by_name(&self, name: &str) -> Option<&Branch> {
        let mut named = self.relation.names().iter().zip(&self.branches);
        named.find(|(of, _)| **of == name).map(|(_, branch)| branch)
    }

    pub fn predictor(&self) -> &Branch {
        self.by_name(self.relation.predicts())
            .unwrap_or(&self.branches[0])
    }

    /// The networks that are compared: main and auxiliary, or student and teacher.
    pub fn pair(&self) -> [&Branch; 2] {
        let second = self.branches.get(1).unwrap_or(&self.branches[0]);
        [&self.branches[0], second]
    }

    /// Whether the second of [`Self::pair`] is trained by gradient, too.
    pub fn both_train(&self) -> bool {
        self.relation.trained() > 1
    }

    /// Whether a teacher's layers run in training mode.
    pub fn teacher_trains(&self) -> bool {
        self.relation.teacher().is_some_and(TeacherConfig::trains)
    }

    /// Whose features become anchors: the teacher's, or the mean of main and auxiliary.
    pub fn anchoring(&self) -> &[Branch] {
        if self.both_train() {
            &self.branches[..2]
        } else {
            &self.branches[self.branches.len() - 1..]
        }
    }

    /// Variables of each encoder.
    pub fn encoders(&self) -> Vec<Vec<(String, Tensor)>> {
        let all = self.branches.iter().map(Branch::encoder_variables);
        all.filter(|variables| !variables.is_empty()).collect()
    }

    pub fn weights(&self) -> Vec<(String, Tensor)> {
        let named = self.relation.names().iter().zip(&self.branches);
        named
            .flat_map(|(prefix, branch)| {
                let variables = named_variables(&branch.store).into_iter();
                variables.map(move |(name, tensor)| (format!("{prefix}.{name}"), tensor))
            })
            .collect()
    }

    /// Answers of the networks that are trained, in training mode.
    pub fn trained(&self, images: &Tensor) -> Result<Vec<Answer>, CornError> {
        let trained = &self.branches[..self.relation.trained()];
        let shared = trained[0].network.encode(images, true)?;
        trained
            .iter()
            .map(|branch| {
                let network = &branch.network;
                let output = if network.shares_encoder_with(&trained[0].network) {
                    network.decode(&shared, true)?
                } else {
                    network.forward(images, true)?
                };
                Ok(Answer::of(output))
            })
            .collect()
    }

    /// The teacher's answer without gradient; none where there is no teacher.
    pub fn teacher(
        &self,
        images: impl FnOnce() -> Result<Tensor, CornError>,
    ) -> Result<Option<Answer>, CornError> {
        let Some(teacher) = self.relation.teacher() else {
            return Ok(None);
        };
        let _guard = tch::no_grad_guard();
        let [_, branch] = self.pair();
        let output = branch.network.forward(&images()?, teacher.trains())?;
        Ok(Some(Answer::of(output)))
    }

    pub fn follow(&self, step: u64) -> Result<(), CornError> {
        match self.relation.teacher() {
            None => Ok(()),
            Some(teacher) => {
                let [student, average] = self.pair();
                teacher.update(&average.store, &student.store, step)
            }
        }
    }
}
