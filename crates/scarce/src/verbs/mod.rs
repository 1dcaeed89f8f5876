//! One file a verb.

pub mod convert;
pub mod doctor;
pub mod evaluate;
pub mod info;
pub mod localize;
pub mod mask;
pub mod predict;
pub mod pretrain;
pub mod report;
pub mod semi;
pub mod verify;
