//! Views: what of an image is trained on in an epoch.

use ndarray::{ArrayD, ArrayViewD, Axis, Ix2, Ix3, ShapeError, Slice};
use rand::Rng;
use scarce_train::image::{PlaneWindow, resize_plane, resize_plane_any};
use serde::{Deserialize, Serialize};

use super::ImageSample;

/// How a view is cut from an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ViewConfig {
    /// Sides of a view: y and x, or z, y and x; multiples of the patch.
    pub size: Vec<usize>,
    /// Chance that a view is centred near a pixel of the region.
    pub region_chance: f64,
    /// Smallest and largest share of a picture's area that is cut out and brought to the view's size, its aspect
    /// between 3/4 and 4/3 of the picture's (SparK: 0.67 to 1). `[1, 1]` takes the whole picture, squashed (the
    /// released MWM code). Left out, nothing is resized: a view is as many pixels as it has, padded with 0 at the far
    /// ends of a smaller image.
    pub area: Option<[f64; 2]>,
    /// Mirror every other view along x.
    pub flip: bool,
}

impl Default for ViewConfig {
    fn default() -> Self {
        Self {
            size: vec![112, 112],
            region_chance: 0.75,
            area: None,
            flip: false,
        }
    }
}

/// An image's pixels `(channel, …)` and region as they are trained on.
pub(super) struct View {
    pub pixels: ArrayD<f32>,
    pub region: ArrayD<bool>,
}

impl ViewConfig {
    /// The view that `rng` chooses.
    ///
    /// # Errors
    /// For a volume that is to be resized.
    pub(super) fn of(&self, image: &ImageSample, rng: &mut impl Rng) -> Result<View, ShapeError> {
        let mut view = match self.area {
            Some(area) => self.resized(image, area, rng)?,
            None => self.cropped(image, rng),
        };
        if self.flip && rng.random::<bool>() {
            let x = Axis(view.region.ndim() - 1);
            view.pixels.invert_axis(Axis(x.0 + 1));
            view.region.invert_axis(x);
            view.pixels = view.pixels.as_standard_layout().into_owned();
            view.region = view.region.as_standard_layout().into_owned();
        }
        Ok(view)
    }

    fn cropped(&self, image: &ImageSample, rng: &mut impl Rng) -> View {
        let shape = image.shape();
        let target = self.target(image, rng);
        let start: Vec<usize> = (0..shape.len())
            .map(|a| {
                let room = shape[a].saturating_sub(self.size[a]);
                let jitter = rng.random::<f64>();
                match &target {
                    Some(at) => {
                        let half = self.size[a] as f64 / 2.0;
                        let centred = at[a] as f64 - half + (jitter - 0.5) * half;
                        centred.clamp(0.0, room as f64) as usize
                    }
                    None => (jitter * (room + 1) as f64) as usize,
                }
            })
            .collect();
        let mut of_pixels = vec![0];
        of_pixels.extend(&start);
        let mut size = vec![image.pixels.shape()[0]];
        size.extend(&self.size);
        View {
            pixels: cut(image.pixels.view(), &of_pixels, &size, 0.0),
            region: cut(image.region.view(), &start, &self.size, false),
        }
    }

    /// A pixel of the region to be near to.
    fn target(&self, image: &ImageSample, rng: &mut impl Rng) -> Option<Vec<usize>> {
        if rng.random::<f64>() >= self.region_chance {
            return None;
        }
        let inside = image.region.indexed_iter().filter(|(_, v)| **v);
        let inside: Vec<_> = inside.map(|(at, _)| at).collect();
        if inside.is_empty() {
            return None;
        }
        let at = &inside[rng.random_range(0..inside.len() as u64) as usize];
        Some((0..image.region.ndim()).map(|a| at[a]).collect())
    }

    /// A part of a picture at the view's size. Near the region it is where a pixel of that lies inside.
    fn resized(
        &self,
        image: &ImageSample,
        area: [f64; 2],
        rng: &mut impl Rng,
    ) -> Result<View, ShapeError> {
        let planes = image.pixels.view().into_dimensionality::<Ix3>()?;
        let region = image.region.view().into_dimensionality::<Ix2>()?;
        let target = self.target(image, rng);
        let share = area[0] + (area[1] - area[0]) * rng.random::<f64>();
        let aspect = ((2.0 * rng.random::<f64>() - 1.0) * (4.0_f64 / 3.0).ln()).exp();
        let side = share.sqrt();
        let sides = [side * aspect.sqrt(), side / aspect.sqrt()].map(|part| part.min(1.0));
        let size_yx = [0, 1].map(|a| sides[a] * region.shape()[a] as f64);
        let start_yx = [0, 1].map(|a| {
            let room = region.shape()[a] as f64 - size_yx[a];
            let at = rng.random::<f64>();
            let (low, high) = target.as_ref().map_or((0.0, room), |target| {
                let pixel = target[a] as f64;
                let low = (pixel + 1.0 - size_yx[a]).clamp(0.0, room);
                (low, pixel.clamp(0.0, room))
            });
            low + at * (high - low)
        });
        let window = PlaneWindow { start_yx, size_yx };
        let to = [self.size[0], self.size[1]];
        Ok(View {
            pixels: resize_plane(planes, window, to).into_dyn(),
            region: resize_plane_any(region, window, to).into_dyn(),
        })
    }
}

/// The window of an array, `outside` where it leaves it at the far ends.
fn cut<T: Copy>(
    array: ArrayViewD<'_, T>,
    start: &[usize],
    size: &[usize],
    outside: T,
) -> ArrayD<T> {
    let mut window = ArrayD::from_elem(size.to_vec(), outside);
    let extent: Vec<usize> = (0..size.len())
        .map(|a| size[a].min(array.shape()[a] - start[a]))
        .collect();
    let inner = array.slice_each_axis(|axis| {
        let a = axis.axis.index();
        Slice::from(start[a]..start[a] + extent[a])
    });
    window
        .slice_each_axis_mut(|axis| Slice::from(0..extent[axis.axis.index()]))
        .assign(&inner);
    window
}
