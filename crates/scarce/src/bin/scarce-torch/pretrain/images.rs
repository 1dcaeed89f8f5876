//! Images as the training asks for them, in memory or read each time.

use std::sync::{Arc, OnceLock};

use ndarray::{Array2, Array3, Axis};
use scarce_image::{PlaneWindow, resize_plane, resize_plane_any};
use scarce_mim::{ImageSample, ImageSource, PretrainConfig};
use scarce_train::loader::SourceError;

use super::pictures::Picture;

/// Pixels that are kept along each side of a picture for one of a view.
const KEPT: usize = 2;

/// Images in memory, then pictures.
pub struct Images {
    resident: Vec<Arc<ImageSample>>,
    pictures: Vec<Picture>,
    /// Pictures that were read; none where they are read each time.
    read: Option<Vec<OnceLock<Arc<ImageSample>>>>,
    channels: usize,
    /// The largest a picture is kept, where views are resized anyway.
    canvas_yx: Option<[usize; 2]>,
}

impl Images {
    pub(super) fn new(
        resident: Vec<Arc<ImageSample>>,
        pictures: Vec<Picture>,
        method: &PretrainConfig,
        keep_in_memory: bool,
    ) -> Self {
        let canvas_yx = match (&method.view.area, method.view.size.as_slice()) {
            (Some(_), [y, x]) => Some([y * KEPT, x * KEPT]),
            _ => None,
        };
        Self {
            read: keep_in_memory.then(|| pictures.iter().map(|_| OnceLock::new()).collect()),
            resident,
            pictures,
            channels: method.encoder.in_channels.max(1) as usize,
            canvas_yx,
        }
    }

    /// Whether the image at `index` is a picture, and no slice or volume.
    pub fn is_picture(&self, index: usize) -> bool {
        index >= self.resident.len()
    }

    fn picture(&self, index: usize) -> Result<Arc<ImageSample>, SourceError> {
        let picture = &self.pictures[index];
        let (pixels, region) = picture.read()?;
        let (pixels, region) = self.shrunk(in_channels(pixels, self.channels), region);
        Ok(Arc::new(ImageSample {
            id: picture.id.clone(),
            pixels: pixels.into_dyn(),
            region: region.into_dyn(),
        }))
    }

    fn shrunk(&self, pixels: Array3<f32>, region: Array2<bool>) -> (Array3<f32>, Array2<bool>) {
        let size: [usize; 2] = region.dim().into();
        let Some(canvas) = self.canvas_yx else {
            return (pixels, region);
        };
        let kept = [0, 1].map(|a| size[a].min(canvas[a]));
        if kept == size {
            return (pixels, region);
        }
        let whole = PlaneWindow::whole(size);
        (
            resize_plane(pixels.view(), whole, kept),
            resize_plane_any(region.view(), whole, kept),
        )
    }
}

impl ImageSource for Images {
    fn len(&self) -> usize {
        self.resident.len() + self.pictures.len()
    }

    fn id(&self, index: usize) -> String {
        match self.resident.get(index) {
            Some(image) => image.id.clone(),
            None => self.pictures[index - self.resident.len()].id.clone(),
        }
    }

    fn read(&self, index: usize) -> Result<Arc<ImageSample>, SourceError> {
        if let Some(image) = self.resident.get(index) {
            return Ok(Arc::clone(image));
        }
        let index = index - self.resident.len();
        let kept = self.read.as_ref().map(|read| &read[index]);
        if let Some(image) = kept.and_then(OnceLock::get) {
            return Ok(Arc::clone(image));
        }
        let image = self.picture(index)?;
        if let Some(kept) = kept {
            // Two workers may have read it at once; what they read is the same.
            let _ = kept.set(Arc::clone(&image));
        }
        Ok(image)
    }
}

/// Grey for colour by ITU-R BT.601, colour for grey by three equal channels; other numbers stay and are refused.
fn in_channels(pixels: Array3<f32>, channels: usize) -> Array3<f32> {
    match (pixels.len_of(Axis(0)), channels) {
        (3, 1) => {
            let weights = [0.299, 0.587, 0.114];
            let grey = pixels.map_axis(Axis(0), |rgb| {
                rgb.iter().zip(weights).map(|(v, w)| v * w).sum::<f32>()
            });
            grey.insert_axis(Axis(0))
        }
        (1, 3) => ndarray::concatenate![Axis(0), pixels, pixels, pixels],
        _ => pixels,
    }
}
