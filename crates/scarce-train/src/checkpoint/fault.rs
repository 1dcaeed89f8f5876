//! Why a checkpoint does not serve, by name.

use std::fmt;

use thiserror::Error;

/// Why a checkpoint does not serve.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointFault {
    /// There is none.
    #[error("there is none: no state.json in it, nor in its `last` or `previous`")]
    Absent,
    /// A file that it lists is not there.
    #[error("{file} is missing")]
    MissingFile {
        /// The file's name.
        file: String,
    },
    /// A file is not what was written.
    #[error("{file} is damaged: BLAKE3 is {got}, expected {expected}")]
    Damaged {
        /// The file's name.
        file: String,
        /// The hash that was written down.
        expected: String,
        /// The hash found.
        got: String,
    },
    /// A file whose hash is right holds something else than it should.
    #[error("{file} cannot be understood: {message}")]
    Malformed {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// Its tensors are not those of the training.
    #[error("{}", first_few(.0))]
    OtherTensors(Vec<TensorFault>),
    /// It was made with another configuration.
    #[error("setting `{key}` was {saved}, now it is {run}{}", and_more(*.more))]
    OtherConfig {
        /// The first key that differs.
        key: String,
        /// Its value in the checkpoint, or `absent`.
        saved: String,
        /// Its value now, or `absent`.
        run: String,
        /// How many more keys differ.
        more: usize,
    },
    /// It was made with another seed.
    #[error("its seed is {saved}, the run's is {run}")]
    OtherSeed {
        /// The checkpoint's.
        saved: u64,
        /// The run's.
        run: u64,
    },
    /// It was made by another number of processes.
    #[error("{saved} processes trained together, now there are {run}")]
    OtherProcessCount {
        /// The checkpoint's.
        saved: u32,
        /// The run's.
        run: u32,
    },
    /// It was made with another number of threads, which rounds differently.
    #[error(
        "it was made with {saved} threads, now there are {run}: results would differ in their last digits (`resume_elsewhere` permits it)"
    )]
    OtherThreadCount {
        /// The checkpoint's.
        saved: i32,
        /// The run's.
        run: i32,
    },
}

/// What is wrong with one tensor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorFault {
    /// The training has it, the checkpoint has not.
    #[error("tensor {name} is missing")]
    Missing {
        /// The tensor's name.
        name: String,
    },
    /// The checkpoint has it, the training has not.
    #[error("tensor {name} is left over")]
    LeftOver {
        /// The tensor's name.
        name: String,
    },
    /// Both have it, with other shapes.
    #[error("tensor {name} has shape {got:?}, expected {expected:?}")]
    Shape {
        /// The tensor's name.
        name: String,
        /// The training's.
        expected: Vec<i64>,
        /// The checkpoint's.
        got: Vec<i64>,
    },
    /// Both have it, of other element types.
    #[error("tensor {name} is {got}, expected {expected}")]
    Kind {
        /// The tensor's name.
        name: String,
        /// The training's, such as `Float`.
        expected: String,
        /// The checkpoint's.
        got: String,
    },
}

/// The first faults; nobody reads three hundred.
pub(super) fn first_few(faults: &[TensorFault]) -> impl fmt::Display {
    const SHOWN: usize = 5;
    let shown: Vec<String> = faults.iter().take(SHOWN).map(ToString::to_string).collect();
    shown.join(", ") + &and_more(faults.len().saturating_sub(SHOWN))
}

fn and_more(more: usize) -> String {
    if more == 0 {
        String::new()
    } else {
        format!(", and {more} more")
    }
}
