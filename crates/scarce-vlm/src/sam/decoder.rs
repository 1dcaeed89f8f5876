//! The graph that answers a box.

use ndarray::{Array2, Array3, Array4, ArrayView4, ArrayViewD, Axis, array};
use ort::value::TensorElementType;

use crate::{
    onnx::{Model, ModelFault, ModelFile, OnnxError, SessionOptions, graph},
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
        let [left, top] = in_input.start_xy;
        let [right, bottom] = in_input.stop_xy;
        let labels: Array2<f32> = array![BOX_LABELS];
        let coords: Array3<f32> = array![[[left, top], [right, bottom]]];
        let (_, _, rows, columns) = embeddings.dim();
        let no_mask = Array4::<f32>::zeros((1, 1, 4 * rows, 4 * columns));
        let size = array![picture_yx[0] as f32, picture_yx[1] as f32];
        let model = &self.model;
        let inputs = vec![
            (IMAGE_EMBEDDINGS, graph::view(model, embeddings)?),
            (POINT_COORDS, graph::input(model, coords)?),
            (POINT_LABELS, graph::input(model, labels)?),
            (MASK_INPUT, graph::input(model, no_mask)?),
            (HAS_MASK_INPUT, graph::input(model, array![0.0_f32])?),
            (ORIG_IM_SIZE, graph::input(model, size)?),
        ];
        let (name, expected_yx) = match resolution {
            Resolution::Picture => (MASKS, Some(picture_yx)),
            Resolution::Network => (LOW_RES_MASKS, None),
        };
        graph::run_and(&mut self.model, inputs, |values| {
            let iou = graph::output(values, IOU_PREDICTIONS)?;
            let iou = graph::finite(iou, IOU_PREDICTIONS)?;
            let logits = first(graph::output(values, name)?, name, expected_yx)?;
            let none = || graph::wrong(IOU_PREDICTIONS, "[1, masks]", "nothing");
            Ok(Answer {
                logits,
                predicted_iou: iou.first().copied().ok_or_else(none)?,
            })
        })
    }
}

/// The first of `masks` `(1, masks, y, x)`, of the size that is expected.
fn first(
    masks: ArrayViewD<'_, f32>,
    name: &str,
    expected_yx: Option<[usize; 2]>,
) -> Result<Array2<f32>, ModelFault> {
    let of = expected_yx.map_or("rows, columns".to_owned(), |[y, x]| format!("{y}, {x}"));
    let wrong = || {
        graph::wrong(
            name,
            format!("[1, masks, {of}]"),
            format!("{:?}", masks.shape()),
        )
    };
    let masks: ArrayView4<'_, f32> = (masks.view().into_dimensionality()).map_err(|_| wrong())?;
    let (batch, n_masks, height, width) = masks.dim();
    let is_expected = expected_yx.is_none_or(|size_yx| size_yx == [height, width]);
    if batch != 1 || n_masks == 0 || height == 0 || width == 0 || !is_expected {
        return Err(wrong());
    }
    let of_batch = masks.index_axis_move(Axis(0), 0);
    graph::finite(of_batch.index_axis_move(Axis(0), 0), name)
}
