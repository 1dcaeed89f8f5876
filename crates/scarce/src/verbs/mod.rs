//! One file a verb.

pub mod compare;
pub mod convert;
pub mod evaluate;
pub mod info;
pub mod lint;
pub mod localize;
pub mod mask;
pub mod report;
pub mod verify;
