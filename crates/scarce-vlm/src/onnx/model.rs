//! A model in a session, with what is known of its file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, ArrayViewD};

use ort::{
    environment::Environment,
    session::{Session, SessionInputValue, SessionOutputs, builder::SessionBuilder},
    value::{Outlet, Tensor, TensorElementType, ValueType},
};

use super::file::{ExternalData, external_data};
use super::{ModelFault, ModelFile, OnnxError, Provider, runtime::environment};
use crate::ModelRecord;

/// How a session computes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Threads within one operator. _Default:_ 2. The results do not depend on it.
    pub intra_threads: usize,
    /// Where to run, the dearest wish first; what cannot be had is passed over with a warning, and the processor stands in
    /// where nothing is left. _Default:_ the processor alone. Another provider rounds otherwise: the results differ a little.
    pub providers: Vec<Provider>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            intra_threads: 2,
            providers: vec![Provider::Cpu],
        }
    }
}

impl SessionOptions {
    /// With another number of threads within one operator.
    #[must_use]
    pub fn with_intra_threads(mut self, intra_threads: usize) -> Self {
        self.intra_threads = intra_threads;
        self
    }

    /// With other providers, the dearest wish first.
    #[must_use]
    pub fn with_providers(mut self, providers: impl Into<Vec<Provider>>) -> Self {
        self.providers = providers.into();
        self
    }
}

/// What a model is run on.
#[derive(Debug, Clone)]
pub enum ModelInput<'a> {
    /// 32-bit floats.
    Floats(ArrayViewD<'a, f32>),
    /// 64-bit whole numbers.
    Integers(ArrayViewD<'a, i64>),
}

/// An ONNX model ready to run.
pub struct Model {
    session: Session,
    record: ModelRecord,
    external: Vec<ModelRecord>,
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
        Self::open(name, &path.into(), options)
    }

    /// The same, of a file whose content may be pinned. Weights that lie in files beside it are read and recorded too; while
    /// the session is made they are in memory twice.
    ///
    /// # Errors
    /// As [`Self::load`], for another content than the pinned one, and for a file beside it that is missing.
    pub fn open(name: &str, file: &ModelFile, options: &SessionOptions) -> Result<Self, OnnxError> {
        let path = &file.path;
        let refused = |fault: ModelFault| OnnxError::Model {
            name: name.to_owned(),
            fault: Box::new(fault),
            path: path.clone(),
        };
        let (bytes, record) = file.read(name).map_err(refused)?;
        Self::start(name, path, &bytes, record, options)
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
        Self::start(
            name,
            path,
            bytes,
            ModelRecord::new(name, path, bytes),
            options,
        )
    }

    fn start(
        name: &str,
        path: &Path,
        bytes: &[u8],
        record: ModelRecord,
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
        let beside = external_data(name, path, bytes).map_err(refused)?;
        let environment = environment()?;
        let (session, provider) = start(&environment, name, options, bytes, &beside)
            .map_err(|error| refused(ModelFault::Load(error.to_string())))?;
        Ok(Self {
            session,
            record: record.run_by(provider),
            external: beside.into_iter().map(|data| data.record).collect(),
            path: path.to_path_buf(),
        })
    }

    /// Name, file name, hash and provider.
    pub fn record(&self) -> &ModelRecord {
        &self.record
    }

    /// The record, and those of the files beside it that hold its weights.
    pub fn records(&self) -> Vec<ModelRecord> {
        let mut records = vec![self.record.clone()];
        records.extend_from_slice(&self.external);
        records
    }

    /// What the file's own metadata say under `key`.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.session.metadata().ok()?.custom(key)
    }

    /// Element type and shape of an input, where it is there and a tensor; -1 stands for a length that is free.
    pub fn input_tensor(&self, name: &str) -> Option<(TensorElementType, Vec<i64>)> {
        let mut inputs = self.session.inputs().iter();
        match inputs.find(|input| input.name() == name)?.dtype() {
            ValueType::Tensor { ty, shape, .. } => Some((*ty, shape.to_vec())),
            _ => None,
        }
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

    /// The shape of an input, with -1 where the graph leaves a size open; `None` if there is no such input.
    pub fn input_shape(&self, name: &str) -> Option<Vec<i64>> {
        Some(self.input_tensor(name)?.1)
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

    /// Checks that the inputs are these and no others: name, rank and element type.
    ///
    /// # Errors
    /// As [`Self::check_inputs`].
    pub fn check_typed_inputs(
        &self,
        expected: &[(&str, usize, TensorElementType)],
    ) -> Result<(), OnnxError> {
        let inputs = self.session.inputs();
        for (name, rank, element) in expected {
            let Some(input) = inputs.iter().find(|input| input.name() == *name) else {
                return Err(self.fault(ModelFault::MissingInput {
                    expected: (*name).to_owned(),
                    found: self.input_names(),
                }));
            };
            self.check_port(input, *rank, *element)?;
        }
        let is_known = |input: &&Outlet| expected.iter().any(|(name, ..)| input.name() == *name);
        match inputs.iter().find(|input| !is_known(input)) {
            None => Ok(()),
            Some(input) => Err(self.fault(ModelFault::UnknownInput {
                input: input.name().to_owned(),
                known: (expected.iter().map(|(name, ..)| (*name).to_owned())).collect(),
            })),
        }
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

    /// Runs the model on arrays; gives every output by its name.
    ///
    /// # Errors
    /// [`ModelFault::Run`], also for an output that holds something else than 32-bit floats.
    pub fn run_on(
        &mut self,
        inputs: &[(&'static str, ModelInput<'_>)],
    ) -> Result<BTreeMap<String, ArrayD<f32>>, OnnxError> {
        let outputs = self.try_run_on(inputs);
        outputs.map_err(|fault| self.fault(fault))
    }

    fn try_run_on(
        &mut self,
        inputs: &[(&'static str, ModelInput<'_>)],
    ) -> Result<BTreeMap<String, ArrayD<f32>>, ModelFault> {
        let refused = |error: ort::Error| ModelFault::Run(error.to_string());
        let value = |(name, input): &(&'static str, ModelInput<'_>)| {
            // Owned, and so in standard layout.
            let value: SessionInputValue<'_> = match input {
                ModelInput::Floats(array) => {
                    let array = array.as_standard_layout().into_owned();
                    Tensor::from_array(array).map_err(refused)?.into()
                }
                ModelInput::Integers(array) => {
                    let array = array.as_standard_layout().into_owned();
                    Tensor::from_array(array).map_err(refused)?.into()
                }
            };
            Ok((*name, value))
        };
        let values = inputs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        let outputs = self.run(values)?;
        outputs
            .iter()
            .map(|(name, value)| {
                let array = value.try_extract_array::<f32>().map_err(refused)?;
                Ok((name.to_owned(), array.to_owned()))
            })
            .collect()
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

/// A session on the first of the wanted providers that takes the model.
fn start(
    environment: &Environment,
    name: &str,
    options: &SessionOptions,
    bytes: &[u8],
    beside: &[ExternalData],
) -> Result<(Session, Provider), ort::Error> {
    let builder = || -> Result<SessionBuilder, ort::Error> {
        // Spinning pools would slow down whatever shares the process; the precise integer
        // products cannot overflow on processors without VNNI, so all of them agree.
        let mut builder = Session::builder(environment)?
            .with_intra_threads(options.intra_threads.max(1))?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_precise_qmm()?;
        for data in beside {
            builder = builder
                .with_external_initializer_file_in_memory(&data.location, data.bytes.clone())?;
        }
        Ok(builder)
    };
    for provider in &options.providers {
        if *provider == Provider::Cpu {
            break;
        }
        let session = provider
            .configure(builder()?, environment)
            .and_then(|mut builder| {
                builder
                    .commit_from_memory(bytes)
                    .map_err(|error| error.to_string())
            });
        match session {
            Ok(session) => return Ok((session, *provider)),
            Err(reason) => {
                tracing::warn!(model = name, %provider, reason, "a provider cannot be had; the next one runs the model");
            }
        }
    }
    Ok((builder()?.commit_from_memory(bytes)?, Provider::Cpu))
}

fn names(ports: &[Outlet]) -> Vec<String> {
    ports.iter().map(|port| port.name().to_owned()).collect()
}
