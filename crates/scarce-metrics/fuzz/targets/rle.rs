//! Compressed runs, runs as numbers, and polygons: two bytes of height, two of width, one of kind, then the content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scarce_metrics::detection::Rle;

fuzz_target!(|bytes: &[u8]| {
    let [h0, h1, w0, w1, kind, content @ ..] = bytes else {
        return;
    };
    let size = [[*h0, *h1], [*w0, *w1]].map(|two| u32::from(u16::from_le_bytes(two)));
    let read = match kind % 3 {
        0 => Rle::from_compressed(size, content),
        1 => {
            let counts: Vec<u32> = content
                .as_chunks()
                .0
                .iter()
                .map(|four| u32::from_le_bytes(*four))
                .collect();
            Rle::from_counts(size, &counts)
        }
        _ => {
            let xy: Vec<f64> = content
                .as_chunks()
                .0
                .iter()
                .map(|four| f64::from(f32::from_le_bytes(*four)))
                .collect();
            Rle::from_polygons(size, &[xy])
        }
    };
    let mask = match read {
        Ok(mask) => mask,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(mask.area() <= size[0] * size[1]);
    assert_eq!(mask.bounding_box().is_none(), mask.area() == 0);
    let text = mask.to_compressed();
    assert_eq!(
        Rle::from_compressed(size, text.as_bytes()).as_ref(),
        Ok(&mask)
    );
    assert_eq!(mask.union(&mask).as_ref(), Ok(&mask));
    assert_eq!(mask.overlap_area(&mask), Ok(mask.area()));
});
