//! Localizers side by side give what one gives.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use ndarray::Array3;
use scarce_image::{Geometry, Volume};
use scarce_vlm::biomedclip::{BiomedClip, BiomedClipOptions, M2ibOptions, SaliencyOptions};
use scarce_vlm::onnx::SessionOptions;
use scarce_vlm::slices::{SliceBySlice, SliceOptions};
use scarce_vlm::{LocalizeError, Localizer as _, Pool};

fn clip() -> Result<BiomedClip, LocalizeError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/biomedclip");
    let m2ib = M2ibOptions {
        layer: 1,
        ..M2ibOptions::default()
    };
    let options = BiomedClipOptions {
        saliency: SaliencyOptions::M2ib(m2ib),
        ..BiomedClipOptions::default()
    };
    BiomedClip::load(
        &folder,
        options,
        &SessionOptions::default().with_intra_threads(1),
    )
}

#[test]
fn any_number_of_workers_gives_the_same_region() {
    let voxels = Array3::from_shape_fn((7, 40, 30), |(z, y, x)| {
        ((z * 31 + y * 7 + x * 13) % 50) as f32
    });
    let image = Volume::new(
        voxels,
        Geometry::from_spacing_mm_xyz([1.0, 1.0, 2.0]).unwrap(),
    );
    let region = |workers: usize| {
        let pool = Pool::new(workers, clip).unwrap();
        let mut localizer = SliceBySlice::new(pool, SliceOptions::default()).unwrap();
        localizer.localize(&image, "brain tumor").unwrap()
    };
    let mut alone = SliceBySlice::new(clip().unwrap(), SliceOptions::default()).unwrap();
    let expected = alone.localize(&image, "brain tumor").unwrap();
    for workers in [0, 1, 2, 5] {
        assert_eq!(region(workers), expected, "{workers}");
    }
}

#[test]
fn answers_come_in_order_and_workers_share_the_work() {
    let mut made = 0;
    let mut pool = Pool::new(3, || {
        made += 1;
        Ok::<usize, ()>(made)
    })
    .unwrap();
    assert_eq!(pool.workers(), 3);
    let items: Vec<usize> = (0..200).collect();
    let barrier = std::sync::Barrier::new(3);
    let answers = pool.map(&items, |worker, item| {
        // The first three items meet: each is with another worker.
        if *item < 3 {
            barrier.wait();
        }
        (*worker, item * 2)
    });
    assert!(
        answers
            .iter()
            .map(|(_, answer)| *answer)
            .eq((0..200).map(|i| i * 2))
    );
    let mut first: Vec<usize> = answers[..3].iter().map(|(worker, _)| *worker).collect();
    first.sort_unstable();
    assert_eq!(first, [1, 2, 3]);
    assert_eq!(
        pool.map(&[] as &[usize], |_, item| *item),
        Vec::<usize>::new()
    );
}

#[test]
fn the_first_error_is_told() {
    assert_eq!(
        Pool::<usize>::new(4, || Err("no model")).err(),
        Some("no model")
    );
    let pool = Pool::new(2, clip).unwrap();
    let mut localizer = SliceBySlice::new(pool, SliceOptions::default()).unwrap();
    let image = Volume::new(
        Array3::zeros((3, 4, 4)),
        Geometry::from_spacing_mm_xyz([1.0; 3]).unwrap(),
    );
    let error = localizer.localize(&image, "  ").unwrap_err();
    assert!(
        matches!(error, LocalizeError::EmptyPrompt { .. }),
        "{error}"
    );
}
