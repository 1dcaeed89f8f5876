//! A model in a session, with what is known of its file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ort::{
    session::{Session, SessionInputValue, SessionOutputs, builder::SessionBuilder},
    value::{Outlet, TensorElementType, ValueType},
};

use super::{ModelFault, OnnxError, runtime::environment};
use crate::ModelRecord;

/// How a session computes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Threads within one operator. _Default:_ 2. The results do not depend on it.
    pub intra_threads: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { intra_threads: 2 }
    }
}

impl SessionOptions {
    /// With another number of threads within one operator.
    #[must_use]
    pub fn with_intra_threads(mut self, intra_threads: usize) -> Self {
        self.intra_threads = intra_threads;
        self
    }
}

/// An ONNX model ready to run on the CPU.
pub struct Model {
    session: Session,
    record: ModelRecord,
    path: PathBuf,
}

impl Model {
    /// Reads the file once, records its hash and makes a session of those very bytes.
    ///
    /// `name` is the part that the model plays, for messages and for the record.
    ///
    /// # Errors
    /// [`OnnxError`] when the runtime's library is missing, the file cannot be read or the bytes
    /// are no model.
    pub fn load(name: &str, path: &Path, options: &SessionOptions) -> Result<Self, OnnxError> {
        let refused = |fault: ModelFault| OnnxError::Model {
            name: name.to_owned(),
            fault: Box::new(fault),
            path: path.to_path_buf(),
        };
        let bytes = fs::read(path).map_err(|error| refused(ModelFault::Read(error)))?;
        Self::from_bytes(name, path, &bytes, options)
    }

    /// Makes a session of a model in memory, `path` being where it came from.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_bytes(
        name: &str,
        path: &Path,
        bytes: &[u8],
        options: &SessionOptions,
    ) -> Result<Self, OnnxError> {
        let refused = |fault: ModelFault| OnnxError::Model {
            name: name.to_owned(),
            fault: Box::new(fault),
            path: path.to_path_buf(),
        };
        if bytes.is_empty() {
            return Err(refused(ModelFault::Load("the file is empty".to_owned())));
        }
        let environment = environment()?;
        let configure = || -> Result<SessionBuilder, ort::Error> {
            // Spinning pools would slow down whatever shares the process; the precise integer
            // products cannot overflow on processors without VNNI, so all of them agree.
            Ok(Session::builder(&environment)?
                .with_intra_threads(options.intra_threads.max(1))?
                .with_inter_threads(1)?
                .with_intra_op_spinning(false)?
                .with_inter_op_spinning(false)?
                .with_precise_qmm()?)
        };
        let session = configure()
            .and_then(|mut builder| builder.commit_from_memory(bytes))
            .map_err(|error| refused(ModelFault::Load(error.to_string())))?;
        Ok(Self {
            session,
            record: ModelRecord::new(name, path, bytes),
            path: path.to_path_buf(),
        })
    }

    /// Name, file name and hash.
    pub fn record(&self) -> &ModelRecord {
        &self.record
    }

    /// The file it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the inputs, in the model's order.
    pub fn input_names(&self) -> Vec<String> {
        names(self.session.inputs())
    }

    /// The names of the outputs, in the model's order.
    pub fn output_names(&self) -> Vec<String> {
        names(self.session.outputs())
    }

    /// Checks that the inputs are tensors of `element` with these names and ranks: each of
    /// `required` is there, and nothing beyond `required` and `optional`.
    ///
    /// # Errors
    /// [`ModelFault::MissingInput`], [`ModelFault::UnknownInput`] or [`ModelFault::PortType`].
    pub fn check_inputs(
        &self,
        required: &[(&str, usize)],
        optional: &[(&str, usize)],
        element: TensorElementType,
    ) -> Result<(), OnnxError> {
        let inputs = self.session.inputs();
        for (expected, _) in required {
            if !inputs.iter().any(|input| input.name() == *expected) {
                return Err(self.fault(ModelFault::MissingInput {
                    expected: (*expected).to_owned(),
                    found: self.input_names(),
                }));
            }
        }
        for input in inputs {
            let known = || required.iter().chain(optional);
            let Some((_, rank)) = known().find(|(name, _)| input.name() == *name) else {
                return Err(self.fault(ModelFault::UnknownInput {
                    input: input.name().to_owned(),
                    known: known().map(|(name, _)| (*name).to_owned()).collect(),
                }));
            };
            self.check_port(input, *rank, element)?;
        }
        Ok(())
    }

    /// The first of `candidates` (name and rank, in the order of preference) that is an output; it
    /// must be a tensor of `element`.
    ///
    /// # Errors
    /// [`ModelFault::MissingOutput`] or [`ModelFault::PortType`].
    pub fn find_output<'a>(
        &self,
        candidates: &[(&'a str, usize)],
        element: TensorElementType,
    ) -> Result<&'a str, OnnxError> {
        for (name, rank) in candidates {
            if let Some(output) = self.session.outputs().iter().find(|o| o.name() == *name) {
                self.check_port(output, *rank, element)?;
                return Ok(name);
            }
        }
        Err(self.fault(ModelFault::MissingOutput {
            expected: candidates
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            found: self.output_names(),
        }))
    }

    fn check_port(
        &self,
        port: &Outlet,
        rank: usize,
        element: TensorElementType,
    ) -> Result<(), OnnxError> {
        match port.dtype() {
            ValueType::Tensor { ty, shape, .. } if ty == &element && shape.len() == rank => Ok(()),
            other => Err(self.fault(ModelFault::PortType {
                port: port.name().to_owned(),
                expected: format!("{element} tensor of rank {rank}"),
                found: other.to_string(),
            })),
        }
    }

    /// Runs the model on named inputs.
    ///
    /// # Errors
    /// [`ModelFault::Run`]; [`Self::fault`] makes it an error that names the model.
    pub fn run<'s>(
        &'s mut self,
        inputs: Vec<(&'static str, SessionInputValue<'_>)>,
    ) -> Result<SessionOutputs<'s>, ModelFault> {
        self.session
            .run(inputs)
            .map_err(|error| ModelFault::Run(error.to_string()))
    }

    /// The error that says what is wrong with this model.
    pub fn fault(&self, fault: ModelFault) -> OnnxError {
        OnnxError::Model {
            name: self.record.name.clone(),
            fault: Box::new(fault),
            path: self.path.clone(),
        }
    }
}

fn names(ports: &[Outlet]) -> Vec<String> {
    ports.iter().map(|port| port.name().to_owned()).collect()
}
