//! The published settings, by name.

use super::{BiomedClipOptions, Framing, M2ibOptions, SaliencyOptions};
use crate::LocalizeError;

/// Name, beta, layer and seed.
const PRESETS: [(&str, f32, usize, u64); 3] = [
    ("mwm", 0.1, 7, 42),
    ("medclip-samv2-brain", 2.0, 9, 12),
    ("medclip-samv2-breast", 1.0, 9, 12),
];

impl BiomedClipOptions {
    /// The names that [`Self::preset`] knows.
    pub fn preset_names() -> [&'static str; 3] {
        PRESETS.map(|(name, ..)| name)
    }

    /// The settings of a publication's released code: `mwm` is the defaults of Mask What Matters' tool, `medclip-samv2-brain` and
    /// `medclip-samv2-breast` those of MedCLIP-SAMv2's scripts for brain tumours and breast ultrasound. CLIP's centre crop is
    /// theirs; the map comes back through the crop, which they leave out. Seeds are theirs too, but not the numbers PyTorch draws
    /// with them: maps agree up to the noise.
    ///
    /// # Errors
    /// [`LocalizeError::Option`] for another name.
    pub fn preset(name: &str) -> Result<Self, LocalizeError> {
        let found = PRESETS.into_iter().find(|(known, ..)| *known == name);
        let Some((_, beta, layer, seed)) = found else {
            return Err(LocalizeError::Option {
                option: "preset",
                expected: "mwm, medclip-samv2-brain or medclip-samv2-breast",
                got: name.to_owned(),
            });
        };
        Ok(Self {
            framing: Framing::CentreCrop,
            saliency: SaliencyOptions::M2ib(M2ibOptions {
                beta,
                layer,
                seed,
                ..M2ibOptions::default()
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_known_by_name() {
        for name in BiomedClipOptions::preset_names() {
            let options = BiomedClipOptions::preset(name).unwrap();
            let written = serde_json::to_string(&options).unwrap();
            assert_eq!(
                serde_json::from_str::<BiomedClipOptions>(&written).unwrap(),
                options
            );
        }
        let error = BiomedClipOptions::preset("samv2").unwrap_err().to_string();
        for name in BiomedClipOptions::preset_names() {
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn what_does_nothing_is_no_option() {
        let vvar = r#"{"saliency": {"method": "m2ib", "vvar": 1.0}}"#;
        let error = serde_json::from_str::<BiomedClipOptions>(vvar).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `vvar`"),
            "{error}"
        );
    }
}
