//! What the networks of both tasks are to their encoder.

use scarce_train::{LayerDepth, named_variables};
use tch::Tensor;
use tch::nn::VarStore;

use crate::MimError;
use crate::encoder::{Encoder, EncoderConfig};

/// Refuses an encoder, a batch or an input that no images can be shown to.
pub(super) fn check_input(
    encoder: &EncoderConfig,
    batch: usize,
    input_yx: [usize; 2],
) -> Result<(), MimError> {
    let refuse = |name, expected: &str, got: String| {
        Err(MimError::Setting {
            name,
            expected: expected.to_owned(),
            got,
        })
    };
    if encoder.architecture.dimensions() != 2 {
        let got = encoder.architecture.name().to_owned();
        return refuse("encoder.architecture", "one for images", got);
    }
    if batch == 0 {
        return refuse("batch", "at least 1", "0".to_owned());
    }
    if input_yx.contains(&0) {
        return refuse(
            "input_yx",
            "at least 1 pixel a side",
            format!("{input_yx:?}"),
        );
    }
    Ok(())
}

/// The variables that are not the head's, by timm's names.
pub(super) fn encoder_variables(
    store: &VarStore,
    is_head: fn(&str) -> bool,
) -> Vec<(String, Tensor)> {
    let all = named_variables(store).into_iter();
    all.filter(|(name, _)| !is_head(name)).collect()
}

/// The layer a parameter belongs to; the head's is the last.
pub(super) fn layer_depth(
    encoder: &dyn Encoder,
    parameter: &str,
    is_head: fn(&str) -> bool,
) -> LayerDepth {
    let last = encoder.layers();
    let layer = if is_head(parameter) {
        last
    } else {
        encoder.layer_of(parameter)
    };
    LayerDepth {
        layer: layer as u32,
        layers: last as u32 + 1,
    }
}
