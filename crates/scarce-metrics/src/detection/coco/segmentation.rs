//! An outline as it stands in the file: polygons, or runs as numbers or as a string.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::detection::rle::{Rle, RleError};

/// An outline as it stands in the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// The parts of one object, each `x, y, x, y, …` in pixels from the image's upper left corner. None at all is
    /// what files of boxes alone write.
    Polygons(Vec<Vec<f64>>),
    /// Runs down the columns.
    Encoded(EncodedMask),
}

/// Runs down the columns of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncodedMask {
    /// Height and width in pixels.
    #[serde(rename = "size")]
    pub size_yx: [u32; 2],
    /// The runs' lengths, background first.
    pub counts: Counts,
}

/// The runs' lengths, background first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Counts {
    /// As numbers.
    Plain(Vec<u32>),
    /// As [`Rle::to_compressed`] writes them.
    Compressed(String),
}

impl Segmentation {
    /// The mask in an image of height and width `size_yx`, which polygons are filled in and runs must have.
    ///
    /// # Errors
    /// [`RleError`]: what is wrong with polygon, runs or their size.
    pub fn to_rle(&self, size_yx: [u32; 2]) -> Result<Rle, RleError> {
        match self {
            Self::Polygons(polygons) => Rle::from_polygons(size_yx, polygons),
            Self::Encoded(mask) if mask.size_yx == size_yx => mask.to_rle(),
            Self::Encoded(mask) => Err(RleError::Sizes {
                a_yx: mask.size_yx,
                b_yx: size_yx,
            }),
        }
    }
}

impl EncodedMask {
    /// The mask.
    ///
    /// # Errors
    /// [`RleError`]: what is wrong with the runs.
    pub fn to_rle(&self) -> Result<Rle, RleError> {
        match &self.counts {
            Counts::Plain(counts) => Rle::from_counts(self.size_yx, counts),
            Counts::Compressed(text) => Rle::from_compressed(self.size_yx, text.as_bytes()),
        }
    }
}

impl From<&Rle> for Segmentation {
    /// As a compressed string.
    fn from(mask: &Rle) -> Self {
        Self::Encoded(EncodedMask {
            size_yx: mask.size_yx(),
            counts: Counts::Compressed(mask.to_compressed()),
        })
    }
}

// Written out, since serde's `untagged` holds each value back in a copy before it knows what it is.
impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Segmentation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of polygons or a mask of `size` and `counts`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, polygons: A) -> Result<Segmentation, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(polygons)).map(Segmentation::Polygons)
    }

    fn visit_map<A: MapAccess<'de>>(self, mask: A) -> Result<Segmentation, A::Error> {
        Deserialize::deserialize(MapAccessDeserializer::new(mask)).map(Segmentation::Encoded)
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of run lengths or a compressed string of them")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Counts, E> {
        Ok(Counts::Compressed(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Counts, E> {
        Ok(Counts::Compressed(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, counts: A) -> Result<Counts, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(counts)).map(Counts::Plain)
    }
}
