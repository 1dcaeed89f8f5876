//! The graph that answers a box.

use ndarray::{Array2, Array3, Array4, ArrayView4, Axis, array};
use ort::value::{TensorElementType, TensorRef};

use crate::{
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions},
    picture::PictureBox,
};

const IMAGE_EMBEDDINGS: &str = "image_embeddings";
const POINT_COORDS: &str = "point_coords";
const POINT_LABELS: &str = "point_labels";
const MASK_INPUT: &str = "mask_input";
const HAS_MASK_INPUT: &str = "has_mask_input";
const ORIG_IM_SIZE: &str = "orig_im_size";
const MASKS: &str = "masks";
const LOW_RES_MASKS: &str = "low_res_masks";
const IOU_PREDICTIONS: &str = "iou_predictions";

/// A box is two points with labels of their own: top left, bottom right.
const BOX_LABELS: [f32; 2] = [2.0, 3.0];

/// Which of the decoder's masks is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolution {
    /// At the picture's size: right where the input was filled up as SAM's is.
    Picture,
    /// As the network gives it, a quarter of SAM's input.
    Network,
}

/// What the decoder says of one box.
pub(super) struct Answer {
    /// Above 0 inside, `(y, x)`.
    pub logits: Array2<f32>,
    /// The network's own guess of its mask's quality.
    pub predicted_iou: f32,
}

pub(super) struct Decoder {
    model: Model,
}

impl Decoder {
    pub(super) fn open(file: &ModelFile, options: &SessionOptions) -> Result<Self, OnnxError> {
        let model = Model::open("SAM decoder", file, options)?;
        let inputs = [
            (IMAGE_EMBEDDINGS, 4),
            (POINT_COORDS, 3),
            (POINT_LABELS, 2),
            (MASK_INPUT, 4),
            (HAS_MASK_INPUT, 1),
            (ORIG_IM_SIZE, 1),
        ];
        model.check_inputs(&inputs, &[], TensorElementType::Float32)?;
        for output in [(MASKS, 4), (LOW_RES_MASKS, 4), (IOU_PREDICTIONS, 2)] {
            model.find_output(&[output], TensorElementType::Float32)?;
        }
        Ok(Self { model })
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    /// The mask for a box in the encoder's input: the first one, which is what `multimask_output=False` means in PyTorch.
    pub(super) fn answer(
        &mut self,
        embeddings: &Array4<f32>,
        in_input: PictureBox,
        picture_yx: [usize; 2],
        resolution: Resolution,
    ) -> Result<Answer, OnnxError> {
        self.run(embeddings, in_input, picture_yx, resolution)
            .map_err(|fault| self.model.fault(fault))
    }

    fn run(
        &mut self,
        embeddings: &Array4<f32>,
        in_input: PictureBox,
        picture_yx: [usize; 2],
        resolution: Resolution,
    ) -> Result<Answer, ModelFault> {
        let failed = |error: ort::Error| ModelFault::Run(error.to_string());
        let [left, top] = in_input.start_xy;
        let [right, bottom] = in_input.stop_xy;
        let coords: Array3<f32> = array![[[left, top], [right, bottom]]];
        let labels: Array2<f32> = array![BOX_LABELS];
        let (_, _, rows, columns) = embeddings.dim();
        let no_mask = Array4::<f32>::zeros((1, 1, 4 * rows, 4 * columns));
        let has_no_mask = array![0.0_f32];
        let size = array![picture_yx[0] as f32, picture_yx[1] as f32];
        let inputs = vec![
            (
                IMAGE_EMBEDDINGS,
                TensorRef::from_array_view(embeddings)
                    .map_err(failed)?
                    .into(),
            ),
            (
                POINT_COORDS,
                TensorRef::from_array_view(&coords).map_err(failed)?.into(),
            ),
            (
                POINT_LABELS,
                TensorRef::from_array_view(&labels).map_err(failed)?.into(),
            ),
            (
                MASK_INPUT,
                TensorRef::from_array_view(&no_mask).map_err(failed)?.into(),
            ),
            (
                HAS_MASK_INPUT,
                TensorRef::from_array_view(&has_no_mask)
                    .map_err(failed)?
                    .into(),
            ),
            (
                ORIG_IM_SIZE,
                TensorRef::from_array_view(&size).map_err(failed)?.into(),
            ),
        ];
        let outputs = self.model.run(inputs)?;
        let (name, expected_yx) = match resolution {
            Resolution::Picture => (MASKS, Some(picture_yx)),
            Resolution::Network => (LOW_RES_MASKS, None),
        };
        let masks = outputs[name].try_extract_array::<f32>().map_err(failed)?;
        let wrong = |output: &str, expected: String, found: String| ModelFault::Output {
            output: output.to_owned(),
            expected,
            found,
        };
        let masks: ArrayView4<'_, f32> = masks
            .into_dimensionality()
            .map_err(|error| wrong(name, "rank 4".to_owned(), error.to_string()))?;
        let (batch, n_masks, height, width) = masks.dim();
        let is_expected = expected_yx.is_none_or(|size_yx| size_yx == [height, width]);
        if batch != 1 || n_masks == 0 || height == 0 || width == 0 || !is_expected {
            let of = expected_yx.map_or("rows, columns".to_owned(), |[y, x]| format!("{y}, {x}"));
            let found = format!("{:?}", masks.shape());
            return Err(wrong(name, format!("[1, masks, {of}]"), found));
        }
        let logits = masks
            .index_axis(Axis(0), 0)
            .index_axis(Axis(0), 0)
            .to_owned();
        let iou = outputs[IOU_PREDICTIONS]
            .try_extract_array::<f32>()
            .map_err(failed)?;
        let predicted_iou = iou.iter().next().copied().unwrap_or(f32::NAN);
        for (output, value) in [
            (
                name,
                logits.iter().copied().find(|value| !value.is_finite()),
            ),
            (
                IOU_PREDICTIONS,
                Some(predicted_iou).filter(|iou| !iou.is_finite()),
            ),
        ] {
            if let Some(value) = value {
                return Err(wrong(
                    output,
                    "finite numbers".to_owned(),
                    value.to_string(),
                ));
            }
        }
        Ok(Answer {
            logits,
            predicted_iou,
        })
    }
}
