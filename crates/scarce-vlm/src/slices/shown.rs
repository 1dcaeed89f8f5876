//! A volume as it is looked at.

use ndarray::{Array3, ArrayView2, ArrayView3, Axis};
use scarce_image::{Grid, Volume, reorient_to_ras, resample_linear};

use super::{Display, Slab};
use crate::{LocalizeError, picture::Picture};

/// A volume's axial slices as radiologists look at them: anterior up, the patient's right on the left. A volume of one slice
/// is a picture, and is shown as it lies.
pub struct Shown {
    /// Along the world's axes, unless it is a picture.
    volume: Volume<f32>,
    grid: Grid,
    window: [f32; 2],
    is_picture: bool,
}

impl Shown {
    /// `image` in the grey values of `display`.
    ///
    /// # Errors
    /// [`LocalizeError::Intensity`] where there is no grey value to speak of.
    pub fn new(image: &Volume<f32>, display: &Display) -> Result<Self, LocalizeError> {
        let is_picture = image.shape_zyx()[0] == 1;
        let volume = if is_picture {
            image.clone()
        } else {
            reorient_to_ras(image)
        };
        let window = display.window(&volume)?;
        Ok(Self {
            volume,
            grid: image.grid(),
            window,
            is_picture,
        })
    }

    /// Slices, and pixels along y and x.
    pub fn shape_zyx(&self) -> [usize; 3] {
        self.volume.shape_zyx()
    }

    /// Millimetres from one slice to the next; none for a picture.
    pub fn slice_spacing_mm(&self) -> Option<f64> {
        (!self.is_picture).then(|| self.volume.geometry().spacing_mm_zyx()[0])
    }

    /// What is shown at slice `z`.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for a slice that is not there, [`LocalizeError::Picture`] for one without pixels.
    pub fn picture(&self, z: usize) -> Result<Picture, LocalizeError> {
        self.slab(z, &Slab::default())
    }

    /// What is shown at slice `z` of the slices around it.
    ///
    /// # Errors
    /// As [`Self::picture`].
    pub fn slab(&self, z: usize, slab: &Slab) -> Result<Picture, LocalizeError> {
        if z >= self.volume.shape_zyx()[0] {
            return Err(LocalizeError::Option {
                option: "slice",
                expected: "less than the number of slices",
                got: z.to_string(),
            });
        }
        let grey = slab.around(self.volume.voxels().view(), z);
        Ok(Picture::grey(self.turned(grey.view()), self.window)?)
    }

    /// The slices of a volume on the image's grid, as they lie over the pictures.
    pub fn slices(&self, volume: &Volume<f32>) -> Array3<f32> {
        if self.is_picture {
            return volume.voxels().clone();
        }
        self.each_turned(reorient_to_ras(volume).voxels().view())
    }

    /// The way back: values from 0 to 1 over the pictures as a volume on the image's grid.
    pub fn volume(&self, slices: ArrayView3<'_, f32>) -> Volume<f32> {
        let turned = Volume::new(self.each_turned(slices), *self.volume.geometry());
        if self.is_picture {
            return turned;
        }
        // The grids are one but for the order of axes; what rounding adds is clipped.
        resample_linear(&turned, &self.grid, 0.0).map(|value| value.clamp(0.0, 1.0))
    }

    fn each_turned(&self, slices: ArrayView3<'_, f32>) -> Array3<f32> {
        let mut slices = slices;
        if !self.is_picture {
            slices.invert_axis(Axis(1));
            slices.invert_axis(Axis(2));
        }
        slices.to_owned()
    }

    /// A slice of a RAS volume as it is looked at, or the way back: both turn it by half a turn. Pictures stay.
    fn turned<'a>(&self, slice: ArrayView2<'a, f32>) -> ArrayView2<'a, f32> {
        let mut slice = slice;
        if !self.is_picture {
            slice.invert_axis(Axis(0));
            slice.invert_axis(Axis(1));
        }
        slice
    }
}
