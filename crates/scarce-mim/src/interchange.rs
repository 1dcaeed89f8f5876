//! Names of checkpoints that others wrote.

use scarce_train::interchange::NameTable;

/// From the names of SparK's own checkpoints (`..._withdecoder_..._spark_style`, its `module` as safetensors) to those
/// of [`crate::SparkModel`]: `sparse_encoder.sp_cnn.*`, `mask_tokens.i`, `densify_norms.i.*`, `densify_projs.i.*` and
/// `dense_decoder.*`. Buffers that SparK only draws pictures with are left out; its ConvNeXt has names of its own.
pub fn spark_names() -> NameTable {
    NameTable::torchvision()
        .prefix("module.", "")
        .leave_out("imn_m")
        .leave_out("imn_s")
        .leave_out("norm_black")
        .prefix("sparse_encoder.sp_cnn.", "encoder.")
        .prefix("dense_decoder.", "decoder.")
        .leave_out("encoder.norm.*")
        .map(|name| {
            Some(
                densified(name)
                    .or_else(|| convnext(name))
                    .unwrap_or_else(|| name.to_owned()),
            )
        })
}

/// `densify_norms.2.weight` is the second layer's `norm.weight`.
fn densified(name: &str) -> Option<String> {
    if let Some(level) = name.strip_prefix("mask_tokens.") {
        return Some(format!("densify.{level}.token"));
    }
    [("densify_norms.", "norm"), ("densify_projs.", "projection")]
        .into_iter()
        .find_map(|(prefix, layer)| {
            let (level, parameter) = name.strip_prefix(prefix)?.split_once('.')?;
            Some(format!("densify.{level}.{layer}.{parameter}"))
        })
}

/// The authors' ConvNeXt counts the stem as the first downsampling, and names layers otherwise than timm.
fn convnext(name: &str) -> Option<String> {
    let inner = name.strip_prefix("encoder.")?;
    if let Some(rest) = inner.strip_prefix("downsample_layers.") {
        let (stage, layer) = rest.split_once('.')?;
        return Some(match stage {
            "0" => format!("encoder.stem.{layer}"),
            _ => format!("encoder.stages.{stage}.downsample.{layer}"),
        });
    }
    let mut parts = inner.strip_prefix("stages.")?.splitn(3, '.');
    let (stage, block, layer) = (parts.next()?, parts.next()?, parts.next()?);
    // timm's own come with `blocks` or `downsample` here.
    block.parse::<usize>().ok()?;
    let layer = layer
        .replace("dwconv", "conv_dw")
        .replace("pwconv1", "mlp.fc1")
        .replace("pwconv2", "mlp.fc2");
    Some(format!("encoder.stages.{stage}.blocks.{block}.{layer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_names_are_ours() {
        let table = spark_names();
        for (name, expected) in [
            (
                "sparse_encoder.sp_cnn.layer1.0.bn1.running_var",
                Some("encoder.layer1.0.bn1.running_var"),
            ),
            ("module.mask_tokens.0", Some("densify.0.token")),
            (
                "densify_norms.3.running_mean",
                Some("densify.3.norm.running_mean"),
            ),
            ("densify_projs.1.bias", Some("densify.1.projection.bias")),
            (
                "dense_decoder.dec.4.conv.3.weight",
                Some("decoder.dec.4.conv.3.weight"),
            ),
            ("dense_decoder.proj.bias", Some("decoder.proj.bias")),
            ("dense_decoder.dec.0.conv.1.num_batches_tracked", None),
            ("norm_black", None),
            (
                "sparse_encoder.sp_cnn.downsample_layers.0.1.bias",
                Some("encoder.stem.1.bias"),
            ),
            (
                "sparse_encoder.sp_cnn.downsample_layers.2.0.weight",
                Some("encoder.stages.2.downsample.0.weight"),
            ),
            (
                "sparse_encoder.sp_cnn.stages.2.11.pwconv1.weight",
                Some("encoder.stages.2.blocks.11.mlp.fc1.weight"),
            ),
            (
                "sparse_encoder.sp_cnn.stages.0.1.gamma",
                Some("encoder.stages.0.blocks.1.gamma"),
            ),
            (
                "sparse_encoder.sp_cnn.stages.0.downsample.0.weight",
                Some("encoder.stages.0.downsample.0.weight"),
            ),
            ("sparse_encoder.sp_cnn.norm.weight", None),
        ] {
            assert_eq!(table.rename(name).as_deref(), expected, "{name}");
        }
    }
}
