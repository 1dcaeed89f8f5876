//! TFRecord framing: length, its checksum, the event, its checksum.

use prost::Message as _;

use super::event::Event;

/// Bytes of a length and its checksum.
const HEAD: usize = 12;
/// Bytes of a checksum.
const CRC: usize = 4;

/// One event as a record: its length as u64, the masked CRC-32C of that, the event, its masked CRC-32C,
/// all little-endian.
pub(super) fn framed(event: &Event) -> Vec<u8> {
    let event = event.encode_to_vec();
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(HEAD + event.len() + CRC);
    record.extend(length);
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(&event);
    record.extend(masked_crc(&event).to_le_bytes());
    record
}

/// Bytes of the whole, undamaged records in front whose figures are of steps before `step`.
pub(super) fn length_before(bytes: &[u8], step: u64) -> usize {
    let mut end = 0;
    while let Some((event, length)) = first(&bytes[end..]) {
        if event.has_figures() && event.step >= step as i64 {
            break;
        }
        end += length;
    }
    end
}

/// The event at the front and the bytes of its record; none where they are cut short or damaged.
fn first(bytes: &[u8]) -> Option<(Event, usize)> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (length, crc) = head.split_at(HEAD - CRC);
    if masked_crc(length).to_le_bytes() != crc {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (event, rest) = rest.split_at_checked(length)?;
    if masked_crc(event).to_le_bytes() != *rest.first_chunk::<CRC>()? {
        return None;
    }
    Some((Event::decode(event).ok()?, HEAD + length + CRC))
}

/// TFRecord's CRC-32C, rotated and offset so that checksums of data with checksums in it stay apart.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// All whole records in front, and the bytes they take.
#[cfg(test)]
pub(super) fn read(bytes: &[u8]) -> (Vec<Event>, usize) {
    let (mut events, mut end) = (Vec::new(), 0);
    while let Some((event, length)) = first(&bytes[end..]) {
        events.push(event);
        end += length;
    }
    (events, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the package `tensorboard` 2.21.0:
    /// ```python
    /// import io
    /// from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    /// from tensorboard.compat.proto.summary_pb2 import Summary
    /// from tensorboard.summary.writer.record_writer import RecordWriter
    /// V, f = Summary.Value, io.BytesIO()
    /// for event in (
    ///     Event(wall_time=1700000000.25, file_version="brain.Event:2"),
    ///     Event(wall_time=1700000000.25, step=300, session_log=SessionLog(status=SessionLog.START)),
    ///     Event(wall_time=1700000001.5, step=0, summary=Summary(value=[
    ///         V(tag="loss", simple_value=0.0), V(tag="lr", simple_value=0.1)])),
    ///     Event(wall_time=1700000002.0, step=2**40, summary=Summary(value=[
    ///         V(tag="überlappung", simple_value=float("nan"))])),
    ///     Event(wall_time=1700000003.0, step=7, summary=Summary(value=[V(tag="slice", image=Summary.Image(
    ///         height=1, width=2, colorspace=3, encoded_image_string=b"png!"))])),
    /// ): RecordWriter(f).write(event.SerializeToString())
    /// print(f.getvalue().hex())
    /// ```
    const GOLDEN: &str = concat!(
        "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe91000000000000000",
        "95fbfe180900001040fc54d94110ac023a0208016b3b88f12300000000000000b09f77430900006040fc54d9412a180a",
        "0b0a046c6f737315000000000a090a026c7215cdcccc3de0b91b232700000000000000bbe1b1460900008040fc54d941",
        "108080808080202a150a130a0cc3bc6265726c617070756e67150000c07fef14a1f42400000000000000422b804d0900",
        "00c040fc54d94110072a170a150a05736c696365220c0801100218032204706e6721fb80c080",
    );

    fn golden() -> Vec<u8> {
        let digits = GOLDEN.as_bytes().chunks_exact(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn records_are_byte_for_byte_those_of_tensorboard() {
        let figures = |list: &[(&str, f64)]| -> Vec<(String, f64)> {
            list.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect()
        };
        let events = [
            Event::version(1_700_000_000.25),
            Event::restart(1_700_000_000.25, 300),
            Event::scalars(1_700_000_001.5, 0, &figures(&[("loss", 0.0), ("lr", 0.1)])),
            Event::scalars(
                1_700_000_002.0,
                1 << 40,
                &figures(&[("überlappung", f64::NAN)]),
            ),
            Event::png(1_700_000_003.0, 7, "slice", [1, 2], b"png!"),
        ];
        let written: Vec<u8> = events.iter().flat_map(framed).collect();
        assert_eq!(written, golden());
        assert_eq!(read(&written).1, written.len());
    }

    #[test]
    fn cuts_before_a_step_and_before_damage() {
        let records: Vec<Vec<u8>> = [
            Event::version(0.0),
            Event::restart(0.0, 9),
            Event::scalars(0.0, 3, &[]),
            Event::scalars(0.0, 4, &[]),
        ]
        .iter()
        .map(framed)
        .collect();
        let bytes = records.concat();
        let length = |n: usize| records[..n].concat().len();
        for (step, whole) in [(5, 4), (4, 3), (0, 2)] {
            assert_eq!(length_before(&bytes, step), length(whole));
        }
        for at in 0..length(4) {
            let whole = (0..=4).rev().find(|n| length(*n) <= at).unwrap();
            assert_eq!(length_before(&bytes[..at], 9), length(whole), "cut at {at}");
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(length_before(&flipped, 9), length(whole), "flipped at {at}");
        }
        // A length beyond memory is no reason to ask for it.
        let huge = u64::MAX.to_le_bytes();
        let claims = [huge.as_slice(), &masked_crc(&huge).to_le_bytes()].concat();
        assert_eq!(length_before(&claims, 9), 0);
    }
}
