//! How many networks there are, and what they are to one another.

use serde::{Deserialize, Serialize};

use crate::CornError;
use crate::teacher::TeacherConfig;
use crate::vnet::{Upsampling, VNetConfig};

/// What branches are called in a checkpoint, where all are trained.
const TRAINED: [&str; 4] = ["main", "auxiliary", "third", "fourth"];
const STUDENT_AND_TEACHER: [&str; 2] = ["student", "teacher"];

/// How many networks there are, and what they are to one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Branches {
    /// One network: `main`.
    Single {},
    /// A network that is trained, `student`, and one that averages it, `teacher`; they start equal.
    MeanTeacher(TeacherConfig),
    /// Networks that are all trained, each for itself: `main`, `auxiliary`, `third`, `fourth` (CORN, CAML).
    Independent {
        /// How the decoder of each doubles the resolution.
        decoders: Vec<Upsampling>,
        /// Those whose encoder has CAML's attention ([`VNetConfig::attention`]), by name.
        #[serde(default)]
        attention: Vec<String>,
    },
    /// The same on one encoder, that of `main` (MC-Net).
    SharedEncoder {
        /// How each decoder doubles the resolution.
        decoders: Vec<Upsampling>,
    },
}

impl Default for Branches {
    fn default() -> Self {
        Self::MeanTeacher(TeacherConfig::default())
    }
}

impl Branches {
    /// Refuses too few or too many.
    ///
    /// # Errors
    /// [`CornError::Setting`].
    pub fn check(&self) -> Result<(), CornError> {
        match self {
            Self::Single {} => Ok(()),
            Self::MeanTeacher(teacher) => teacher.check(),
            Self::Independent { decoders, .. } | Self::SharedEncoder { decoders } => {
                if !(2..=TRAINED.len()).contains(&decoders.len()) {
                    let got = decoders.len();
                    return Err(CornError::setting("branches.decoders", "2 to 4", got));
                }
                let is_unknown = |name: &&String| !self.names().contains(&name.as_str());
                if let Some(unknown) = self.attentive().iter().find(is_unknown) {
                    let expected =
                        "main, auxiliary, third or fourth, of as many decoders as there are";
                    return Err(CornError::setting("branches.attention", expected, unknown));
                }
                Ok(())
            }
        }
    }

    /// What the networks are called in a checkpoint, before a dot.
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Single {} => &TRAINED[..1],
            Self::MeanTeacher(_) => &STUDENT_AND_TEACHER,
            Self::Independent { decoders, .. } | Self::SharedEncoder { decoders } => {
                &TRAINED[..decoders.len().min(TRAINED.len())]
            }
        }
    }

    /// The network that predicts, and that is validated.
    pub fn predicts(&self) -> &'static str {
        match self {
            Self::MeanTeacher(teacher) => teacher.predicts.name(),
            _ => TRAINED[0],
        }
    }

    /// How many of the networks are trained, the first ones.
    pub(crate) fn trained(&self) -> usize {
        match self {
            Self::MeanTeacher(_) => 1,
            _ => self.names().len(),
        }
    }

    /// The settings of the network `index`, given what all share.
    pub(crate) fn network(&self, index: usize, shared: &VNetConfig) -> VNetConfig {
        let decoder = match self {
            Self::Single {} | Self::MeanTeacher(_) => None,
            Self::Independent { decoders, .. } | Self::SharedEncoder { decoders } => {
                decoders.get(index).copied()
            }
        };
        let attends = |name: &&str| self.attentive().iter().any(|of| of == name);
        VNetConfig {
            upsampling: decoder.unwrap_or(shared.upsampling),
            attention: shared.attention || self.names().get(index).is_some_and(attends),
            ..shared.clone()
        }
    }

    fn attentive(&self) -> &[String] {
        match self {
            Self::Independent { attention, .. } => attention,
            _ => &[],
        }
    }

    pub(crate) fn teacher(&self) -> Option<&TeacherConfig> {
        match self {
            Self::MeanTeacher(teacher) => Some(teacher),
            _ => None,
        }
    }

    pub(crate) fn share_encoder(&self) -> bool {
        matches!(self, Self::SharedEncoder { .. })
    }
}
