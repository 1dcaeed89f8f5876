//! SAM and what was made of it for medicine: a box in, the object in it out.
//!
//! Two graphs: the encoder sees the picture once, the decoder answers each box. `export/sam.py` makes them from a checkpoint
//! of SAM, MedSAM or LiteMedSAM. `examples/refine_boxes.rs` asks for one box; `export/check_lite_medsam.py` for five lesions
//! with known outlines, whose figures are in `benches/results/lite_medsam.json`.

mod decoder;
mod encoder;
mod preprocessing;
mod refiner;

pub use preprocessing::SamPreprocessing;
pub use refiner::SamRefiner;
