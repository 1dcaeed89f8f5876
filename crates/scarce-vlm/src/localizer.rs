//! What every back-end promises.

use scarce_image::{IntensityError, Volume};
use thiserror::Error;

use crate::{
    Region, RegionError, cache::Identity, onnx::OnnxError, picture::PictureError, text::TextError,
};

/// Text and image in, region out.
///
/// `&mut self` because an ONNX session runs one inference at a time: one localizer per worker.
pub trait Localizer {
    /// Finds what `prompt` speaks of in `image`.
    ///
    /// The region lies on the image's grid. The same image, prompt and models give the same bytes.
    ///
    /// # Errors
    /// [`LocalizeError`]; a prompt that cannot be honoured is an error, never an empty region.
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError>;

    /// What its regions depend on besides image and prompt: with these, the key of [`region_key`](crate::cache::region_key).
    fn identity(&self) -> Identity;
}

impl<L: Localizer + ?Sized> Localizer for &mut L {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        (**self).localize(image, prompt)
    }

    fn identity(&self) -> Identity {
        (**self).identity()
    }
}

impl<L: Localizer + ?Sized> Localizer for Box<L> {
    fn localize(&mut self, image: &Volume<f32>, prompt: &str) -> Result<Region, LocalizeError> {
        (**self).localize(image, prompt)
    }

    fn identity(&self) -> Identity {
        (**self).identity()
    }
}

/// A structure a prompt came near to, for the error that refuses the prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct NearName {
    /// The structure's readable name.
    pub name: String,
    /// Cosine similarity of the prompt and the nearest of the structure's texts.
    pub similarity: f32,
}

/// Why there is no region.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LocalizeError {
    /// The prompt has no word in it.
    #[error("the prompt is empty: expected a few words naming a structure, got {prompt:?}")]
    EmptyPrompt {
        /// The prompt as it was given.
        prompt: String,
    },
    /// The prompt says what is not wanted, which a similarity cannot honour.
    #[error("the prompt {prompt:?} negates ({word:?}): name the structure that is wanted instead")]
    NegatedPrompt {
        /// The prompt as it was given.
        prompt: String,
        /// The word that negates.
        word: String,
    },
    /// No structure is near enough to the prompt.
    #[error(
        "unknown prompt {prompt:?}: best similarity {best_similarity:.3}, needed {threshold:.3}{}; nearest: {}",
        outside_note(outside.as_ref()),
        near_list(nearest)
    )]
    UnknownPrompt {
        /// The prompt as it was given.
        prompt: String,
        /// Similarity of the nearest structure; 0 when there was none to compare with.
        best_similarity: f32,
        /// The least similarity accepted.
        threshold: f32,
        /// What the prompt is nearer to than to any structure that could be found, if there is such.
        outside: Option<NearName>,
        /// Up to five structures, nearest first.
        nearest: Vec<NearName>,
    },
    /// The prompt is understood, but nothing of it is in this volume.
    #[error(
        "{structure:?} (prompt {prompt:?}) has no voxel in this volume; labels looked for: {labels:?}"
    )]
    AbsentStructure {
        /// The prompt as it was given.
        prompt: String,
        /// The structure that it names.
        structure: String,
        /// The labels that the structure consists of.
        labels: Vec<u16>,
    },
    /// The model is not sure enough that the image shows it.
    #[error("{prompt:?} is not seen in the image: score {score:.3}, needed {least:.3}")]
    NotSeen {
        /// The prompt as it was given.
        prompt: String,
        /// The highest score.
        score: f32,
        /// The least that is accepted.
        least: f32,
    },
    /// The image cannot be brought into the form that the localizer reads.
    #[error("the image cannot be read: {what}")]
    Image {
        /// What is wrong with it.
        what: String,
    },
    /// The image lies on another grid than the data the localizer was made with.
    #[error("image and {what} lie on different grids: expected {expected}, got {got}")]
    GridMismatch {
        /// What the image was compared with.
        what: &'static str,
        /// The grid that was needed, in words.
        expected: String,
        /// The image's grid, in words.
        got: String,
    },
    /// No name was given, or a name has no letter in it.
    #[error("label names: {what}")]
    Names {
        /// What is wrong with them.
        what: String,
    },
    /// An option is out of its range.
    #[error("option {option}: expected {expected}, got {got}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// Its range.
        expected: &'static str,
        /// What was given.
        got: String,
    },
    /// The lexicon of anatomical terms cannot be read.
    #[error("anatomical lexicon: {what}")]
    Lexicon {
        /// What is wrong with it.
        what: String,
    },
    /// The image cannot be brought onto a scale of grey.
    #[error("the image cannot be shown to a model: {0}")]
    Intensity(#[from] IntensityError),
    /// The image cannot be shown as a picture.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A model is missing, broken, of another interface, or failed.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// The text could not be encoded.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The parts of the region do not fit together.
    #[error(transparent)]
    Region(#[from] RegionError),
}

impl LocalizeError {
    /// Whether the localizer says that the words are not in the image, or are none that it knows: an answer rather than a fault.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::NotSeen { .. }
                | Self::UnknownPrompt { .. }
                | Self::AbsentStructure { .. }
                | Self::Text(TextError::UnknownWords { .. })
        )
    }
}

fn outside_note(outside: Option<&NearName>) -> String {
    outside.map_or_else(String::new, |o| {
        format!(
            " (nearer to {:?}, {:.3}, which is not labelled here)",
            o.name, o.similarity
        )
    })
}

fn near_list(nearest: &[NearName]) -> String {
    let words: Vec<String> = nearest
        .iter()
        .map(|n| format!("{} {:.3}", n.name, n.similarity))
        .collect();
    words.join(", ")
}
