//! Images with the objects on them, one by one.

use std::path::PathBuf;

use ndarray::Array2;
use scarce_detect::finetune::{Instance, InstanceImage};
use scarce_mim::finetune::look::Frame;

use super::outlined::Folder;
use super::{OutlinedData, Parts, Shown};

/// The images of a detection.
pub type Instances = Parts<InstanceCase>;

/// An image, with its objects on its canvas and in its own pixels.
pub struct InstanceCase {
    /// The image, on its canvas.
    pub image: InstanceImage,
    /// Where it lies there.
    pub frame: Frame,
    /// Its file.
    pub path: PathBuf,
    /// The class of each object and its pixels `(y, x)`.
    pub objects: Vec<(u8, Array2<bool>)>,
}

impl OutlinedData {
    /// Reads and shares out all images; objects of which a file has but a box are taken where `boxes_will_do`.
    pub fn instances(&self, shown: Shown, boxes_will_do: bool) -> anyhow::Result<Instances> {
        self.cases(|folder, index| case(folder, index, shown, boxes_will_do))
    }
}

fn case(
    folder: &Folder<'_>,
    index: usize,
    shown: Shown,
    boxes_will_do: bool,
) -> anyhow::Result<InstanceCase> {
    let path = folder.path(index);
    let (pixels, frame) = shown.read(path)?;
    let objects = folder.objects(index, frame.image_yx(), boxes_will_do)?;
    for (number, (_, mask)) in objects.iter().enumerate() {
        anyhow::ensure!(
            mask.iter().any(|inside| *inside),
            "object {} has no pixel on the image: it is too small, or lies beside it: {}",
            number + 1,
            path.display()
        );
    }
    let on_canvas = |(class, mask): &(u8, Array2<bool>)| Instance {
        class: *class,
        mask: frame.canvas_of_labels(mask.mapv(u8::from).view()),
    };
    Ok(InstanceCase {
        image: InstanceImage {
            id: folder.id(index).to_owned(),
            pixels,
            instances: objects.iter().map(on_canvas).collect(),
        },
        frame,
        path: path.to_owned(),
        objects,
    })
}
