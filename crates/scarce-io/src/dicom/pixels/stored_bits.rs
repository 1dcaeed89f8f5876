//! Which bits of a word are the number.

use crate::dicom::header::ImageHeader;

/// Which bits of a stored word are the number.
pub(super) struct Stored {
    bits: usize,
    shift: usize,
    signed: bool,
}

impl Stored {
    pub(super) fn of(header: &ImageHeader) -> Self {
        Self {
            bits: header.bits_stored,
            shift: header.high_bit + 1 - header.bits_stored,
            signed: header.signed,
        }
    }

    pub(super) fn name(&self, bits_allocated: usize) -> &'static str {
        match (bits_allocated, self.signed) {
            (8, false) => "uint8",
            (8, true) => "int8",
            (16, false) => "uint16",
            (16, true) => "int16",
            (32, false) => "uint32",
            _ => "int32",
        }
    }

    /// Native-endian words as numbers: what lies beside the stored bits (overlays, dirt) is cut off.
    pub(super) fn numbers(&self, data: &[u8], bytes: usize) -> Vec<f32> {
        // From the top: shifting left puts the number's own top bit first, shifting right fills with
        // it or with zeros.
        let left = 64 - self.bits - self.shift;
        let right = 64 - self.bits;
        let signed = self.signed;
        let number = move |word: u64| {
            let top = word << left;
            if signed {
                (top.cast_signed() >> right) as f32
            } else {
                (top >> right) as f32
            }
        };
        match bytes {
            1 => data.iter().map(|v| number(u64::from(*v))).collect(),
            2 if self.bits == 16 && !signed => words(data).map(f32::from).collect(),
            2 if self.bits == 16 => words(data).map(|v| f32::from(v.cast_signed())).collect(),
            2 => words(data).map(|v| number(u64::from(v))).collect(),
            _ => {
                let words = data.as_chunks().0.iter();
                words
                    .map(|v| number(u64::from(u32::from_ne_bytes(*v))))
                    .collect()
            }
        }
    }
}

fn words(data: &[u8]) -> impl Iterator<Item = u16> {
    data.as_chunks().0.iter().map(|v| u16::from_ne_bytes(*v))
}
