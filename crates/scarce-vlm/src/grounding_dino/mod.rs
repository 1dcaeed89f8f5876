//! Grounding DINO: phrases and a picture in, boxes out.
//!
//! S. Liu et al.: Grounding DINO, ECCV 2024. `export/grounding_dino.py` makes the graph from a `transformers` checkpoint. Other
//! exports have other interfaces, which are told apart by the names of their inputs: that of `transformers` (`pixel_values`,
//! ..., `pred_boxes`) and those of the authors' own code and of `usls` (`img` or `image`, `position_ids`, a mask of the text's
//! blocks, ..., `boxes`).

mod boxes;
mod detector;
mod input_size;
mod interface;
mod phrases;

pub use boxes::Detection;
pub use detector::{GroundingDino, GroundingDinoOptions};
