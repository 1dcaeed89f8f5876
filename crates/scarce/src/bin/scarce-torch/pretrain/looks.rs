//! Looks at what the network makes of a few images.

use std::cmp::Reverse;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use ndarray::Array2;
use scarce_mim::pretrain::Viewer;
use scarce_mim::{ImageSource as _, Reconstruction};
use scarce_report::{Picture, radiological};

use super::images::Images;

/// Images that are looked at.
const SHOWN: usize = 4;
/// Images among which they are chosen, at most.
const LOOKED_AT: usize = 256;

/// The images to look at.
#[derive(Debug, Clone)]
pub struct Looks {
    /// Their indices.
    pub images: Vec<usize>,
    /// Whether each is a picture, and so the right way round already.
    are_pictures: Vec<bool>,
}

impl Looks {
    /// Where the region is largest: there is most to see.
    pub fn choose(images: &Images) -> anyhow::Result<Self> {
        let step = images.len().div_ceil(LOOKED_AT).max(1);
        let mut by_region = Vec::new();
        for index in (0..images.len()).step_by(step) {
            let image = images.read(index);
            let image = image.map_err(|error| anyhow!("{}: {error}", images.id(index)))?;
            let inside = image.region.iter().filter(|v| **v).count();
            by_region.push((Reverse(inside * 1000 / image.region.len().max(1)), index));
        }
        by_region.sort_unstable();
        // Neighbouring slices look alike; every fourth does not.
        let chosen: Vec<usize> = by_region
            .iter()
            .step_by(4)
            .take(SHOWN)
            .map(|(_, i)| *i)
            .collect();
        Ok(Self {
            are_pictures: chosen
                .iter()
                .map(|index| images.is_picture(*index))
                .collect(),
            images: chosen,
        })
    }

    /// Writes a strip of input, mask and reconstruction for each into `folder`.
    pub fn write(&self, folder: &Path, views: &[Reconstruction]) -> anyhow::Result<()> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        for (k, (view, is_picture)) in views.iter().zip(&self.are_pictures).enumerate() {
            let png = strip(view, *is_picture).to_png()?;
            let path = folder.join(format!("{k:02}.png"));
            scarce_io::write_atomic(&path, |file| file.write_all(&png))?;
        }
        Ok(())
    }

    /// Writes those of each step that is looked at into a folder of its own below `folder`.
    pub fn viewer(&self, folder: &Path) -> Viewer {
        let (looks, folder) = (self.clone(), folder.to_owned());
        Box::new(move |step, views| {
            let folder = folder.join(format!("step-{step:06}"));
            Ok(looks.write(&folder, &views)?)
        })
    }
}

fn strip(view: &Reconstruction, is_picture: bool) -> Picture {
    fn turned<T: Clone>(plane: &Array2<T>, is_picture: bool) -> Array2<T> {
        if is_picture {
            plane.clone()
        } else {
            radiological(plane.view())
        }
    }
    let region = turned(&view.region, is_picture);
    let hidden = turned(&view.hidden, is_picture);
    let drawn = |pixels| Picture::grey(turned(pixels, is_picture).view()).upscaled(2);
    let outlined = |pixels| drawn(pixels).with_mask_outline(region.view(), Picture::REGION);
    Picture::row(&[
        outlined(&view.input),
        drawn(&view.input).with_hidden_cells(hidden.view()),
        outlined(&view.output),
    ])
}
