//! The headers of JPEG, JPEG-LS and JPEG 2000 streams.

pub(crate) const JPEG_START: &[u8] = b"\xff\xd8";
pub(crate) const JPEG_2000_START: &[u8] = b"\xff\x4f\xff\x51";
/// A JPEG 2000 stream inside of a file format's boxes.
pub(crate) const BOXES_START: &[u8] = b"\0\0\0\x0cjP  ";

/// What a stream says of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub rows: usize,
    pub columns: usize,
    pub samples: usize,
    pub bits: usize,
    /// At which byte it says so.
    pub header_at: usize,
}

/// The frame header of a JPEG (ITU-T T.81, B.2.2) or JPEG-LS stream (ITU-T T.87, C.2.2).
pub(crate) fn jpeg_frame(stream: &[u8]) -> Option<Frame> {
    let mut rest = stream.strip_prefix(JPEG_START)?;
    loop {
        let [0xff, marker, tail @ ..] = rest else {
            return None;
        };
        match marker {
            // Fill bytes.
            0xff => rest = &rest[1..],
            // Start of frame, but for the three codes among them that mean something else.
            0xc0..=0xcf | 0xf7 if ![0xc4, 0xc8, 0xcc].contains(marker) => {
                let [_, _, bits, r1, r0, c1, c0, samples, ..] = tail else {
                    return None;
                };
                return Some(Frame {
                    rows: usize::from(u16::from_be_bytes([*r1, *r0])),
                    columns: usize::from(u16::from_be_bytes([*c1, *c0])),
                    samples: usize::from(*samples),
                    bits: usize::from(*bits),
                    header_at: stream.len() - rest.len(),
                });
            }
            _ => {
                let length = u16::from_be_bytes(*tail.first_chunk()?);
                rest = tail.get(usize::from(length)..)?;
            }
        }
    }
}

/// The SIZ segment of a JPEG 2000 stream (ITU-T T.800, A.5.1), for components without subsampling.
pub(crate) fn jpeg_2000_frame(stream: &[u8]) -> Option<Frame> {
    let start = (stream.windows(JPEG_2000_START.len()).take(1 << 16))
        .position(|window| window == JPEG_2000_START)?;
    let size = stream.get(start + JPEG_2000_START.len() + 4..)?;
    let number = |at: usize| {
        let bytes = size.get(at..at + 4)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes) as usize)
    };
    let (right, bottom, left, top) = (number(0)?, number(4)?, number(8)?, number(12)?);
    let samples = usize::from(u16::from_be_bytes(*size.get(32..34)?.first_chunk()?));
    let components = size.get(34..34 + 3 * samples)?.as_chunks::<3>().0;
    if components
        .iter()
        .any(|[_, across, down]| [*across, *down] != [1, 1])
    {
        return None;
    }
    Some(Frame {
        rows: bottom.checked_sub(top)?,
        columns: right.checked_sub(left)?,
        samples,
        bits: usize::from(components.first()?[0] & 0x7f) + 1,
        header_at: start,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Headers laid out by hand after the two standards.
    #[test]
    fn sizes_are_those_of_the_streams() {
        let quantization = [&[0xff, 0xdb, 0, 67][..], &[1; 65]].concat();
        let frame = |marker: u8, samples: u8| {
            let mut start = vec![0xff, marker, 0, 8 + 3 * samples, 8, 0, 3, 0, 5, samples];
            start.resize(start.len() + 3 * usize::from(samples), 0x11);
            [JPEG_START, &quantization, &start].concat()
        };
        let told = |samples, header_at| Frame {
            rows: 3,
            columns: 5,
            samples,
            bits: 8,
            header_at,
        };
        for (stream, expected) in [
            (frame(0xc0, 1), Some(told(1, 71))),
            (frame(0xc2, 3), Some(told(3, 71))),
            (frame(0xc3, 4), Some(told(4, 71))),
            (frame(0xf7, 1), Some(told(1, 71))),
            (frame(0xc4, 1), None),
            (JPEG_START.to_vec(), None),
            (vec![0xff, 0xd8, 0xff, 0xdb, 0xff], None),
            (Vec::new(), None),
        ] {
            assert_eq!(jpeg_frame(&stream), expected, "{stream:02x?}");
        }
        let numbers =
            |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_be_bytes()).collect() };
        let size = |components: &[u8]| {
            let area = numbers(&[7, 5, 2, 2, 7, 5, 0, 0]);
            [JPEG_2000_START, &[0, 41, 0, 0], &area, &[0, 1], components].concat()
        };
        let sixteen = |header_at| Frame {
            bits: 16,
            ..told(1, header_at)
        };
        for (stream, expected) in [
            (size(&[15, 1, 1]), Some(sixteen(0))),
            (size(&[0x8f, 1, 1]), Some(sixteen(0))),
            (
                [b"\0\0\0\x0cjP  \r\n", &size(&[15, 1, 1])[..]].concat(),
                Some(sixteen(10)),
            ),
            (size(&[15, 2, 1]), None),
            (size(&[]), None),
            (JPEG_2000_START.to_vec(), None),
        ] {
            assert_eq!(jpeg_2000_frame(&stream), expected, "{stream:02x?}");
        }
    }
}
