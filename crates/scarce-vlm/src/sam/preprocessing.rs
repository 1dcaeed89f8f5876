//! How the family's members are shown a picture.

use ndarray::Array4;
use serde::{Deserialize, Serialize};

use crate::picture::{Filter, Frame, Picture, PictureBox, PictureError};

/// SAM's mean and standard deviation, on the scale of 8 bits.
const MEAN: [f32; 3] = [123.675, 116.28, 103.53];
const STD: [f32; 3] = [58.395, 57.12, 57.375];

/// Which member the graphs are of. Their interfaces are one; what they expect of a picture is not, and a wrong choice gives
/// masks that are merely worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamPreprocessing {
    /// SAM: the longer side becomes 1024, bilinear; standardised; zero at the right or at the bottom.
    Sam,
    /// MedSAM: squashed to 1024 x 1024, bicubic; from 0 to 1 between the picture's extremes.
    #[serde(rename = "medsam")]
    MedSam,
    /// LiteMedSAM: the longer side becomes 256; from 0 to 1 between the picture's extremes; zero at the right or at the bottom.
    #[serde(rename = "lite-medsam")]
    LiteMedSam,
}

impl SamPreprocessing {
    /// All, by the names that stand in files.
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("sam", Self::Sam),
        ("medsam", Self::MedSam),
        ("lite-medsam", Self::LiteMedSam),
    ];

    /// As it stands in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sam => "sam",
            Self::MedSam => "medsam",
            Self::LiteMedSam => "lite-medsam",
        }
    }

    /// The input's side, where the graph leaves it free.
    pub(super) fn side(self) -> usize {
        match self {
            Self::Sam | Self::MedSam => 1024,
            Self::LiteMedSam => 256,
        }
    }

    /// Where a picture lies in an input of `side` by `side`.
    pub(super) fn frame(self, picture_yx: [usize; 2], side: usize) -> Frame {
        match self {
            Self::Sam | Self::LiteMedSam => Frame::longest_side(picture_yx, side),
            Self::MedSam => Frame::squash(picture_yx, [side; 2]),
        }
    }

    /// A box in the picture as a box in the input.
    pub(super) fn box_to_input(
        self,
        frame: &Frame,
        in_picture: PictureBox,
        picture_yx: [usize; 2],
    ) -> PictureBox {
        match self {
            Self::Sam | Self::MedSam => frame.box_to_input(in_picture),
            Self::LiteMedSam => {
                // One ratio for both axes, where SAM's has the rounding of each axis in it.
                let longer = picture_yx[0].max(picture_yx[1]).max(1);
                let ratio = frame.input_yx()[0] as f32 / longer as f32;
                PictureBox {
                    start_xy: in_picture.start_xy.map(|at| at * ratio),
                    stop_xy: in_picture.stop_xy.map(|at| at * ratio),
                }
            }
        }
    }

    /// `picture` resized as `frame` says, before anything is filled up.
    pub(super) fn resized(self, picture: &Picture, frame: &Frame) -> Result<Picture, PictureError> {
        let filter = match self {
            Self::Sam | Self::LiteMedSam => Filter::Bilinear,
            Self::MedSam => Filter::Bicubic,
        };
        picture.resized(frame.resized_yx(), filter)
    }

    /// A batch of one, `(1, channel, y, x)`; what is filled up is 0 after the values were scaled.
    pub(super) fn batch(self, resized: &Picture, frame: &Frame) -> Array4<f32> {
        if self == Self::Sam {
            return resized.batch(frame.input_yx(), |value, channel| {
                (f32::from(value) - MEAN[channel]) / STD[channel]
            });
        }
        let extremes = resized
            .rgb()
            .iter()
            .fold([u8::MAX, u8::MIN], |[low, high], value| {
                [low.min(*value), high.max(*value)]
            });
        let [low, high] = extremes.map(f32::from);
        resized.batch(frame.input_yx(), |value, _| {
            (f32::from(value) - low) / (high - low).max(1e-8)
        })
    }
}
