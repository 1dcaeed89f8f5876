//! A volume as it is looked at.

use ndarray::{Array3, ArrayView, ArrayView3, Axis, Dimension};
use scarce_image::{Geometry, RasOrder, Volume, reorient_to_ras};

use super::{Display, Slab};
use crate::{LocalizeError, picture::Picture};

/// A volume's axial slices as radiologists look at them: anterior up, the patient's right on the left. A volume of one slice
/// is a picture, and is shown as it lies.
pub struct Shown {
    /// Along the world's axes, unless it is a picture.
    volume: Volume<f32>,
    geometry: Geometry,
    order: RasOrder,
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
            geometry: *image.geometry(),
            order: RasOrder::of(image.geometry()),
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
        let mut grey = grey.view();
        if !self.is_picture {
            turn(&mut grey);
        }
        Ok(Picture::grey(grey, self.window)?)
    }

    /// The slices of a volume on the image's grid, as they lie over the pictures.
    pub fn slices<T: Clone>(&self, volume: &Volume<T>) -> Array3<T> {
        let mut slices = volume.voxels().view();
        if !self.is_picture {
            slices = self.order.of_voxels(slices);
            turn(&mut slices);
        }
        slices.as_standard_layout().into_owned()
    }

    /// The way back: values over the pictures as a volume on the image's grid.
    pub fn volume<T: Clone>(&self, slices: ArrayView3<'_, T>) -> Volume<T> {
        let mut slices = slices;
        if !self.is_picture {
            turn(&mut slices);
            slices = self.order.to_voxels(slices);
        }
        let voxels = slices.as_standard_layout().into_owned();
        Volume::new(voxels, self.geometry)
    }
}

/// A RAS slice as it is looked at, or the way back, and so each of several: both turn it by half a turn.
fn turn<T, D: Dimension>(slices: &mut ArrayView<'_, T, D>) {
    let axes = slices.ndim();
    slices.invert_axis(Axis(axes - 2));
    slices.invert_axis(Axis(axes - 1));
}
