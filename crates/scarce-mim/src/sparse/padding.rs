//! Visible cells as sequences of one length.

use tch::{Kind, Tensor};

use super::Features;
use super::features::{NO_VALUES, VisibleCells};
use crate::MimError;

/// How the visible cells of each sample stand in a sequence: in order, then padding where another sample has more.
#[derive(Debug)]
pub(crate) struct Padding {
    /// Each visible cell's place among `(batch · length)`; none where nothing is hidden.
    places: Option<Tensor>,
    /// `(batch, 1, 1, 1 + length)`, true for a first token and for cells; none where all samples show as many.
    keys: Option<Tensor>,
}

impl Padding {
    /// The cells as `(batch, length, channel)`, and how they stand there.
    pub fn pad(features: &Features<'_>) -> Result<(Tensor, Self), MimError> {
        let cells = match features {
            Features::Dense(map) => {
                let all = Self {
                    places: None,
                    keys: None,
                };
                return Ok((map.f_flatten(2, -1)?.f_transpose(1, 2)?, all));
            }
            Features::Visible(cells) => cells,
            Features::Traced(_) => return Err(NO_VALUES),
        };
        let (level, batch) = (&cells.level, cells.level.batch());
        let (channels, device) = (cells.channels(), cells.rows.device());
        let of_sample = level.mask.f_flatten(1, -1)?.f_sum_dim_intlist(
            [1i64].as_slice(),
            false,
            Kind::Int64,
        )?;
        let counts = Vec::<i64>::try_from(&of_sample)?;
        let length = counts.iter().copied().max().unwrap_or(0);
        let before = of_sample.f_cumsum(0, Kind::Int64)?.f_sub(&of_sample)?;
        let numbers = Tensor::f_arange(level.visible(), (Kind::Int64, device))?;
        let rank = numbers.f_sub(&before.f_index_select(0, &level.sample)?)?;
        let places = level.sample.f_mul_scalar(length)?.f_add(&rank)?;
        let zeros = Tensor::f_zeros([batch * length, channels], (cells.rows.kind(), device))?;
        let padded = zeros
            .f_index_copy(0, &places, &cells.rows)?
            .f_view([batch, length, channels])?;
        let keys = if counts.iter().all(|count| *count == length) {
            None
        } else {
            let numbers = Tensor::f_arange(length + 1, (Kind::Int64, device))?.f_view([1, -1])?;
            let cells = numbers.f_le_tensor(&of_sample.f_view([-1, 1])?)?;
            Some(cells.f_view([batch, 1, 1, length + 1])?)
        };
        let places = Some(places);
        Ok((padded, Self { places, keys }))
    }

    /// Which of a first token and the cells may be looked at.
    pub fn keys(&self) -> Option<&Tensor> {
        self.keys.as_ref()
    }

    /// `padded` `(batch, length, channel)` as a map with the sides and mask of `like`.
    pub fn undo<'a>(&self, padded: &Tensor, like: &Features<'a>) -> Result<Features<'a>, MimError> {
        if let (Features::Visible(cells), Some(places)) = (like, &self.places) {
            let rows = padded.f_reshape([-1, padded.size()[2]])?;
            Ok(Features::Visible(VisibleCells {
                rows: rows.f_index_select(0, places)?,
                level: cells.level.clone(),
                active: cells.active,
            }))
        } else {
            let mut size = like.values()?.size();
            size[1] = padded.size()[2];
            let map = padded.f_transpose(1, 2)?.f_reshape(size.as_slice())?;
            Ok(Features::Dense(map))
        }
    }
}
