//! What the network makes of a masked view, to be looked at.

use ndarray::{Array2, ArrayD, Axis, Ix2};
use scarce_mask::Audit;
use tch::{Kind, Tensor};

use super::source::MaskedView;
use crate::MimError;

/// What the network makes of one masked view; of a volume, of the axial slice with most of the region.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The image's name.
    pub id: String,
    /// The view's first channel, `(y, x)`.
    pub input: Array2<f32>,
    /// The same with hidden patches at 0.
    pub masked: Array2<f32>,
    /// The same with hidden patches as predicted, each given back its true mean and spread.
    pub output: Array2<f32>,
    /// Hidden cells `(row, column)`.
    pub hidden: Array2<bool>,
    /// The view's region, `(y, x)`.
    pub region: Array2<bool>,
    /// The mask's account.
    pub audit: Audit,
}

impl Reconstruction {
    /// From a view and the whole prediction for it, `(1, channel, …)`.
    pub(super) fn new(
        id: String,
        view: MaskedView,
        predicted: &Tensor,
        patch: usize,
    ) -> Result<Self, MimError> {
        let values = Vec::<f32>::try_from(predicted.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?;
        let unfit = |got: &[usize]| MimError::Shape {
            what: "prediction to be shown",
            expected: format!("that of the view, {got:?}"),
            got: predicted.size(),
        };
        let shape = view.pixels.raw_dim();
        let predicted = ArrayD::from_shape_vec(shape, values)
            .map_err(|_| unfit(view.pixels.shape()))?
            .index_axis_move(Axis(0), 0);
        let z = most_of(&view.region);
        let input = plane(view.pixels.index_axis_move(Axis(0), 0), z)?;
        let predicted = plane(predicted, z)?;
        let region = plane(view.region, z)?;
        let hidden = plane(view.hidden, z.map(|z| z / patch))?;
        let is_hidden = |(y, x): (usize, usize)| hidden[[y / patch, x / patch]];
        let with = |outside: &dyn Fn((usize, usize)) -> f32| {
            Array2::from_shape_fn(input.dim(), |at| {
                if is_hidden(at) {
                    outside(at)
                } else {
                    input[at]
                }
            })
        };
        Ok(Self {
            id,
            masked: with(&|_| 0.0),
            output: with(&|at| predicted[at]),
            audit: view.audit,
            input,
            hidden,
            region,
        })
    }
}

/// The axial slice of a volume with most of the region.
fn most_of(region: &ArrayD<bool>) -> Option<usize> {
    (region.ndim() == 3).then(|| {
        let sizes = region
            .outer_iter()
            .map(|s| s.iter().filter(|v| **v).count());
        let (z, _) = sizes
            .enumerate()
            .max_by_key(|(z, n)| (*n, std::cmp::Reverse(*z)))
            .unwrap_or_default();
        z
    })
}

fn plane<T>(array: ArrayD<T>, z: Option<usize>) -> Result<Array2<T>, MimError> {
    let got = array.shape().iter().map(|n| *n as i64).collect();
    let plane = match z {
        Some(z) => array.index_axis_move(Axis(0), z),
        None => array,
    };
    plane
        .into_dimensionality::<Ix2>()
        .map_err(|_| MimError::Shape {
            what: "view to be shown",
            expected: "two or three axes".to_owned(),
            got,
        })
}
