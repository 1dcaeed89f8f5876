//! One training on several processes: each takes a share of every batch, and their gradients are
//! averaged, so that the result is that of one process with the whole batch.
//!
//! [`Placement`] reads who a process is from what started it (`torchrun --no-python`, `srun`, `mpirun`,
//! `cargo xtask launch`); [`Group`] connects the processes and offers collectives;
//! [`GradientAverager`] averages gradients during the backward pass, by the engine behind PyTorch's
//! `DistributedDataParallel`. On one process all of them do nothing, at no cost.
//!
//! # What is equal to what
//! - Any number of processes with a fixed batch in all compute the same sums as one, in another order:
//!   equal within rounding. A fixed number of processes repeats byte for byte, also after a resume.
//! - Batch normalisation is the exception: see [`BatchNormPolicy`].
//!
//! # When a process fails
//! Every collective is bounded by the group's time-out. Beside the training, each process leaves a sign
//! of life in the store; when a collective fails, the error names who fell silent, who is behind, or
//! what made the first process give up ([`Group::abandon`]).

mod batch_norm;
mod error;
mod gradients;
mod group;
mod moments;
mod placement;
mod rendezvous;
mod shares;
mod vital_signs;

pub use batch_norm::{BatchNormPolicy, batch_norm_over_processes, settle_buffers};
pub use error::DistributedError;
pub use gradients::GradientAverager;
pub use group::Group;
pub use moments::Moments;
pub use placement::{Launcher, Placement};
pub use shares::{Share, samples_of_rank};
