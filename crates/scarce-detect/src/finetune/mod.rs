//! A detector's training on images with instances, and what it finds in others.
//!
//! Images come in as for the other fine-tunings, on canvases ([`scarce_mim::finetune::look`]); instances as masks on them, from
//! which boxes are taken after every crop and flip. What was found is told in an image's own pixels, and as COCO's records.

mod coco;
mod config;
mod detector;
mod found;
mod images;
mod source;
mod task;

pub use coco::{Truth, dataset, detections};
pub use config::FinetuneConfig;
pub use detector::Detector;
pub use found::Found;
pub use images::{Instance, InstanceImage};
pub use task::DetectTask;
