//! What BiomedCLIP sees of a picture that is not square.

use serde::{Deserialize, Serialize};

use crate::picture::Frame;

/// How a picture lies in the tower's square. Either way the map comes back to where the picture has what it shows: the released
/// tools stretch a map of the centre crop over the whole picture, beside what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// The whole picture, in the middle of a black square: nothing is cut off.
    #[default]
    Whole,
    /// CLIP's processor: the shorter side fills the square, the ends of the longer one are cut off and get no heat.
    CentreCrop,
}

impl Framing {
    /// The frame of a picture of `picture_yx` pixels in a square of `side`.
    pub fn frame(self, picture_yx: [usize; 2], side: usize) -> Frame {
        match self {
            Self::Whole => Frame::centred_in_square(picture_yx, side),
            Self::CentreCrop => Frame::centre_crop(picture_yx, side),
        }
    }
}
