//! The compressed string's characters.

use super::RleError;

/// The lowest character: no bits.
const ZERO: u8 = 48;
/// A count of 32 bits and its difference take seven groups of five.
const MOST_GROUPS: u32 = 7;

/// Where the runs end, for a string whose counts reach the last of `total` pixels.
pub(super) fn run_ends(size_yx: [u32; 2], total: u32, text: &[u8]) -> Result<Vec<u32>, RleError> {
    let mut ends = Vec::with_capacity(text.len());
    let mut end = 0u64;
    // The last count and the one before.
    let (mut last, mut before) = (0i64, 0i64);
    let mut at = 0;
    while at < text.len() {
        let index = ends.len();
        let (number, next) = number(text, at, index)?;
        at = next;
        let count = if index > 2 { number + before } else { number };
        let count = u32::try_from(count).map_err(|_| RleError::CountRange { index, got: count })?;
        (before, last) = (last, i64::from(count));
        end += u64::from(count);
        // What lies beyond is told below; the count of ends is bounded by the text's length.
        ends.push(end.min(u64::from(total)) as u32);
    }
    if end == u64::from(total) {
        Ok(ends)
    } else {
        Err(RleError::CountsSum { size_yx, got: end })
    }
}

/// The signed number at a place, and the place after it.
fn number(text: &[u8], from: usize, index: usize) -> Result<(i64, usize), RleError> {
    let (mut number, mut groups) = (0i64, 0);
    for (at, byte) in text.iter().enumerate().skip(from) {
        let bits = byte.wrapping_sub(ZERO);
        if bits > 0x3f {
            return Err(RleError::BadByte { at, byte: *byte });
        }
        if groups == MOST_GROUPS {
            return Err(RleError::CountRange { index, got: number });
        }
        number |= i64::from(bits & 0x1f) << (5 * groups);
        groups += 1;
        if bits & 0x20 == 0 {
            if bits & 0x10 != 0 {
                number |= -1 << (5 * groups);
            }
            return Ok((number, at + 1));
        }
    }
    Err(RleError::CutShort { at: text.len() })
}

/// The string of counts.
pub(super) fn compressed(counts: &[u32]) -> String {
    let mut text = String::with_capacity(2 * counts.len());
    for (index, count) in counts.iter().enumerate() {
        let mut rest = i64::from(*count);
        if index > 2 {
            rest -= i64::from(counts[index - 2]);
        }
        loop {
            let bits = (rest & 0x1f) as u8;
            rest >>= 5;
            let done = rest == if bits & 0x10 == 0 { 0 } else { -1 };
            text.push(char::from(ZERO + (bits | if done { 0 } else { 0x20 })));
            if done {
                break;
            }
        }
    }
    text
}
