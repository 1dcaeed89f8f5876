//! Compressed frames are what the header says, or refused; so is what lies behind the pixels.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use scarce_io::{IoError, ReadOptions, read_image, read_volume, read_volume_with};

use crate::series;
use crate::slice::{COLUMNS, ROWS, Slice};

const PIXELS: usize = ROWS as usize * COLUMNS as usize;

fn read(slice: Slice) -> Result<Vec<f32>, IoError> {
    let folder = series(&[slice.with(tags::RESCALE_INTERCEPT, VR::DS, "0")]);
    let options = ReadOptions::default().with_frame(0);
    let volume = read_volume_with(&folder.path().join("0-0.dcm"), &options)?.value;
    Ok(volume.voxels().iter().copied().collect())
}

/// A fragment of RLE, of which each segment is a run of literals.
fn rle(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut head = vec![segments.len() as u32];
    let mut body = Vec::new();
    for segment in segments {
        head.push(64 + body.len() as u32);
        body.push(segment.len() as u8 - 1);
        body.extend(segment);
    }
    head.resize(16, 0);
    let head: Vec<u8> = head.iter().flat_map(|n| n.to_le_bytes()).collect();
    [head, body].concat()
}

fn of_bits(bits: u16) -> Slice {
    [tags::BITS_ALLOCATED, tags::BITS_STORED]
        .into_iter()
        .fold(Slice::at(0.0), |slice, tag| slice.with(tag, VR::US, bits))
        .with(tags::HIGH_BIT, VR::US, bits - 1)
}

#[test]
fn run_lengths_of_every_width() {
    for bytes in [1, 2, 4] {
        let stored: Vec<u32> = (0..PIXELS as u32)
            .map(|k| (k * 0x0101_0100) >> (8 * (4 - bytes)))
            .collect();
        // The highest byte first.
        let segments: Vec<Vec<u8>> = (0..bytes)
            .rev()
            .map(|byte| stored.iter().map(|v| (v >> (8 * byte)) as u8).collect())
            .collect();
        let slice = || of_bits(8 * bytes as u16);
        let fragment = rle(&segments);
        let expected: Vec<f32> = stored.iter().map(|v| *v as f32).collect();
        let read_rle = |fragments| read(slice().compressed(uids::RLE_LOSSLESS, fragments));
        assert_eq!(
            read_rle(vec![fragment.clone()]).unwrap(),
            expected,
            "{bytes}"
        );
        // What other decoders fill up with zeros.
        for (fragments, code) in [
            (vec![fragment[..fragment.len() - 2].to_vec()], "truncated"),
            (
                vec![fragment[..64].to_vec()],
                if bytes == 1 { "truncated" } else { "header" },
            ),
            (vec![fragment[..62].to_vec()], "truncated"),
            (vec![rle(&segments[1..])], "header"),
            (vec![fragment.clone(), fragment.clone()], "header"),
            (Vec::new(), "header"),
        ] {
            let error = read_rle(fragments).unwrap_err();
            assert_eq!(error.code(), code, "{bytes}: {error}");
        }
    }
    // 3 × 5, no operation, 9 × 1, then padding.
    let mut fragment = rle(&[vec![0]]);
    fragment.truncate(64);
    fragment.extend([2, 5, 5, 5, 128, 248, 1, 0, 0]);
    let values = read(of_bits(8).compressed(uids::RLE_LOSSLESS, vec![fragment])).unwrap();
    assert_eq!(values, [[5.0; 3].as_slice(), &[1.0; 9]].concat());
}

/// A grey JPEG that the `image` crate writes.
fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::DynamicImage::ImageLuma8(image::GrayImage::from_pixel(
        width,
        height,
        image::Luma([90]),
    ))
    .write_to(&mut bytes, image::ImageFormat::Jpeg)
    .unwrap();
    bytes.into_inner()
}

#[test]
fn streams_are_of_the_headers_size_and_whole() {
    let (width, height) = (u32::from(COLUMNS), u32::from(ROWS));
    let whole = jpeg(width, height);
    let (a, b) = whole.split_at(whole.len() / 2);
    let read_jpeg = |fragments: &[&[u8]]| {
        let fragments = fragments.iter().map(|fragment| fragment.to_vec()).collect();
        read(of_bits(8).compressed(uids::JPEG_BASELINE8_BIT, fragments))
    };
    for fragments in [
        &[&whole[..]][..],
        &[a, b],
        &[&[&whole[..], &[0, 0]].concat()],
        &[&[&whole[..], &[0xff, 7, 7]].concat()],
    ] {
        assert_eq!(read_jpeg(fragments).unwrap(), [90.0; PIXELS]);
    }
    for (fragments, code) in [
        (&[a][..], "truncated"),
        (&[&whole[..whole.len() - 1]], "truncated"),
        (&[&whole, &whole], "header"),
        (&[b, a], "header"),
        (&[&jpeg(height, width)], "header"),
        (&[&jpeg(width, height - 1)], "header"),
        (&[&whole[..4]], "header"),
        (&[], "header"),
    ] {
        let error = read_jpeg(fragments).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let several = of_bits(8).with(tags::NUMBER_OF_FRAMES, VR::IS, "3");
    let two = vec![whole.clone(), whole];
    let error = read(several.compressed(uids::JPEG_BASELINE8_BIT, two)).unwrap_err();
    assert!(error.to_string().contains("2 for 3 frames"), "{error}");
}

/// `imagecodecs.jpegls_encode((20 * np.arange(12, dtype=np.uint8)).reshape(3, 4))`, without SPIFF's header.
const JPEG_LS: &[u8] = b"\xff\xd8\xff\xf7\x00\x0b\x08\x00\x03\x00\x04\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00\
    \x80\x1c\x01\xc0\x1c\x00\x00\x06\x7c\x00\x85\x80\x08\x00\x00\x03\x3e\x50\x91\x60\xff\xd9";

#[test]
fn jpeg_ls_is_whole_and_of_the_headers_size() {
    let read_jpeg_ls = |bits: u16, fragments: &[&[u8]]| {
        let fragments = fragments.iter().map(|fragment| fragment.to_vec()).collect();
        read(of_bits(bits).compressed(uids::JPEGLS_LOSSLESS, fragments))
    };
    let expected: Vec<f32> = (0..PIXELS).map(|k| 20.0 * k as f32).collect();
    // A fragment has an even length.
    let (a, b) = JPEG_LS.split_at(24);
    for bits in [8, 16] {
        for fragments in [&[JPEG_LS][..], &[a, b], &[&[JPEG_LS, &[0]].concat()]] {
            assert_eq!(read_jpeg_ls(bits, fragments).unwrap(), expected, "{bits}");
        }
    }
    let changed = |at: usize, byte: u8| {
        let mut stream = JPEG_LS.to_vec();
        stream[at] = byte;
        stream
    };
    let without_data = [&JPEG_LS[..30], &[0xff, 0xd9]].concat();
    for (fragments, code) in [
        (&[a][..], "truncated"),
        (&[&JPEG_LS[..JPEG_LS.len() - 1]], "truncated"),
        (&[&without_data], "dicom"),
        (&[JPEG_LS, JPEG_LS], "header"),
        // Precision, rows, columns, components; a deviation beyond half of all values.
        (&[&changed(6, 12)], "header"),
        (&[&changed(8, 4)], "header"),
        (&[&changed(10, 3)], "header"),
        (&[&changed(11, 3)], "header"),
        (&[&changed(22, 200)], "dicom"),
        (&[], "header"),
    ] {
        let error = read_jpeg_ls(8, fragments).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn codecs_that_are_missing_are_named() {
    let colours = || {
        of_bits(8).with(tags::SAMPLES_PER_PIXEL, VR::US, 3u16).with(
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            "RGB",
        )
    };
    let coloured = series(&[colours().compressed(uids::JPEGLS_LOSSLESS, vec![JPEG_LS.to_vec()])]);
    let error = read_image(&coloured.path().join("0-0.dcm")).unwrap_err();
    assert_eq!(error.code(), "unsupported", "{error}");
    assert!(error.to_string().contains("JPEG-LS, 3 samples"), "{error}");
    for (syntax, part) in [
        (uids::JPEGXL_LOSSLESS, "JPEG XL"),
        (uids::MPEG2MPML, "MPEG2"),
    ] {
        let error = read(of_bits(8).compressed(syntax, vec![vec![0; 4]])).unwrap_err();
        assert_eq!(error.code(), "unsupported", "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn dirt_behind_the_pixels_is_counted() {
    let folder = series(&[Slice::at(0.0)]);
    let path = folder.path().join("0-0.dcm");
    let whole = std::fs::read(&path).unwrap();
    let padding = b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0\0\0\0\0";
    for (behind, dirt_bytes) in [
        (&b""[..], None),
        (padding, None),
        (&[0; 1000], Some(1000)),
        (b"x", Some(1)),
        (b"\x10\0\x10\0PN\x04\0A^B ", Some(12)),
        (&padding[..14], Some(14)),
    ] {
        std::fs::write(&path, [&whole[..], behind].concat()).unwrap();
        let loaded = read_volume_with(&path, &ReadOptions::default()).unwrap();
        let found = loaded
            .provenance
            .warnings
            .iter()
            .find(|w| w.code == "trailing-bytes");
        assert_eq!(found.map(|w| w.count), dirt_bytes, "{behind:02x?}");
    }
}

#[test]
fn a_data_set_in_another_form_than_its_syntax_is_said_so() {
    let folder = series(&[Slice::at(0.0)]);
    let path = folder.path().join("0-0.dcm");
    let whole = std::fs::read(&path).unwrap();
    let explicit = uids::EXPLICIT_VR_LITTLE_ENDIAN.as_bytes();
    let place = whole
        .windows(explicit.len())
        .position(|w| w == explicit)
        .unwrap();
    let mut lying = whole.clone();
    lying[place..place + explicit.len()].copy_from_slice(b"1.2.840.10008.1.2\0\0");
    std::fs::write(&path, lying).unwrap();
    assert!(read_volume(&path).is_err());
    // The first element of the data set loses its letters.
    let modality = whole.windows(4).position(|w| w == [8, 0, 0x16, 0]).unwrap();
    let mut lying = whole;
    lying[modality + 4..modality + 6].fill(0x1c);
    std::fs::write(&path, lying).unwrap();
    let error = read_volume(&path).unwrap_err();
    assert!(error.to_string().contains("two letters"), "{error}");
}
