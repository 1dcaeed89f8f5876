//! SAM and what was made of it for medicine: a box in, the object in it out.
//!
//! Two graphs: the encoder sees the picture once, the decoder answers each box. `export/sam.py` makes them from a checkpoint
//! of SAM, MedSAM or LiteMedSAM; those of `samexporter` serve too.

mod decoder;
mod encoder;
mod preprocessing;
mod refiner;

pub use preprocessing::SamPreprocessing;
pub use refiner::SamRefiner;
