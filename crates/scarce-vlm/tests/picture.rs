//! Pictures as Pillow resizes them, and the way between a picture and a network's input.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ndarray::{Array2, Array3};
use scarce_vlm::picture::{Filter, Frame, Normalization, Picture, PictureBox, PictureError};

const PIXELS: [u8; 105] = [
    168, 229, 184, 171, 238, 171, 20, 206, 245, 153, 204, 5, 37, 53, 213, 206, 192, 173, 6, 120,
    63, 96, 236, 131, 118, 4, 87, 161, 124, 71, 42, 73, 237, 16, 194, 250, 10, 103, 206, 13, 143,
    2, 38, 71, 133, 118, 36, 98, 196, 35, 57, 146, 50, 179, 145, 104, 206, 53, 141, 33, 181, 39,
    151, 11, 180, 138, 66, 0, 165, 98, 123, 12, 144, 184, 24, 38, 129, 1, 202, 255, 85, 54, 228,
    48, 127, 169, 1, 167, 109, 247, 16, 192, 78, 220, 8, 60, 189, 181, 64, 72, 8, 185, 88, 111,
    191,
];

/// ```python
/// pixels = np.random.default_rng(5).integers(0, 256, (7, 5, 3), dtype=np.uint8)
/// np.asarray(Image.fromarray(pixels).resize((width, height), Image.BICUBIC))  # Pillow 11.3
/// ```
#[test]
fn resizes_to_the_byte_as_pillow() {
    let picture =
        Picture::new(Array3::from_shape_vec((7, 5, 3), PIXELS.to_vec()).unwrap()).unwrap();
    let check = |filter, size_yx, expected: &[u8]| {
        let resized = picture.resized(size_yx, filter).unwrap();
        assert_eq!(
            resized.rgb().as_slice().unwrap(),
            expected,
            "{filter:?} {size_yx:?}"
        );
    };
    check(
        Filter::Bilinear,
        [4, 3],
        &[
            141, 197, 159, 79, 186, 145, 108, 98, 102, 82, 107, 174, 66, 117, 154, 68, 103, 86,
            120, 98, 105, 96, 96, 118, 120, 144, 68, 105, 142, 59, 136, 152, 73, 113, 100, 160,
        ],
    );
    check(
        Filter::Bilinear,
        [3, 7],
        &[
            157, 180, 191, 106, 179, 163, 62, 183, 154, 50, 197, 188, 92, 132, 82, 100, 97, 80, 90,
            87, 135, 115, 60, 142, 106, 97, 132, 96, 109, 137, 87, 72, 172, 96, 103, 116, 94, 122,
            83, 84, 132, 69, 61, 132, 61, 122, 143, 76, 150, 154, 85, 105, 162, 79, 102, 119, 72,
            115, 112, 116, 134, 126, 179,
        ],
    );
    check(
        Filter::Bicubic,
        [4, 3],
        &[
            143, 207, 164, 74, 193, 140, 112, 94, 100, 79, 99, 179, 66, 112, 157, 65, 100, 82, 123,
            93, 105, 94, 92, 122, 123, 149, 62, 105, 150, 56, 142, 158, 64, 111, 97, 167,
        ],
    );
    check(
        Filter::Bicubic,
        [3, 7],
        &[
            163, 186, 195, 110, 180, 161, 58, 187, 154, 50, 204, 190, 96, 132, 71, 104, 89, 74, 86,
            82, 145, 118, 43, 149, 100, 97, 135, 84, 115, 143, 83, 59, 176, 93, 101, 114, 91, 130,
            70, 83, 136, 57, 52, 135, 54, 128, 141, 70, 168, 152, 82, 110, 165, 74, 101, 114, 68,
            117, 107, 121, 138, 129, 186,
        ],
    );
}

#[test]
fn refuses_what_is_no_picture() {
    let size = |height, width| Picture::new(Array3::zeros((height, width, 3)));
    assert_eq!(
        size(0, 4),
        Err(PictureError::Size {
            height: 0,
            width: 4
        })
    );
    assert_eq!(
        Picture::new(Array3::zeros((2, 2, 1))),
        Err(PictureError::Channels { channels: 1 })
    );
    let grey = |window| Picture::grey(Array2::zeros((2, 2)).view(), window);
    for window in [[1.0, 1.0], [2.0, 1.0], [f32::NAN, 1.0]] {
        assert!(
            matches!(grey(window), Err(PictureError::Window { .. })),
            "{window:?}"
        );
    }
    let picture = size(4, 6).unwrap();
    assert!(
        Frame::squash([4, 5], [8, 8])
            .view(&picture, Filter::Bilinear)
            .is_err()
    );
    assert!(picture.resized([0, 3], Filter::Bilinear).is_err());
}

#[test]
fn greys_are_spread_over_the_window() {
    let values =
        Array2::from_shape_vec((1, 5), vec![-200.0, -160.0, 40.0, 240.0, f32::NAN]).unwrap();
    let picture = Picture::grey(values.view(), [-160.0, 240.0]).unwrap();
    let red: Vec<u8> = picture.rgb().iter().step_by(3).copied().collect();
    assert_eq!(red, [0, 0, 128, 255, 0]);
}

/// A picture with one bright pixel: what the network sees of it leads back to where it is, in each frame.
#[test]
fn a_frame_leads_there_and_back() {
    let check = |frame: Frame, size_yx: [usize; 2], bright_yx: [usize; 2]| {
        let [height, width] = size_yx;
        let mut rgb = Array3::zeros((height, width, 3));
        for channel in 0..3 {
            rgb[[bright_yx[0], bright_yx[1], channel]] = 255;
        }
        let view = frame
            .view(&Picture::new(rgb).unwrap(), Filter::Bilinear)
            .unwrap();
        assert_eq!(view.size_yx(), frame.input_yx());
        let (rows, columns, _) = view.rgb().dim();
        let seen = Array2::from_shape_fn((rows, columns), |(y, x)| {
            f32::from(view.rgb()[[y, x, 0]]) / 255.0
        });
        let back = frame.to_picture(seen.view(), 0.0);
        let (brightest, _) = back
            .indexed_iter()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .unwrap();
        assert_eq!([brightest.0, brightest.1], bright_yx, "{frame:?}");
    };
    let size = [40, 60];
    check(Frame::squash(size, [64, 64]), size, [11, 47]);
    check(Frame::centre_crop(size, 32), size, [33, 20]);
    check(Frame::centred_in_square(size, 48), size, [3, 55]);
    check(Frame::longest_side(size, 96), size, [39, 0]);
    check(Frame::centre_crop([60, 40], 40), [60, 40], [45, 2]);
}

#[test]
fn what_a_centre_crop_cuts_off_is_outside() {
    let frame = Frame::centre_crop([10, 30], 10);
    let heat = frame.to_picture(Array2::ones((5, 5)).view(), -1.0);
    assert_eq!(heat.dim(), (10, 30));
    for (x, column) in heat.columns().into_iter().enumerate() {
        let expected = if (10..20).contains(&x) { 1.0 } else { -1.0 };
        assert!(column.iter().all(|value| *value == expected), "{x}");
    }
}

/// ```python
/// torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 4.]]]]), (3, 5), mode="bilinear", align_corners=False)
/// ```
#[test]
fn maps_are_interpolated_as_by_pytorch() {
    let map = Array2::from_shape_vec((2, 2), vec![0.0, 1.0, 2.0, 4.0]).unwrap();
    let found = Frame::squash([3, 5], [64, 64]).to_picture(map.view(), 0.0);
    let expected = [
        0.0, 0.1, 0.5, 0.9, 1.0, //
        1.0, 1.15, 1.75, 2.35, 2.5, //
        2.0, 2.2, 3.0, 3.8, 4.0,
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}

#[test]
fn boxes_go_with_the_picture() {
    let there = |frame: Frame, b: PictureBox| frame.box_to_input(b);
    let b = PictureBox {
        start_xy: [10.0, 20.0],
        stop_xy: [30.0, 40.0],
    };
    // segment_anything's ResizeLongestSide(1024).apply_boxes on a picture of 100 x 200 (height x width) scales by 5.12.
    let sam = Frame::longest_side([100, 200], 1024);
    assert_eq!(
        there(sam, b),
        PictureBox {
            start_xy: [51.2, 102.4],
            stop_xy: [153.6, 204.8]
        }
    );
    let crop = Frame::centre_crop([100, 200], 50);
    assert_eq!(
        there(crop, b),
        PictureBox {
            start_xy: [-20.0, 10.0],
            stop_xy: [-10.0, 20.0]
        }
    );
    assert_eq!(crop.box_to_picture(there(crop, b)), Some(b));
    let beyond = PictureBox {
        start_xy: [200.0, 0.0],
        stop_xy: [300.0, 10.0],
    };
    assert_eq!(crop.box_to_picture(beyond), None);
}

#[test]
fn normalises_channel_by_channel() {
    let mut rgb = Array3::zeros((1, 2, 3));
    rgb[[0, 1, 2]] = 255;
    let batch = Normalization::IMAGENET.apply(&Picture::new(rgb).unwrap());
    assert_eq!(batch.dim(), (1, 3, 1, 2));
    assert!((batch[[0, 0, 0, 0]] + 0.485 / 0.229).abs() < 1e-6);
    assert!((batch[[0, 2, 0, 1]] - (1.0 - 0.406) / 0.225).abs() < 1e-6);
}
